"""How models, datasets and metrics are called where people read them."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


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


def metric_name(metric: str) -> MetricName:
    """What is known of ``metric``; smaller is better where nothing is."""
    return METRICS.get(metric, MetricName(metric.replace("_", " "), 3))
