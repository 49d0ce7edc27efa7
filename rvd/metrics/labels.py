"""The presentation of scores in tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ScoreLabel:
    """The presentation of one score.

    Attributes:
        label: Name in tables and figures.
        decimals: Digits after the point.
        unit: Unit, empty for a pure number.
        higher_is_better: Direction; lower is better otherwise.
        target: Best value, for a score of which neither direction is better.
        paper_column: Place among the scores of the paper's tables, from 1; None for a score that
            the paper does not have.
    """

    label: str
    decimals: int
    unit: str = ""
    higher_is_better: bool = False
    target: float | None = None
    paper_column: int | None = None

    @property
    def arrow(self) -> str:
        """The label with an arrow towards the better, or with the value it should have."""
        if self.target is not None:
            return f"{self.label} → {self.target:g}"
        return f"{self.label} {'↑' if self.higher_is_better else '↓'}"

    @property
    def with_unit(self) -> str:
        """The label with its arrow, and the unit where there is one."""
        return self.arrow + (f" ({self.unit})" if self.unit else "")

    def best(self, values: pd.Series) -> float:
        """Return the best of ``values``."""
        if self.target is not None:
            return float(values.iloc[int((values - self.target).abs().argmin())])
        return float(values.max() if self.higher_is_better else values.min())
