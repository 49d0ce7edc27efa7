"""How models, datasets and metrics are called where people read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

# In the paper's order; then ours, from the most to the least that it knows.
MODELS = {
    "rvd": "RVD",
    "vd": "VD",
    "rvd-2+3": "RVD (2+3)",
    "ivrnn": "IVRNN",
    "ivrnn-4+4": "IVRNN (4+4)",
    "svg-lp": "SVG-LP",
    "retro-gan": "RetroGAN",
    "dvd-gan": "DVD-GAN",
    "future-gan": "FutureGAN",
    "rvd-mean": "RVD, μ alone",
    "analogue": "Analogue",
    "persistence": "Persistence",
}

DATASETS = {
    "kth": "KTH",
    "bair": "BAIR",
    "simulation": "Simulation",
    "simulation-perturbed": "Simulation, perturbed",
    "cityscapes": "Cityscapes",
}


@dataclass(frozen=True)
class MetricName:
    """A metric's label, its unit, the digits worth printing, and which way is better.

    With a ``target`` the best is the nearest to it, and no direction is better.
    """

    label: str
    decimals: int
    unit: str = ""
    higher_is_better: bool = False
    target: float | None = None

    @property
    def arrow(self) -> str:
        """The label with an arrow towards the better, or with what it should be."""
        if self.target is not None:
            return f"{self.label} → {self.target:g}"
        return f"{self.label} {'↑' if self.higher_is_better else '↓'}"


METRICS = {
    "fvd": MetricName("FVD", 0),
    "fvd_floor": MetricName("FVD floor", 0),
    "fvd_standard": MetricName("FVD (standard)", 0),
    "fvd_standard_floor": MetricName("FVD (standard) floor", 0),
    "fvd_standard_context": MetricName("FVD (standard, with context)", 0),
    "fvd_standard_context_floor": MetricName("FVD (standard, with context) floor", 0),
    "lpips": MetricName("LPIPS", 3),
    "lpips_best": MetricName("LPIPS (best)", 3),
    "crps": MetricName("CRPS", 2, "grey levels"),
    "crps_fair": MetricName("fair CRPS", 2, "grey levels"),
    "psnr": MetricName("PSNR", 2, "dB", higher_is_better=True),
    "psnr_best": MetricName("PSNR (best)", 2, "dB", higher_is_better=True),
    "ssim": MetricName("SSIM", 3, higher_is_better=True),
    "ssim_best": MetricName("SSIM (best)", 3, higher_is_better=True),
    "spread_skill": MetricName("spread / error", 2, target=1.0),
    "enstrophy": MetricName("enstrophy error", 3),
    "spectrum": MetricName("spectrum", 1, "dB"),
    "strouhal": MetricName("Strouhal error", 4),
}


def best_of(metric: str, values: pd.Series) -> float:
    """The best of the values of a metric."""
    name = metric_name(metric)
    if name.target is not None:
        return float(values.iloc[int((values - name.target).abs().argmin())])
    return float(values.max() if name.higher_is_better else values.min())


def model_label(model: str) -> str:
    """``svg-lp`` → SVG-LP; a name of the user's own stays as it is."""
    return MODELS.get(model, model)


def dataset_label(dataset: str) -> str:
    """``kth`` → KTH; a name of the user's own stays as it is."""
    return DATASETS.get(dataset, dataset)


def metric_name(metric: str) -> MetricName:
    """What is known of ``metric``; smaller is better where nothing is."""
    return METRICS.get(metric, MetricName(metric.replace("_", " "), 3))


def in_order(models: Iterable[str]) -> list[str]:
    """``models``, each once, known ones in the paper's order, others after."""
    found = list(dict.fromkeys(models))
    known = list(MODELS)
    return sorted(found, key=lambda name: known.index(name) if name in known else len(known))
