"""Datasets that ``lbm`` simulates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from lbm.config import VortexStreetConfig
from rvd.config.section import Section
from rvd.datasets.base import SPLITS, VideoDatasetConfig


class RunsConfig(Section):
    """The simulations of one split; ``reynolds`` and ``offset`` have an entry for each run."""

    reynolds: tuple[PositiveFloat, ...] = Field(min_length=1)
    offset: tuple[float, ...] = Field(min_length=1)
    frames: PositiveInt

    @model_validator(mode="after")
    def _entry_for_each_run(self) -> Self:
        if len(self.offset) != len(self.reynolds):
            raise ValueError(
                f"offset: {len(self.offset)} values for {len(self.reynolds)} Reynolds numbers"
            )
        return self


class SimulationConfig(VideoDatasetConfig):
    """Vorticity of simulated flows, made by ``lbm``.

    ``columns`` (first, last + 1) is the part of the domain that is shown, ``pool`` the side of the
    squares of cells averaged into one pixel, and ``percentile`` of the training runs' absolute
    vorticity is what maps to white (and its negative to black).
    """

    consecutive_items: ClassVar[bool] = True

    reader: Literal["simulation"]
    channels: Literal[1, 3] = 1
    flow: VortexStreetConfig
    runs: dict[Literal["train", "val", "test"], RunsConfig]
    columns: tuple[int, int]
    pool: PositiveInt = 1
    percentile: Annotated[float, Field(gt=50, le=100)] = 100.0

    @model_validator(mode="after")
    def _picture_fits(self) -> Self:
        first, last = self.columns
        if not 0 <= first < last <= self.flow.width:
            raise ValueError(
                f"columns: {list(self.columns)} is not a range within 0 and {self.flow.width}"
            )
        shape = (self.flow.height / self.pool, (last - first) / self.pool)
        if shape != (self.size, self.size):
            raise ValueError(
                f"size: {self.size} pixels, but columns, flow.height and pool give "
                f"{shape[0]:g} × {shape[1]:g}"
            )
        missing = [split for split in SPLITS if split not in self.runs]
        if missing:
            raise ValueError(f"runs: there are none for {', '.join(missing)}")
        return self

    def simulations(self) -> dict[str, VortexStreetConfig]:
        """Every run by its name (``train-0`` …), each with a seed of its own."""
        found: dict[str, VortexStreetConfig] = {}
        for split, runs in self.runs.items():
            for index, (reynolds, offset) in enumerate(
                zip(runs.reynolds, runs.offset, strict=True)
            ):
                found[f"{split}-{index}"] = VortexStreetConfig(
                    **{
                        **self.flow.model_dump(),
                        "reynolds": reynolds,
                        "offset": offset,
                        "frames": runs.frames,
                        "seed": self.flow.seed + len(found),
                    }
                )
        return found

    @property
    def shedding_period(self) -> float:
        """The expected shedding period of the test runs, in frames: their mean."""
        tests = [run for name, run in self.simulations().items() if name.startswith("test-")]
        return sum(run.shedding_period / run.interval for run in tests) / len(tests)

    def shortest(self, split: str) -> int | None:
        """Frames of the shortest video of ``split``, known before it is made."""
        return self.runs[split].frames  # type: ignore[index]  # a split is any str here

    def authors_clips(self, length: int) -> int:
        """Positions of the test runs at which a clip of ``length`` frames begins."""
        runs = self.runs["test"]
        return len(runs.reynolds) * max(runs.frames - length + 1, 0)
