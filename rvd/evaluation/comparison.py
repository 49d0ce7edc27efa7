"""Scores of two sets of videos, without a config: FVD, LPIPS, PSNR, SSIM and CRPS."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rvd.datasets.external.arrays import FORECASTS, RECORDED
from rvd.datasets.external.clips import Clips, open_clips
from rvd.errors import UserError
from rvd.metrics.base import Clip, EnsembleShape, Metric, Score
from rvd.metrics.entry import LpipsNet, NotComputed, ScoredEnsemble, ScoreSettings
from rvd.metrics.fvd import FvdProtocol, VideoDistances
from rvd.metrics.networks.features import CachedFeatures
from rvd.metrics.registry import METRICS, score_label
from rvd.runtime.progress import progress
from rvd.video.ranges import stored_to_unit

# Of the ensemble, its CRPS is a score; of one video, it would be the mean absolute error.
PAIRED = ("lpips", "psnr", "ssim")
ENSEMBLE = ("crps", "crps_fair")


@dataclass(frozen=True)
class WholeVideos(FvdProtocol):
    """FVD of all videos, whole."""

    def words(self, available: int, context: int, horizon: int) -> str:
        """Return the protocol in words."""
        return super().words(available, context, horizon).replace(" future frames", " frames")


# Only videos that have a covariance are refused; the words say where there are too few.
WHOLE = WholeVideos("fvd", "all", 2, None, context=False)


def compare(
    real: Path, fake: Path, weights: Path, lpips_network: LpipsNet = "alex"
) -> list[dict[str, Any]]:
    """Return the scores of generated or forecast videos against real ones.

    Videos are paired in their order, by the natural order of names in folders. FVD is that of all
    videos, of the first member each.

    Args:
        real: Real videos: an array (clip, frame, height, width, channel), or a folder of films.
        fake: Videos of the same number, length and size, or several members of each: an array
            (clip, member, frame, height, width, channel), or a folder with a folder of films per
            clip.
        weights: Folder of the networks' weights, as ``rvd fetch-weights`` writes them.
        lpips_network: Network of LPIPS.

    Returns:
        One mapping per score, with ``metric``, ``value`` (None where there is none), ``low`` and
        ``high`` (95 % interval, or None), ``clips``, ``members``, ``frames``, ``protocol`` and
        ``note``.

    Raises:
        UserError: A file or film cannot be read, or the two differ in number, length or size.
    """
    truth, forecasts = _open(real, fake)
    shape = EnsembleShape(len(truth), forecasts.members, 0, truth.format.frames, truth.format.frame)
    settings = ScoreSettings((), weights, lpips_network)
    metrics = list(_metrics(ScoredEnsemble(shape, False, settings)))
    with progress(len(truth), "compare", "clip") as bar:
        for index in range(len(truth)):
            clip = _clip(truth, forecasts, index)
            for metric in metrics:
                metric.update(clip)
            bar.update()
    scores = [score for metric in metrics for score in metric.compute() if score.frame is None]
    return [_described(score, shape) for score in scores if _is_shown(score, shape)]


def as_lines(scores: Sequence[dict[str, Any]]) -> str:
    """Return scores in words, one line each: label, value and unit, interval, protocol or note."""
    return "\n".join(map(_line, scores))


def as_json(scores: Sequence[dict[str, Any]]) -> str:
    """Return scores as a JSON list."""
    return json.dumps(scores, ensure_ascii=False, indent=1)


def _open(real: Path, fake: Path) -> tuple[Clips, Clips]:
    channels = 3
    if real.is_dir() and not fake.is_dir():
        # The array tells whether films are grey.
        channels = open_clips(fake, names=FORECASTS).format.frame[2]
    truth = open_clips(real, channels=channels, names=RECORDED)
    if truth.members != 1:
        raise UserError(f"{real}: has {truth.members} members of each clip; real videos have one")
    forecasts = open_clips(fake, truth.format, names=FORECASTS)
    if len(truth) != len(forecasts):
        raise UserError(f"{real} has {len(truth)} videos, {fake} has {len(forecasts)}")
    return truth, forecasts


def _metrics(ensemble: ScoredEnsemble) -> Iterator[Metric]:
    shape = ensemble.shape
    reason = WHOLE.why_not(shape.clips, 0, shape.horizon)
    try:
        if reason is None:
            weights = ensemble.settings.weights / "i3d.safetensors"
            yield VideoDistances([WHOLE], shape, CachedFeatures(weights, None))
    except UserError as error:
        reason = str(error)
    if reason is not None:
        yield NotComputed(WHOLE.name, reason, shape)
    for name in (*PAIRED, *(ENSEMBLE if shape.ensemble > 1 else ())):
        yield from METRICS[name].open(ensemble)


def _clip(truth: Clips, forecasts: Clips, index: int) -> Clip:
    recorded, samples = truth.read(index)[0], forecasts.read(index)
    white = 255.0
    if not recorded.dtype == samples.dtype == np.uint8:
        recorded, samples, white = stored_to_unit(recorded), stored_to_unit(samples), 1.0
    return Clip(samples, recorded, recorded[:0], white, (0.0, 255.0))


def _is_shown(score: Score, shape: EnsembleShape) -> bool:
    """Leave out the best of one member."""
    return shape.ensemble > 1 or not score.metric.endswith("_best")


def _described(score: Score, shape: EnsembleShape) -> dict[str, Any]:
    return {
        "metric": score.metric,
        "value": None if np.isnan(score.value) else float(score.value),
        "low": None if score.low is None else float(score.low),
        "high": None if score.high is None else float(score.high),
        "clips": int(score.videos),
        "members": int(score.ensemble),
        "frames": shape.horizon,
        "protocol": score.protocol,
        "note": score.note,
    }


def _line(score: dict[str, Any]) -> str:
    label = score_label(score["metric"])
    if score["value"] is None:
        return f"{label.label}: not computed ({score['note']})"
    value = f"{score['value']:.{label.decimals}f}"
    unit = f" {label.unit}" if label.unit else ""
    low, high = score["low"], score["high"]
    interval = (
        "" if low is None else f" (95 %: {low:.{label.decimals}f} to {high:.{label.decimals}f})"
    )
    members = f"{score['members']} member{'' if score['members'] == 1 else 's'}"
    counts = f"{score['clips']} clips of {score['frames']} frames, {members}"
    return f"{label.label}: {value}{unit}{interval}; {counts}; {score['protocol']}"
