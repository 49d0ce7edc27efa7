"""The type checker that tests apply to the annotations of each function of the packages."""

from pathlib import Path
from typing import IO, Any, Self, TextIO

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype
from pydantic import SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler

# Beartype resolves Self only where it decorates a whole class, and cannot check protocols that are
# not made for it, nor tell streams from what behaves like one. None of them has a shape.
UNCHECKED = (Self, SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler, TextIO, IO[bytes])

# NumPy's numbers are accepted where Python's are, and integers where floats are.
NUMBERS = {
    bool: bool | np.bool_,
    int: int | np.integer,
    float: float | int | np.floating | np.integer,
}

checked = beartype(
    conf=BeartypeConf(hint_overrides=FrozenDict(dict.fromkeys(UNCHECKED, Any) | NUMBERS))
)

# Numba compiles these, and cannot compile a check.
EXCLUDED = {
    "lbm.solvers.kernels",
    "rvd.metrics.functional.multivariate.variogram_kernels",
    "rvd.metrics.functional.sorted_sums_kernels",
}


def modules(root: Path) -> list[str]:
    """Return the names of the modules below ``root`` whose functions are checked."""
    files = [path for name in ("rvd", "lbm") for path in (root / name).rglob("*.py")]
    names = {
        ".".join(path.relative_to(root).with_suffix("").parts)
        for path in files
        if not path.name.startswith("__")  # the hook takes the name of a package for all of it
    }
    return sorted(names - EXCLUDED)
