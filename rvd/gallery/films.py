"""Films as strips of pictures: all frames of a video in a row in one image.

A page shows one frame of a strip by moving it behind a window, so that one number moves all films
of a page in step, and one frame is visible where no script runs.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from rvd.models.registry import model_label
from rvd.plotting.crps_maps import crps_maps, error_scale
from rvd.plotting.stored import ClipForecasts, distinct
from rvd.video.pictures import Picture, error_picture, to_picture

# Widest frame in pixels that is stored losslessly: there each pixel is visible.
LOSSLESS_WIDTH = 48
QUALITY = 88
WEBP_WIDTH = 16383  # largest that the format allows


@dataclass(frozen=True)
class Film:
    """A strip of pictures as a data URI, with its title."""

    title: str
    uri: str


@dataclass(frozen=True)
class ModelFilms:
    """A model's films: members of its ensemble, then the map of their CRPS.

    Attributes:
        label: Label of the model.
        members: Films of members.
        map: Film of the CRPS of each pixel.
        crps: Mean of the map at each future frame, in grey levels.
    """

    label: str
    members: Sequence[Film]
    map: Film
    crps: Sequence[float]

    @property
    def films(self) -> list[Film]:
        """All films."""
        return [*self.members, self.map]


@dataclass(frozen=True)
class ClipFilms:
    """A test clip: the truth, and each model's films.

    Attributes:
        title: Name of the clip.
        given: Number of context frames, which come first.
        frames: Number of all frames.
        height: Height of a frame in pixels.
        width: Width of a frame in pixels.
        rate: Frames per second.
        truth: Film of the truth.
        models: Films of each model.
        members: Largest number of members shown of a model.
        ensemble: Largest number of members of a model.
        darkest: CRPS of the darkest colour of the maps.
    """

    title: str
    given: int
    frames: int
    height: int
    width: int
    rate: float
    truth: Film
    models: Sequence[ModelFilms]
    members: int
    ensemble: int
    darkest: float

    @property
    def size(self) -> int:
        """The size of all films in a page, in bytes."""
        films = [self.truth, *(film for model in self.models for film in model.films)]
        return sum(len(film.uri) for film in films)

    def with_members(self, count: int) -> ClipFilms:
        """Return the same clip with at most ``count`` members of each ensemble."""
        models = [replace(model, members=model.members[:count]) for model in self.models]
        return replace(self, models=models, members=min(count, self.members))


def clip_films(clip: ClipForecasts, members: int) -> ClipFilms:
    """Return the films of one clip: some members of each model, and the CRPS of each pixel.

    Args:
        clip: A clip with the whole ensembles, from which the maps are computed.
        members: Number of members of each ensemble to show; equal ones, as those of a deterministic
            model, are shown once.
    """
    signed = clip.info.signed
    context = to_picture(clip.context, signed)
    maps = {model: crps_maps(clip, model) for model in clip.models}
    darkest = error_scale(maps)
    models = []
    for model in clip.models:
        label = model_label(model)
        future = to_picture(distinct(clip.members[model])[:members], signed)
        errors = error_picture(maps[model], darkest)
        blank = np.full((len(context), *errors.shape[1:]), 255, np.uint8)
        models.append(
            ModelFilms(
                label,
                [
                    Film(f"{label}, member {number}", strip(np.concatenate([context, frames])))
                    for number, frames in enumerate(future, 1)
                ],
                Film(f"{label}, CRPS of each pixel", strip(np.concatenate([blank, errors]))),
                [round(float(value), 3) for value in maps[model].mean((1, 2))],
            )
        )
    truth = np.concatenate([context, to_picture(clip.truth, signed)])
    return ClipFilms(
        title=f"{clip.video}, from frame {clip.start}",
        given=len(context),
        frames=len(truth),
        height=truth.shape[1],
        width=truth.shape[2],
        rate=clip.info.frame_rate,
        truth=Film("Truth", strip(truth)),
        models=models,
        members=max(len(model.members) for model in models),
        ensemble=max(map(len, clip.members.values())),
        darkest=darkest,
    )


def strip(frames: Picture) -> str:
    """Return pictures (frame, height, width, 3) in a row, as a data URI.

    It is a WebP, lossless for small frames; where the strip is too wide for WebP, a PNG.
    """
    picture = np.concatenate(list(frames), axis=1)
    if picture.shape[1] > WEBP_WIDTH:
        return data_uri(picture, "png", [cv2.IMWRITE_PNG_COMPRESSION, 9])
    lossless = frames.shape[2] <= LOSSLESS_WIDTH
    # Of this option, values above 100 mean lossless.
    return data_uri(picture, "webp", [cv2.IMWRITE_WEBP_QUALITY, 101 if lossless else QUALITY])


def data_uri(picture: NDArray[np.uint8], kind: str, options: Sequence[int]) -> str:
    """Return an RGB picture (height, width, 3) as a data URI in a format that OpenCV writes.

    Args:
        picture: The picture.
        kind: Name of the format, as ``png``.
        options: OpenCV's options of the format.
    """
    encoded, data = cv2.imencode(f".{kind}", picture[..., ::-1], options)
    assert encoded  # both formats take every uint8 picture
    return f"data:image/{kind};base64,{base64.b64encode(data.tobytes()).decode()}"
