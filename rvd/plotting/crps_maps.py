"""Maps of the CRPS of each pixel (Figure 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from rvd.datasets.registry import dataset_label
from rvd.errors import UserError
from rvd.metrics.functional.crps import crps
from rvd.models.registry import model_label
from rvd.plotting.stored import ClipForecasts
from rvd.plotting.style import COLUMN_WIDTH, FULL_WIDTH, styled, wrapped
from rvd.video.pictures import ERROR_MAP, to_picture

MOST_COLUMNS = 7
# Width of the colour bar, in inches.
COLORBAR = 0.6


def crps_maps(clip: ClipForecasts, model: str) -> NDArray[np.float64]:
    """Return the CRPS of each pixel, (future frame, height, width), in grey levels of 255.

    It is the mean over channels.
    """
    scale = 1 if clip.truth.dtype == np.uint8 else 255
    return crps(clip.members[model], clip.truth).mean(axis=-1) * scale


def error_scale(maps: Mapping[str, NDArray[Any]]) -> float:
    """Return the CRPS of the darkest colour, the same for all models.

    It is the 99th percentile of the worst model, since the largest values would hide the rest.
    Copying the last frame is ignored where there is another model: its errors are much larger.
    """
    compared = {model: values for model, values in maps.items() if model != "persistence"} or maps
    return max(float(np.percentile(values, 99)) for values in compared.values())


@styled
def crps_maps_figure(
    clip: ClipForecasts, frame: int = 10, models: Sequence[str] | None = None
) -> Figure:
    """Return the truth, then for each model a member and its CRPS map, all maps on one scale.

    Args:
        clip: A test clip and its forecasts.
        frame: Future frame, from 1 (Figure 4 shows the 10th); the last where there are fewer.
        models: Models to show (Figure 4: RVD and IVRNN), with a notice for those without samples;
            None for all that have samples.

    Returns:
        The figure; darker is worse.

    Raises:
        UserError: None of ``models`` has samples.
    """
    at = min(frame, clip.horizon) - 1
    names = list(clip.models if models is None else models)
    maps = {model: crps_maps(clip, model)[at] for model in names if model in clip.members}
    if not maps:
        raise UserError(f"{clip.dataset}: there are no samples of {', '.join(names)}")
    greatest = error_scale(maps)
    signed = clip.info.signed
    cells = len(names) + 1
    columns = min(cells, MOST_COLUMNS)
    bands = -(-cells // columns)
    page = COLUMN_WIDTH if columns < 4 else FULL_WIDTH
    size = (page - COLORBAR) / columns
    height, width = clip.truth.shape[1:3]
    figure = Figure(
        figsize=(page, bands * (2 * size * height / width + 0.5) + 0.3), layout="constrained"
    )
    axes = figure.subplots(2 * bands, columns, squeeze=False)
    for axis in axes.flat:
        axis.set_axis_off()
    # Bands of two rows: pictures, and their maps below them.
    places = axes.reshape(bands, 2, columns).transpose(0, 2, 1).reshape(-1, 2)
    places[0, 0].imshow(to_picture(clip.truth[at], signed), interpolation="nearest")
    places[0, 0].set_title(f"Truth, t = {len(clip.context) + at}", fontsize=8)
    image: Any = None
    for (picture, error), model in zip(places[1:cells], names, strict=True):
        picture.set_title(model_label(model), fontsize=8)
        if model not in maps:
            picture.set_box_aspect(height / width)
            picture.text(0.5, 0.5, "no samples", transform=picture.transAxes, ha="center")
            continue
        picture.imshow(to_picture(clip.members[model][0, at], signed), interpolation="nearest")
        image = error.imshow(
            maps[model], cmap=ERROR_MAP, vmin=0, vmax=greatest, interpolation="nearest"
        )
        error.set_title(f"mean {maps[model].mean():.2f}", fontsize=8)
    figure.colorbar(
        image, ax=list(axes.flat), label="CRPS (grey levels)", shrink=0.6, aspect=20, extend="max"
    )
    figure.suptitle(
        f"{dataset_label(clip.dataset)}, {clip.video}: CRPS of future frame {at + 1}", fontsize=9
    )
    return figure


@styled
def crps_row_figure(clip: ClipForecasts, models: Sequence[str], frame: int, title: str) -> Figure:
    """Return the truth, a member of each model, and to the right their CRPS maps, in one row.

    Args:
        clip: A test clip and its forecasts.
        models: Models with samples, at least one.
        frame: Future frame, from 1; the last where there are fewer.
        title: Lines above the row.

    Returns:
        The figure; darker is worse, and all maps are on one scale.
    """
    at = min(frame, clip.horizon) - 1
    maps = {model: crps_maps(clip, model)[at] for model in models}
    greatest = error_scale(maps)
    signed = clip.info.signed
    columns = 1 + 2 * len(models)
    title = wrapped(title, FULL_WIDTH, 8.5)
    height, width = clip.truth.shape[1:3]
    size = (FULL_WIDTH - COLORBAR) / columns
    inches = size * height / width + 0.35 + 0.15 * len(title.splitlines())
    figure = Figure(figsize=(FULL_WIDTH, inches), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=8.5)
    axes = list(figure.subplots(1, columns, squeeze=False).flat)
    for axis in axes:
        axis.set_axis_off()
    axes[0].imshow(to_picture(clip.truth[at], signed), interpolation="nearest")
    axes[0].set_title("Truth")
    image: Any = None
    for model, picture, error in zip(
        models, axes[1 : 1 + len(models)], axes[1 + len(models) :], strict=True
    ):
        picture.imshow(to_picture(clip.members[model][0, at], signed), interpolation="nearest")
        picture.set_title(model_label(model))
        image = error.imshow(
            maps[model], cmap=ERROR_MAP, vmin=0, vmax=greatest, interpolation="nearest"
        )
        error.set_title(f"{model_label(model)}: mean {maps[model].mean():.2f}", fontsize=8)
    figure.colorbar(image, ax=axes, label="CRPS (grey levels)", shrink=0.8, aspect=15, extend="max")
    return figure
