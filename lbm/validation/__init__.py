"""Flows with known answers, which show that the solver solves the Navier–Stokes equations.

Each case computes a flow and returns its checks, each a number with its accepted range, and the
series for its plot.
"""

from collections.abc import Callable

from lbm.validation.case import Case, Check
from lbm.validation.cylinders import cylinder, schaefer_turek
from lbm.validation.exact import poiseuille, sound_wave, taylor_green
from lbm.validation.solver_agreement import agreement, cylinder_agreement

__all__ = ["CASES", "Case", "Check"]

CASES: dict[str, Callable[[], Case]] = {
    "taylor-green": taylor_green,
    "sound-wave": sound_wave,
    "poiseuille": poiseuille,
    "cylinder": cylinder,
    "schaefer-turek": schaefer_turek,
    "agreement": agreement,
    "cylinder-pylbm": cylinder_agreement,
}
"""Cases by their name on the command line; the last two need pylbm."""
