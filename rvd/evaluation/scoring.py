"""From an ensemble file to tidy scores, clip by clip, so that memory holds one clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from rvd.errors import UserError
from rvd.evaluation.crps import crps
from rvd.evaluation.ensemble_file import EnsembleFile
from rvd.evaluation.quality import psnr, ssim
from rvd.files import written_whole
from rvd.progress import progress

COLUMNS = (
    "dataset",
    "model",
    "seed",
    "metric",
    "frame",
    "value",
    "videos",
    "ensemble",
    "protocol",
)
GREY_LEVELS = 255.0

PROTOCOLS = {
    "crps": "biased ensemble estimator per pixel on the 0-255 scale, mean over pixels and clips",
    "psnr": "mean over members and clips",
    "psnr_best": "best member of each clip and frame, mean over clips",
    "ssim": "mean over members and clips",
    "ssim_best": "best member of each clip and frame, mean over clips",
}


def score(samples: Path, metrics: Sequence[str], output: Path) -> None:
    """Score an ensemble file and write ``output`` (``docs/data-format.md``, scores).

    Args:
        samples: an ensemble file.
        metrics: of ``crps``, ``psnr``, ``ssim``.
        output: the CSV.

    Raises:
        UserError: the file is damaged or holds values that are not finite; nothing is written.
    """
    with EnsembleFile(samples) as file:
        totals: dict[str, NDArray[np.float64]] = {}
        clips = file.shape.clips
        with progress(clips, f"score {file.info.dataset}/{file.info.model}", "clip") as bar:
            for clip in range(clips):
                for metric, frames in _clip_scores(file, clip, metrics):
                    totals[metric] = totals.get(metric, 0) + frames / clips
                bar.update()
        table = pd.DataFrame(_rows(file, totals), columns=pd.Index(COLUMNS))
    with written_whole(output) as partial:
        table.to_csv(partial, index=False)


def _clip_scores(
    file: EnsembleFile, clip: int, metrics: Sequence[str]
) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each metric's value at each future frame of one clip."""
    samples, truth = file.samples[clip], file.truth[clip]
    for name, values in (("samples", samples), ("truth", truth)):
        if not np.isfinite(values).all():
            raise UserError(f"{file.path}: {name} of clip {clip} hold values that are not finite")
    if "crps" in metrics:
        scale = GREY_LEVELS / file.white
        yield "crps", crps(samples, truth).mean((1, 2, 3)) * scale
    quality = {"psnr": psnr, "ssim": ssim}
    for metric in metrics:
        if metric in quality:
            values = quality[metric](_unit(samples, file.white), _unit(truth, file.white))
            yield metric, values.mean(0).double().numpy()
            yield f"{metric}_best", values.amax(0).double().numpy()


def _unit(frames: NDArray, white: float) -> Tensor:
    """Frames (…, height, width, channel) as float32 (…, channel, height, width) in [0, 1]."""
    return torch.from_numpy(np.moveaxis(frames, -1, -3).astype(np.float32) / white)


def _rows(
    file: EnsembleFile, totals: dict[str, NDArray[np.float64]]
) -> Iterator[tuple[str, str, int, str, int | None, float, int, int, str]]:
    """A row for each future frame, and one without a frame for the mean over them."""
    info, shape = file.info, file.shape
    for metric, frames in totals.items():
        setting = f"{shape.context} context and {shape.horizon} future frames; {PROTOCOLS[metric]}"
        values = [*((index + 1, value) for index, value in enumerate(frames))]
        for frame, value in [*values, (None, frames.mean())]:
            yield (
                info.dataset,
                info.model,
                info.seed,
                metric,
                frame,
                float(value),
                shape.clips,
                shape.ensemble,
                setting,
            )
