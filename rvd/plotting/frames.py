"""Frames of the truth and of every model's forecast side by side (Figures 2, 7, 8 and 9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rvd.evaluation.names import dataset_label, model_label
from rvd.plotting.stored import ClipForecasts, distinct
from rvd.plotting.style import FULL_WIDTH, styled
from rvd.video.pictures import Picture, to_picture

# Inches: a picture, the models' names to the left, the heading above.
CELL, LABELS, HEADINGS = 0.72, 0.95, 0.42


@styled
def frames_figure(
    clip: ClipForecasts,
    times: Sequence[int] | None = None,
    members: int = 1,
    models: Sequence[str] | None = None,
) -> Figure:
    """The truth in the top row, context first; below it ``members`` rows for each model.

    Args:
        clip: a test clip and its forecasts.
        times: frame indices to show, with 0 the first context frame, as the paper counts; the
            default is the last context frame and up to eight of the future.
        members: members of each ensemble to show; of equal members one is shown.
        models: which models, in this order; the default is all.

    Returns:
        A figure with a row of pictures for the truth and for each member shown.

    Raises:
        ValueError: a time lies outside the clip.
    """
    given = len(clip.context)
    times = default_times(given, clip.horizon) if times is None else list(times)
    if not all(0 <= time < given + clip.horizon for time in times):
        raise ValueError(f"times {times} are not all within 0 … {given + clip.horizon - 1}")
    signed = clip.info.signed
    truth = to_picture(np.concatenate([clip.context, clip.truth]), signed)
    rows = [("Truth", truth, 0)]
    for model in clip.models if models is None else models:
        for number, member in enumerate(distinct(clip.members[model][:members])):
            label = model_label(model) if number == 0 else f"member {number + 1}"
            rows.append((label, to_picture(member, signed), given))
    height, width = truth.shape[1:3]
    size = min(CELL, (FULL_WIDTH - LABELS) / len(times))
    inches = (LABELS + size * len(times), HEADINGS + size * len(rows) * height / width)
    figure = Figure(figsize=inches)
    figure.subplots_adjust(LABELS / inches[0], 0, 1, 1 - HEADINGS / inches[1])
    axes = figure.subplots(
        len(rows), len(times), squeeze=False, gridspec_kw={"wspace": 0.05, "hspace": 0.05}
    )
    for row, (label, pictures, first) in zip(axes, rows, strict=True):
        for axis, time in zip(row, times, strict=True):
            _show(axis, pictures[time - first] if time >= first else None)
        row[0].text(
            -0.12, 0.5, label, transform=row[0].transAxes, ha="right", va="center", fontsize=8
        )
    for axis, time in zip(axes[0], times, strict=True):
        axis.set_title(f"t = {time}", fontsize=8, pad=3, color="#666" if time < given else "black")
    figure.text(
        LABELS / inches[0],
        1,
        f"{dataset_label(clip.dataset)}: {clip.video}; frames 0 to {given - 1} are given",
        va="top",
        fontsize=9,
    )
    return figure


def default_times(context: int, horizon: int, most: int = 8) -> list[int]:
    """The last context frame, and up to ``most`` future frames evenly spread to the last one."""
    spread = np.linspace(context, context + horizon - 1, min(most, horizon)).round().astype(int)
    return [context - 1, *map(int, spread)]


def _show(axis: Axes, picture: Picture | None) -> None:
    """A picture without ticks; nothing where there is none."""
    axis.set_xticks([])
    axis.set_yticks([])
    axis.grid(False)
    for spine in axis.spines.values():
        spine.set_visible(False)
    if picture is None:
        axis.patch.set_visible(False)
        return
    axis.imshow(picture, interpolation="nearest")
