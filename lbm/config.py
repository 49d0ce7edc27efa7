"""The parameters of one simulated vortex street, in lattice units, validated.

Light to import (pydantic only), since the experiment's config embeds it. Lengths are in cells,
times in ticks, and positions count from the lower left corner of the domain, so that cell (y, x)
covers [x, x + 1] × [y, y + 1] and walls lie on the domain's edges.
"""

from math import sqrt
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

SOUND_SPEED = 1 / sqrt(3)
MAX_MACH = 0.15
MIN_TAU = 0.505
MAX_BLOCKAGE = 0.5
MODULATION_LIMIT = 2.0
"""Standard deviations from the mean at which a modulated inflow is reflected."""
MARGIN = 2.0
"""Cells of fluid between the obstacle and each edge of the domain: interpolation at its surface and
the outlet's extrapolation reach two cells far."""

Finite = Field(allow_inf_nan=False)
Positive = Field(gt=0, allow_inf_nan=False)


class VortexStreetConfig(BaseModel):
    """Flow past a circle in a channel, sampled as frames of vorticity, in cells and ticks.

    The paper names these parameters, but gives no values except for the interval (section 3.1). The
    defaults are our choice: a 128×128 window of the flow is the picture.

    Raises:
        pydantic.ValidationError: A value is impossible, or the flow would be inaccurate or
            unstable; `lbm.errors.error_lines` turns it into readable lines.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    solver: Literal["numba", "pylbm"] = "numba"
    """Program that computes the flow; `pylbm` is slow, and needs float64."""
    width: int = Field(256, ge=16, le=16384)
    """Cells along the flow."""
    height: int = Field(128, ge=16, le=16384)
    """Cells across the flow."""
    diameter: Annotated[float, Positive] = 16.0
    """Diameter of the circle, in cells."""
    center: Annotated[float, Positive] = 32.0
    """Distance of the circle's centre from the inlet, in cells."""
    offset: Annotated[float, Finite] = 0.0
    """Height of the circle's centre above the middle of the channel, in cells."""
    velocity: Annotated[float, Positive] = 0.08
    """Inflow velocity, in cells per tick (the Mach number is √3 times it)."""
    reynolds: Annotated[float, Positive] = 100.0
    """Reynolds number, velocity · diameter / viscosity; it sets the shear viscosity."""
    bulk_viscosity: Annotated[float, Positive] = 0.02
    """Kinematic bulk viscosity, in cells² per tick; it damps sound."""
    warmup: int = Field(20_000, ge=0)
    """Ticks before the first frame's interval."""
    interval: int = Field(128, ge=1)
    """Ticks from frame to frame; 128 in the paper (section 3.1)."""
    frames: int = Field(1000, ge=1)
    """Frames of the run."""
    perturbation: float = Field(0.05, ge=0, le=0.5)
    """Root mean square of the initial random velocity, relative to the inflow's."""
    modulation: float = Field(0.0, ge=0, le=0.3)
    """Root mean square of the inflow's random modulation, relative to its mean."""
    modulation_time: Annotated[float, Positive] = 2000.0
    """Correlation time of the modulation, in ticks."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Seed of all random numbers of the run."""
    precision: Literal["float32", "float64"] = "float32"
    """Arithmetic: `float32` for data, `float64` for validation."""

    @model_validator(mode="after")
    def _check_flow(self) -> Self:
        """Refuse values for which the solver is inaccurate, naming the value and its bound."""
        fastest = 1 + MODULATION_LIMIT * self.modulation
        if self.mach * fastest >= MAX_MACH:
            bound = MAX_MACH * SOUND_SPEED / fastest
            raise ValueError(
                f"velocity = {self.velocity:g}: the Mach number is {self.mach * fastest:.3f}, "
                f"it must stay below {MAX_MACH} (velocity below {bound:.4f})"
            )
        if self.tau <= MIN_TAU:
            bound = self.velocity * self.diameter * 3 / (MIN_TAU - 0.5)
            raise ValueError(
                f"reynolds = {self.reynolds:g}: the relaxation time tau is {self.tau:.4f}, it must "
                f"exceed {MIN_TAU} (reynolds below {bound:.0f} at this velocity and diameter)"
            )
        if self.bulk_tau <= MIN_TAU:
            raise ValueError(
                f"bulk_viscosity = {self.bulk_viscosity:g}: its relaxation time is "
                f"{self.bulk_tau:.4f}, it must exceed {MIN_TAU} (bulk_viscosity above "
                f"{(MIN_TAU - 0.5) / 3:.5f})"
            )
        if self.blockage > MAX_BLOCKAGE:
            raise ValueError(
                f"diameter = {self.diameter:g}: the circle blocks {self.blockage:.0%} of a channel "
                f"of height {self.height}, it may block at most {MAX_BLOCKAGE:.0%}"
            )
        self._check_inside()
        if self.solver == "pylbm" and self.precision != "float64":
            raise ValueError(
                f"precision = {self.precision!r}: the solver pylbm supports only 'float64'"
            )
        return self

    def _check_inside(self) -> None:
        """Refuse a circle that reaches the edges of the domain."""
        reach = self.diameter / 2 + MARGIN
        if not reach <= self.center <= self.width - reach:
            raise ValueError(
                f"center = {self.center:g}: a circle of diameter {self.diameter:g} must have its "
                f"centre between {reach:g} and {self.width - reach:g} (width {self.width})"
            )
        if abs(self.offset) > self.height / 2 - reach:
            raise ValueError(
                f"offset = {self.offset:g}: a circle of diameter {self.diameter:g} may lie at most "
                f"{self.height / 2 - reach:g} from the middle (height {self.height})"
            )

    @property
    def viscosity(self) -> float:
        """Kinematic shear viscosity, cells² per tick."""
        return self.velocity * self.diameter / self.reynolds

    @property
    def tau(self) -> float:
        """Relaxation time of the shear stress, ticks."""
        return 3 * self.viscosity + 0.5

    @property
    def bulk_tau(self) -> float:
        """Relaxation time of the stress's trace, ticks."""
        return 3 * self.bulk_viscosity + 0.5

    @property
    def mach(self) -> float:
        """Inflow velocity divided by the lattice's speed of sound."""
        return self.velocity / SOUND_SPEED

    @property
    def blockage(self) -> float:
        """Fraction of the channel's height that the circle blocks."""
        return self.diameter / self.height

    @property
    def strouhal(self) -> float:
        """Expected Strouhal number, an estimate within 7 % (10 % with 8 cells per diameter).

        The unconfined cylinder's 0.2684 − 1.0356/√Re (Fey, König & Eckelmann, Phys. Fluids 10,
        1998, laminar range) at the mean of the inflow's and the gap's velocity. An inlet close
        upstream, which forces a uniform profile, raises it further: by the cube of diameter over
        distance, fitted to runs of this solver.
        """
        unconfined = max(0.2684 - 1.0356 / sqrt(self.reynolds), 0.1)
        gap = (1 + 1 / (1 - self.blockage)) / 2
        inlet = 1 + 1.1 * (self.diameter / self.center) ** 3
        return unconfined * gap * inlet

    @property
    def shedding_period(self) -> float:
        """Expected ticks from one vortex pair to the next."""
        return self.diameter / (self.velocity * self.strouhal)

    @property
    def total_ticks(self) -> int:
        """Ticks from rest to the last frame."""
        return self.warmup + self.frames * self.interval

    @property
    def updates(self) -> int:
        """Lattice updates of the whole run."""
        return self.total_ticks * self.width * self.height

    def flags(self) -> list[str]:
        """Return the parameters as options of `python -m lbm simulate`, in the fields' order."""
        return [
            word
            for name, value in self.model_dump().items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]
