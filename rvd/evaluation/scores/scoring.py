"""From an ensemble file to tidy scores, clip by clip, so that memory holds one clip only."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.scores.maps_file import MapsWriter, atomic_maps
from rvd.evaluation.scores.scores_file import COLUMNS
from rvd.files import atomic_write, reason
from rvd.metrics.base import Clip, Metric
from rvd.metrics.entry import NotComputed, ScoredEnsemble, ScoreSettings
from rvd.metrics.registry import METRICS
from rvd.runtime.progress import progress

MAPS = "maps.h5"  # in the folder of the scores


def score(file: EnsembleFile, settings: ScoreSettings, output: Path) -> pd.DataFrame:
    """Score an ensemble file in one pass, and write the scores and the maps file next to them.

    Both are described in ``docs/data-format.md`` (scores, maps). A metric that cannot be computed
    gets a row without a value, with the reason as its note; the others are written nevertheless.
    Where the file holds values that are not finite, no metric can be computed.

    Args:
        file: An open ensemble file.
        settings: Settings, from :func:`rvd.evaluation.scores.settings.settings_for`.
        output: Path of the CSV.

    Returns:
        The scores as written.

    Raises:
        UserError: ``file`` cannot be read, or ``output`` cannot be written.
    """
    metrics: list[Metric] = list(_metrics(settings, file))
    with atomic_maps(output.with_name(MAPS), file) as maps:
        try:
            _add_clips(file, [*metrics, maps])
        except NotFiniteError as fault:
            print(f"{file.path}: warning: {fault}; nothing is scored", file=sys.stderr)
            metrics = [NotComputed(name, str(fault), file.shape) for name in settings.metrics]
        else:
            maps.finish()
    frames = f"{file.shape.context} context and {file.shape.horizon} future frames"
    if file.clips_from == "authors":
        frames += "; clips as in the authors' test script"
    rows = [asdict(row) for metric in metrics for row in metric.compute()]
    table = pd.DataFrame(rows).assign(
        dataset=file.info.dataset, model=file.info.model, seed=file.info.seed
    )
    table["frame"] = table["frame"].astype("Int64")
    words = table["protocol"]
    table["protocol"] = words.where(words == "", frames + "; " + words)
    with atomic_write(output) as partial:
        table[list(COLUMNS)].to_csv(partial, index=False)
    return table


class NotFiniteError(Exception):
    """A clip holds NaN or infinity; the message tells the clip."""


def _metrics(settings: ScoreSettings, file: EnsembleFile) -> Iterator[Metric]:
    """Yield the metrics of ``settings`` in their order, ready for the clips of ``file``."""
    ensemble = ScoredEnsemble(file.shape, file.info.video.signed, settings)
    for name in settings.metrics:
        yield from METRICS[name].open(ensemble)


def _add_clips(file: EnsembleFile, accumulators: Sequence[Metric | MapsWriter]) -> None:
    with progress(file.shape.clips, f"score {file.info.dataset}/{file.info.model}", "clip") as bar:
        for index in range(file.shape.clips):
            clip = _read(file, index)
            for accumulator in accumulators:
                accumulator.update(clip)
            bar.update()


def _read(file: EnsembleFile, index: int) -> Clip:
    video = file.info.video
    try:
        samples, truth = file.samples[index], file.truth[index]
        context = file.context[index]
    except OSError as error:
        raise UserError(f"{file.path}: clip {index} cannot be read ({reason(error)})") from None
    for name, values in {"samples": samples, "truth": truth, "context": context}.items():
        if not np.isfinite(values).all():
            raise NotFiniteError(f"{name} of clip {index} hold values that are not finite")
    return Clip(samples, truth, context, file.white, (video.minimum, video.maximum))
