"""Frames of the truth and of each model's forecast (Figures 2, 7, 8 and 9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from rvd.datasets.registry import dataset_label
from rvd.models.registry import model_label
from rvd.plotting.stored import ClipForecasts, distinct
from rvd.plotting.style import COLUMN_WIDTH, FULL_WIDTH, styled, wrapped
from rvd.video.pictures import Picture, to_picture

# Inches: widest picture, column of the models' names, row of the times, line of the title.
CELL, LABELS, TIMES, LINE = 1.0, 0.82, 0.2, 0.16
# Gap between pictures, as a fraction of their width.
GAP = 0.05


@styled
def frames_figure(
    clip: ClipForecasts,
    times: Sequence[int] | None = None,
    members: int = 1,
    models: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Return the truth in the top row, context first; below it ``members`` rows per model.

    Args:
        clip: A test clip and its forecasts.
        times: Frame indices to show, from 0 for the first context frame, as in the paper; None for
            the last context frame and up to eight future frames.
        members: Number of members to show of each ensemble; equal members are shown once.
        models: Models to show, in this order, with a notice for those without samples; None for all
            that have samples.
        title: Lines above the rows; None names the dataset, the video and the given frames.

    Returns:
        The figure, with one row of pictures for the truth and for each member shown.

    Raises:
        ValueError: A time lies outside the clip.
    """
    given = len(clip.context)
    times = default_times(given, clip.horizon) if times is None else list(times)
    if not all(0 <= time < given + clip.horizon for time in times):
        raise ValueError(f"times {times} are not all within 0 … {given + clip.horizon - 1}")
    signed = clip.info.signed
    truth = to_picture(np.concatenate([clip.context, clip.truth]), signed)
    rows: list[tuple[str, Picture | None, int]] = [("Truth", truth, 0)]
    for model in clip.models if models is None else models:
        if model not in clip.members:
            rows.append((model_label(model), None, given))
            continue
        for number, member in enumerate(distinct(clip.members[model][:members])):
            label = model_label(model) if number == 0 else f"member {number + 1}"
            rows.append((label, to_picture(member, signed), given))
    # One axes for all pictures, in units of a picture's width.
    height = truth.shape[1] / truth.shape[2]
    across, down = len(times) * (1 + GAP) - GAP, len(rows) * (height + GAP) - GAP
    # A few pictures fit into a column of the page.
    page = COLUMN_WIDTH if len(times) < 5 else FULL_WIDTH
    size = min(CELL, (page - LABELS) / across)
    if title is None:
        title = f"{dataset_label(clip.dataset)}: {clip.video}; frames 0 to {given - 1} are given"
    title = wrapped(title, page, 8.5)
    heading = TIMES + LINE * len(title.splitlines())
    inches = (page, heading + size * down)
    figure = Figure(figsize=inches)
    axis = figure.add_axes((LABELS / page, 0, size * across / page, size * down / inches[1]))
    axis.set_axis_off()
    for row, (label, pictures, first) in enumerate(rows):
        top = row * (height + GAP)
        middle = top + height / 2
        name = axis.text(-0.12, middle, label, ha="right", va="center", fontsize=7.5)
        # Smaller where it is too long for the margin.
        room = LABELS - 0.15 * size
        excess = name.get_window_extent().width / figure.dpi / room
        name.set_fontsize(7.5 / max(1.0, excess))
        if pictures is None:
            axis.text(1 + GAP, middle, "no samples", va="center", fontsize=8, color="#555555")
            continue
        for column, time in enumerate(times):
            if time >= first:
                left = column * (1 + GAP)
                extent = (left, left + 1, top + height, top)
                axis.imshow(pictures[time - first], extent=extent, interpolation="nearest")
    for column, time in enumerate(times):
        axis.text(
            column * (1 + GAP) + 0.5, -0.06, f"t = {time}", ha="center", fontsize=7.5,
            color="#666666" if time < given else "black",
        )  # fmt: skip
    axis.set_xlim(0, across)
    axis.set_ylim(down, 0)
    figure.text(0.01, 1 - 0.02 / inches[1], title, va="top", fontsize=8.5)
    return figure


def default_times(context: int, horizon: int, most: int = 8) -> list[int]:
    """Return the last context frame and up to ``most`` future frames, evenly spread to the last."""
    spread = np.linspace(context, context + horizon - 1, min(most, horizon)).round().astype(int)
    return [context - 1, *map(int, spread)]
