"""How models, datasets and metrics are called where people read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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
    "cityscapes": "Cityscapes",
}


@dataclass(frozen=True)
class MetricName:
    """A metric's label, its unit, the digits worth printing, and which way is better."""

    label: str
    decimals: int
    unit: str = ""
    higher_is_better: bool = False

    @property
    def arrow(self) -> str:
        """The label with an arrow towards the better."""
        return f"{self.label} {'↑' if self.higher_is_better else '↓'}"


METRICS = {
    "fvd": MetricName("FVD", 0),
    "lpips": MetricName("LPIPS", 3),
    "crps": MetricName("CRPS", 2, "grey levels"),
    "psnr": MetricName("PSNR", 2, "dB", higher_is_better=True),
    "psnr_best": MetricName("PSNR (best)", 2, "dB", higher_is_better=True),
    "ssim": MetricName("SSIM", 3, higher_is_better=True),
    "ssim_best": MetricName("SSIM (best)", 3, higher_is_better=True),
}


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
