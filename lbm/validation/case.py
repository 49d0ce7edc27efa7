"""A validation case and its checks."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lbm.flow import Flow, Solver

MakeSolver = Callable[[Flow], Solver]


@dataclass(frozen=True)
class Check:
    """A number and its accepted range."""

    quantity: str
    value: float
    low: float
    high: float
    source: str

    @property
    def passed(self) -> bool:
        """True if the number is within its range; NaN never is."""
        return self.low <= self.value <= self.high


@dataclass(frozen=True)
class Case:
    """Result of a validation case: its checks, series to plot, and processor time."""

    name: str
    checks: tuple[Check, ...]
    series: dict[str, NDArray[np.float64]] = field(repr=False)
    seconds: float

    @property
    def passed(self) -> bool:
        """True if all checks are within their range."""
        return all(check.passed for check in self.checks)
