"""Models without weights of their own."""

from __future__ import annotations

from typing import Literal

from pydantic import PositiveInt

from rvd.config.section import Section


class Persistence(Section):
    """The forecast that copies the last frame."""

    kind: Literal["persistence"]


class Analogue(Section):
    """The futures of the training clips whose context is nearest to the one given.

    ``candidates`` bounds how many training contexts are searched (evenly spread).
    """

    kind: Literal["analogue"]
    candidates: PositiveInt = 20000


class MeanOf(Section):
    """The forecast of the next-frame predictor μ of another model, without its diffusion."""

    kind: Literal["mean"]
    of: str
