"""The paper's own figures: its datasets, models and times, as far as they were run."""

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

# Dataset whose frames a figure of the paper shows, by the figure's number.
FRAMES = {2: "cityscapes", 7: "simulation", 8: "bair", 9: "kth"}
# Figure 3's panels, in the order of Table 1's columns.
DATASETS = ("kth", "bair", "simulation", "cityscapes")
# The rows of Tables 1 and 2, in their order.
TABLE1 = ("rvd", "ivrnn", "svg-lp", "retro-gan", "dvd-gan", "future-gan")
TABLE2 = ("vd", "rvd", "rvd-2+3", "ivrnn", "ivrnn-4+4")
# Figure 4: two models at the 10th future frame.
MAPPED, MAPPED_FRAME = ("rvd", "ivrnn"), 10
# Future frames in a row of Figures 2 and 7 to 9: every third of 16.
FUTURE = 6


def figure_times(context: int, horizon: int) -> list[int]:
    """Return all context frames, and up to six future frames evenly spread from first to last."""
    last = context + horizon - 1
    spread = np.linspace(context, last, min(FUTURE, horizon)).round().astype(int)
    return [*range(context), *map(int, spread)]


def frames_numbers(datasets: Collection[str]) -> list[int]:
    """Return the numbers of the figures of frames to plot: 2, and those of 7 to 9 that were run."""
    return [
        2,
        *(number for number, dataset in FRAMES.items() if number > 2 and dataset in datasets),
    ]


def paper_frames_figure(ensembles: Mapping[str, StoredEnsembles], number: int) -> Figure:
    """Return Figure 2, 7, 8 or 9: the truth, and below it one member of each model of Table 1.

    The title names the models that were not run. Where the paper's dataset was not run, the title
    names the dataset that is shown instead, by another clip, so that no two figures are equal.

    Args:
        ensembles: Ensembles from :func:`rvd.plotting.stored.stored_ensembles`.
        number: Number of the figure: 2, 7, 8 or 9.

    Raises:
        UserError: An ensemble file is faulty.
        KeyError: The paper's figure of this number shows no frames.
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
    """Return 1 / CRPS at each future frame: one panel per dataset of the paper, Table 1's models.

    The title names the models and datasets that were not run; where no dataset of the paper was,
    all are shown. The figure has the page's full width, or that of one column for one dataset.

    Args:
        scores: Tidy scores, from ``read_scores``.
    """
    scored = scores[(scores["metric"] == "crps") & scores["frame"].notna()]
    # A dataset on which only other models were run is not shown.
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
    """Return the CRPS of each pixel at the 10th future frame: RVD and IVRNN, on Cityscapes.

    The title names the dataset that is shown where Cityscapes was not run, and the model that was
    not run.

    Args:
        ensembles: Ensembles from :func:`rvd.plotting.stored.stored_ensembles`.

    Raises:
        UserError: An ensemble file is faulty.
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
    """Return Table 2 as a plot: its five rows on the paper's datasets, ours and the published.

    The title names the datasets that were not run; where no dataset of the paper was scored, all
    are shown.

    Args:
        table: ``ablation.csv``, from ``read_table``.
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
    """Return ``dataset``, or another that was run: first the paper's other one of 128 pixels."""
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
    """Return a sentence with those of ``wanted`` that were not run; empty where all were."""
    missing = [label(name) for name in wanted if name not in run]
    return f"Not run, so left out: {', '.join(missing)}." if missing else ""


def _lines(*sentences: str) -> str:
    return "\n".join(filter(None, sentences))
