"""The config section of datasets that ``lbm`` simulates."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from lbm.config import VortexStreetConfig
from rvd.config.section import Section
from rvd.datasets.base import SPLITS, VideoDatasetConfig


class RunsConfig(Section):
    """The simulations of one split, with one entry of `reynolds` and `offset` for each run.

    The paper simulates 8,000 frames to train on and 2,000 to test on (section 3.1).
    """

    reynolds: tuple[PositiveFloat, ...] = Field(min_length=1)
    """Reynolds number of each run (our choice)."""
    offset: tuple[float, ...] = Field(min_length=1)
    """Distance of the obstacle from the middle of the channel for each run, in cells (our
    choice)."""
    frames: PositiveInt
    """Frames of each run."""

    @model_validator(mode="after")
    def _entry_for_each_run(self) -> Self:
        if len(self.offset) != len(self.reynolds):
            raise ValueError(
                f"offset: {len(self.offset)} values for {len(self.reynolds)} Reynolds numbers"
            )
        return self


class SimulationConfig(VideoDatasetConfig):
    """Vorticity of von Kármán vortex streets, simulated by `lbm` (section 3.1)."""

    consecutive_items: ClassVar[bool] = True

    reader: Literal["simulation"]
    """Runs of `lbm`, which the workflow simulates."""
    channels: Literal[1, 3] = 1
    """1, the vorticity (appendix C)."""
    flow: VortexStreetConfig
    """Parameters that all runs share. `reynolds`, `offset` and `frames` of a run come from `runs`,
    and its seed is `seed` plus the number of runs before it."""
    runs: dict[Literal["train", "val", "test"], RunsConfig]
    """Simulations of `train`, `val` and `test`."""
    columns: tuple[int, int]
    """[first, last + 1] column of the visible part of the domain, in cells."""
    pool: PositiveInt = 1
    """Side of the squares that are averaged to a pixel, in cells."""
    percentile: Annotated[float, Field(gt=50, le=100)] = 100.0
    """Percentile of the training runs' absolute vorticity that maps to white, and its negative to
    black; values beyond it are clipped. 100 normalises to [−1, 1] (section 3.2)."""

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
        """Return the runs by name (``train-0`` …), each with a seed of its own."""
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
        """Return the frames of the shortest video of ``split``, known before it is simulated."""
        return self.runs[split].frames  # type: ignore[index]  # a split is any str here

    def authors_clips(self, length: int) -> int:
        """Return the number of positions in the test runs where a clip of ``length`` starts."""
        runs = self.runs["test"]
        return len(runs.reynolds) * max(runs.frames - length + 1, 0)
