"""From an ensemble file to tidy scores, clip by clip, so that memory holds one clip."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from rvd.errors import UserError
from rvd.evaluation.choice import ScoreSettings, metrics_for, settings_for
from rvd.evaluation.ensemble_file import EnsembleFile
from rvd.evaluation.metrics import Clip, Missing
from rvd.evaluation.scores_file import COLUMNS
from rvd.files import written_whole
from rvd.progress import progress

__all__ = ["ScoreSettings", "score", "settings_for"]


def score(file: EnsembleFile, settings: ScoreSettings, output: Path) -> pd.DataFrame:
    """Score an ensemble file in one pass and write ``output`` (``docs/data-format.md``, scores).

    A metric that cannot be computed has a row without a value that says why; the others are
    written all the same.

    Args:
        file: an open ensemble file.
        settings: what is scored; :func:`settings_for` reads them from a config.
        output: the CSV.

    Returns:
        The scores as written.

    Raises:
        UserError: the file holds values that are not finite (nothing is written), or ``output``
            cannot be written.
    """
    metrics = list(metrics_for(settings, file))
    needed = [metric for metric in metrics if not isinstance(metric, Missing)]
    clips = file.shape.clips if needed else 0
    with progress(clips, f"score {file.info.dataset}/{file.info.model}", "clip") as bar:
        for index in range(clips):
            clip = _read(file, index)
            for metric in needed:
                metric.add(clip)
            bar.update()
    frames = f"{file.shape.context} context and {file.shape.horizon} future frames"
    rows = [asdict(row) for metric in metrics for row in metric.scores()]
    table = pd.DataFrame(rows).assign(
        dataset=file.info.dataset, model=file.info.model, seed=file.info.seed
    )
    table["frame"] = table["frame"].astype("Int64")
    words = table["protocol"]
    table["protocol"] = words.where(words == "", frames + "; " + words)
    with written_whole(output) as partial:
        table[list(COLUMNS)].to_csv(partial, index=False)
    return table


def _read(file: EnsembleFile, index: int) -> Clip:
    video = file.info.video
    parts = {
        "samples": file.samples[index],
        "truth": file.truth[index],
        "context": file.context[index],
    }
    for name, values in parts.items():
        if not np.isfinite(values).all():
            raise UserError(f"{file.path}: {name} of clip {index} hold values that are not finite")
    return Clip(**parts, white=file.white, span=(video.minimum, video.maximum))
