"""Reading a pickle of numpy arrays without running any code of its own."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rvd.errors import UserError

# The names that a pickled array refers to; any other could call a function that the file chooses.
ALLOWED = {
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        # numpy 2 moved its core; pickles of numpy 1 name the old place.
        module = module.replace("numpy.core", "numpy._core")
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no array needs")
        return super().find_class(module, name)


def read_arrays(content: bytes, origin: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a pickled, nested mapping, by their keys joined with ``|``.

    Args:
        content: The pickle.
        origin: The file's name, for messages.

    Raises:
        UserError: It is no pickle, or refers to or holds anything but numpy arrays.
    """
    try:
        tree = _ArrayUnpickler(io.BytesIO(content)).load()
    except (pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError) as error:
        raise UserError(f"{origin}: is not a pickle of arrays ({error})") from None
    found: dict[str, NDArray[Any]] = {}
    _collect(tree, "", found, origin)
    return found


def _collect(node: Any, key: str, found: dict[str, NDArray[Any]], origin: str) -> None:
    if isinstance(node, Mapping):
        for name, child in node.items():
            _collect(child, f"{key}|{name}" if key else str(name), found, origin)
    elif isinstance(node, np.ndarray) and node.dtype != object:
        found[key] = node
    else:
        raise UserError(f"{origin}: '{key}' is a {type(node).__name__}, not an array of numbers")
