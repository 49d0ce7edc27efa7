"""Files of features, each named after its SHA-256, so that a changed file is noticed."""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rvd.files import atomic_write, reason, remove_abandoned

# Files of earlier versions have shorter names; their features are not used.
_NAME = re.compile(r"^[0-9a-f]{64}\.safetensors$")


def load_features(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Return all features in the files of ``folder``, by key.

    A file that does not have its checksum, as after a bit flip, is removed with a line on standard
    error. One that cannot be read, as after a fault of the network, is left where it is.
    """
    found: dict[str, NDArray[np.float32]] = {}
    for path in sorted(path for path in folder.glob("*.safetensors") if _NAME.match(path.name)):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # removed by another scoring
        except OSError as error:
            fault = f"cannot be read ({reason(error)})"
        else:
            if hashlib.sha256(content).hexdigest() != path.stem:
                why = "its checksum does not match"
            elif (features := _features(content)) is None:
                why = "it does not hold features"
            else:
                found |= features
                continue
            path.unlink(missing_ok=True)
            fault = f"is damaged ({why}) and was removed"
        print(f"{path}: {fault}; its features are computed again", file=sys.stderr)
    return found


def _features(content: bytes) -> dict[str, NDArray[np.float32]] | None:
    """Return the features in the content of a file, None if it is not a file of features."""
    try:
        found = load(content)
    except (SafetensorError, ValueError, KeyError, TypeError):
        return None
    rows = all(row.dtype == np.float32 and row.ndim == 1 for row in found.values())
    return found if rows else None


def store_features(folder: Path, features: dict[str, NDArray[np.float32]]) -> None:
    """Write one file with ``features`` into ``folder``, and remove what killed scorers left there.

    Raises:
        UserError: The file cannot be written.
    """
    remove_abandoned(folder)
    content = save(features)
    name = hashlib.sha256(content).hexdigest()
    with atomic_write(folder / f"{name}.safetensors") as partial:
        partial.write_bytes(content)
