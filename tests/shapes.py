"""The type checker that tests apply to the annotations of each function of the packages."""

from typing import IO, Any, Self, TextIO

import numpy as np
from beartype import BeartypeConf, FrozenDict, beartype
from pydantic import SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler

# Beartype resolves Self only where it decorates a whole class, and cannot check protocols that are
# not made for it, nor tell streams from what behaves like one. None of them has a shape.
UNCHECKED = (Self, SerializerFunctionWrapHandler, ValidatorFunctionWrapHandler, TextIO, IO[bytes])

# NumPy's numbers are accepted where Python's are, and integers where floats are.
NUMBERS = {int: int | np.integer, float: float | int | np.floating | np.integer}

checked = beartype(
    conf=BeartypeConf(hint_overrides=FrozenDict(dict.fromkeys(UNCHECKED, Any) | NUMBERS))
)
