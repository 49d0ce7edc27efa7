"""Films as strips of pictures: all frames of a video side by side in one image.

A page shows one frame of a strip by moving it behind a window, so that one number moves all films
of a page in step, and the first frame shows where no script runs.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from rvd.evaluation.names import model_label
from rvd.plotting.crps_maps import crps_maps, error_scale
from rvd.plotting.stored import ClipForecasts
from rvd.video.pictures import Picture, error_picture, to_picture


@dataclass(frozen=True)
class Film:
    """A strip of ``frames`` pictures as a data URI."""

    title: str
    uri: str
    frames: int


@dataclass(frozen=True)
class Row:
    """A model's films: members of its ensemble, and where they are wrong."""

    label: str
    films: list[Film]


@dataclass(frozen=True)
class ClipFilms:
    """A test clip: the truth, then each model; ``given`` frames of each film are context."""

    title: str
    given: int
    frames: int
    aspect: float
    rows: list[Row]

    @property
    def size(self) -> int:
        """Characters of all films."""
        return sum(len(film.uri) for row in self.rows for film in row.films)


def clip_films(clip: ClipForecasts) -> ClipFilms:
    """The films of one clip: of each model the members, and the CRPS of each pixel.

    Equal members, as those of a deterministic model, are shown once.
    """
    signed = clip.info.signed
    context = to_picture(clip.context, signed)
    given, frames = len(context), len(context) + clip.horizon
    truth = np.concatenate([context, to_picture(clip.truth, signed)])
    maps = {model: crps_maps(clip, model) for model in clip.models}
    greatest = error_scale(maps)
    rows = [Row("Truth", [Film("what happened", _strip(truth), frames)])]
    for model in clip.models:
        members = clip.members[model]
        if (members == members[:1]).all():
            members = members[:1]
        films = [
            Film(f"member {number}", _strip(np.concatenate([context, future])), frames)
            for number, future in enumerate(to_picture(members, signed), 1)
        ]
        errors = error_picture(maps[model], greatest)
        blank = np.full((given, *errors.shape[1:]), 255, np.uint8)
        # Second, so that first members and maps stand in columns, however many members there are.
        films.insert(1, Film("CRPS", _strip(np.concatenate([blank, errors])), frames))
        rows.append(Row(model_label(model), films))
    height, width = truth.shape[1:3]
    title = f"{clip.video}, from frame {clip.start}"
    return ClipFilms(title, given, frames, width / height, rows)


def _strip(frames: Picture) -> str:
    """Pictures (frame, height, width, 3) side by side as a PNG's data URI."""
    return data_uri(np.concatenate(list(frames), axis=1))


def data_uri(picture: NDArray[np.uint8]) -> str:
    """An RGB picture (height, width, 3) as a PNG's data URI."""
    encoded, data = cv2.imencode(".png", picture[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert encoded  # PNG takes every uint8 picture
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()
