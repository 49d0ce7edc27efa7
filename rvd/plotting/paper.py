"""The paper's own figures: its datasets, models and times, from whatever was run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rvd.datasets.registry import dataset_label
from rvd.models.registry import model_label
from rvd.plotting.ablation import ablation_figure
from rvd.plotting.by_frame import by_frame_figure
from rvd.plotting.crps_maps import crps_row_figure
from rvd.plotting.frames import frames_figure
from rvd.plotting.stored import StoredEnsembles
from rvd.plotting.style import COLUMN_WIDTH, FULL_WIDTH, notice

# The number of the figure that shows a dataset's frames.
FRAMES = {2: "cityscapes", 7: "simulation", 8: "bair", 9: "kth"}
# Figure 3's panels, in the order of Table 1's columns.
DATASETS = ("kth", "bair", "simulation", "cityscapes")
# The rows of Tables 1 and 2, in their order.
TABLE1 = ("rvd", "ivrnn", "svg-lp", "retro-gan", "dvd-gan", "future-gan")
TABLE2 = ("vd", "rvd", "rvd-2+3", "ivrnn", "ivrnn-4+4")
# Figure 4: two models at the 10th future frame.
MAPPED, MAPPED_FRAME = ("rvd", "ivrnn"), 10
# Future frames in a row of Figures 2 and 7 to 9: with 16 of them, each third.
FUTURE = 6


def figure_times(context: int, horizon: int) -> list[int]:
    """All context frames, and up to six of the future from the first to the last, evenly spread."""
    last = context + horizon - 1
    spread = np.linspace(context, last, min(FUTURE, horizon)).round().astype(int)
    return [*range(context), *map(int, spread)]


def frames_numbers(datasets: Collection[str]) -> list[int]:
    """The numbers of the figures of frames to draw: 2, and those of 7 to 9 that were run."""
    return [
        2,
        *(number for number, dataset in FRAMES.items() if number > 2 and dataset in datasets),
    ]


def paper_frames_figure(ensembles: Mapping[str, StoredEnsembles], number: int) -> Figure:
    """Figures 2, 7, 8 and 9: the truth, and below it one member of each model of Table 1.

    Args:
        ensembles: as :func:`rvd.plotting.stored.stored_ensembles` gives them.
        number: 2, 7, 8 or 9.

    Returns:
        The figure. Its title names models that were not run, and the dataset that is shown where
        the paper's was not run; another clip of it is then shown, so that no two figures are equal.

    Raises:
        UserError: an ensemble file is faulty.
        KeyError: the paper's figure of this ``number`` shows no frames.
    """
    dataset = _stand_in(FRAMES[number], ensembles)
    if dataset is None:
        return notice(f"Figure {number}: there are no samples.")
    stored = ensembles[dataset]
    clip = stored.clip(0 if dataset == FRAMES[number] else stored.clips - 1, members=1)
    given = len(clip.context)
    title = (
        f"Figure {number}. {dataset_label(dataset)}: frames 0 to {given - 1} are given, "
        f"{given} to {given + clip.horizon - 1} forecast ({clip.video})"
    )
    notes = [_replaced(FRAMES[number], dataset), _not_run(TABLE1, clip.members)]
    return frames_figure(
        clip,
        figure_times(given, clip.horizon),
        models=[model for model in TABLE1 if model in clip.members],
        title=_lines(title, *notes),
    )


def figure3(scores: pd.DataFrame) -> Figure:
    """1 / CRPS at each future frame: a panel for each of the paper's datasets, Table 1's models.

    Args:
        scores: tidy scores as ``read_scores`` gives them.

    Returns:
        The figure: of the page's full width, or of one column for one dataset. Its title names
        models and datasets that were not run; where no dataset of the paper was, all are shown.
    """
    scored = scores[(scores["metric"] == "crps") & scores["frame"].notna()]
    # A dataset on which only other models were run has nothing to show here.
    found = list(dict.fromkeys(scored.loc[scored["model"].isin(TABLE1), "dataset"]))
    if not found:
        return notice("Figure 3: no model of Table 1 has a CRPS by frame.")
    shown = [name for name in DATASETS if name in found] or found
    models = {name: set(scored.loc[scored["dataset"] == name, "model"]) for name in shown}
    run = [model for model in TABLE1 if any(model in present for present in models.values())]
    notes = [_not_run(DATASETS, found, dataset_label), _not_run(TABLE1, run)]
    for dataset, present in models.items():
        if missing := [model_label(model) for model in run if model not in present]:
            notes.append(f"{dataset_label(dataset)} is without {', '.join(missing)}.")
    return by_frame_figure(
        scores,
        inverse=True,
        models=TABLE1,
        datasets=shown,
        columns=4,
        width=FULL_WIDTH if len(shown) > 1 else COLUMN_WIDTH,
        title=_lines("Figure 3. Inverse CRPS at each future frame: higher is better", *notes),
    )


def figure4(ensembles: Mapping[str, StoredEnsembles]) -> Figure:
    """The CRPS of each pixel at the 10th future frame: RVD against IVRNN, on Cityscapes.

    Args:
        ensembles: as :func:`rvd.plotting.stored.stored_ensembles` gives them.

    Returns:
        The figure. Its title names the dataset that is shown where Cityscapes was not run, and the
        model that was not run.

    Raises:
        UserError: an ensemble file is faulty.
    """
    wanted = {
        name: stored
        for name, stored in ensembles.items()
        if not set(MAPPED).isdisjoint(stored.paths)
    }
    dataset = _stand_in("cityscapes", wanted)
    if dataset is None:
        return notice("Figure 4: there are no samples of RVD or IVRNN.")
    clip = ensembles[dataset].clip(0)
    models = [model for model in MAPPED if model in clip.members]
    frame = min(MAPPED_FRAME, clip.horizon)
    title = (
        f"Figure 4. {dataset_label(dataset)}, {clip.video}: CRPS of each pixel of future frame "
        f"{frame} (t = {len(clip.context) + frame - 1}); darker is worse"
    )
    short = f"The forecast has fewer than {MAPPED_FRAME} frames." if frame < MAPPED_FRAME else ""
    notes = [_replaced("cityscapes", dataset), _not_run(MAPPED, clip.members), short]
    return crps_row_figure(clip, models, frame, _lines(title, *notes))


def table2_figure(table: pd.DataFrame) -> Figure:
    """Table 2 as a plot: its five rows on the paper's datasets, ours and the published scores.

    Args:
        table: ``ablation.csv`` as ``read_table`` gives it.

    Returns:
        The figure, which names the datasets that were not run; where no dataset of the paper was
        scored, one of all datasets.
    """
    rows = table[table["model"].isin(TABLE2)]
    of_paper = rows[rows["dataset"].isin(DATASETS)]
    shown = of_paper if of_paper["ours"].notna().any() else rows
    run = set(shown.loc[shown["ours"].notna(), "dataset"])
    return ablation_figure(
        shown,
        _lines(
            "Table 2: residuals against frames, and shorter training clips",
            _not_run(DATASETS, run, dataset_label),
        ),
    )


def _stand_in(dataset: str, available: Iterable[str]) -> str | None:
    """``dataset``, or another that was run: the paper's other one of 128 pixels first."""
    found = list(available)
    for name in (dataset, "simulation", *DATASETS, *found):
        if name in found:
            return name
    return None


def _replaced(dataset: str, shown: str) -> str:
    if dataset == shown:
        return ""
    wanted, other = dataset_label(dataset), dataset_label(shown)
    return f"The paper shows {wanted} here, which was not run; this is {other}."


def _not_run(
    wanted: Sequence[str], run: Collection[str], label: Callable[[str], str] = model_label
) -> str:
    """A sentence that names those of ``wanted`` that were not run; empty where all were."""
    missing = [label(name) for name in wanted if name not in run]
    return f"Not run, so left out: {', '.join(missing)}." if missing else ""


def _lines(*sentences: str) -> str:
    return "\n".join(filter(None, sentences))
