"""The run file: one simulated street as HDF5, written atomically and checked when opened.

    vorticity  (frame, y, x) float32, per tick, one frame per chunk, uncompressed; 0 in solid cells
    solid      (y, x) bool
    tick       (frame,) int64
    drag, lift (frame,) float64: force on the obstacle at that tick, lattice units

Attributes: `format` and `format_version`; `config`, the street as JSON; `versions`, JSON; and, for
readers without JSON, `solver`, `reynolds`, `viscosity`, `bulk_viscosity`, `velocity`, `diameter`,
`center`, `offset`, `seed`. Text has a fixed length: text of variable length is stored in a heap,
and HDF5 hangs when it reads a damaged heap.
"""

import glob
import importlib.metadata
import json
import os
import platform
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import h5py
import numpy as np
from jaxtyping import Bool, Float, Int
from pydantic import ValidationError

from lbm.config import VortexStreetConfig
from lbm.errors import RunFileError, error_lines
from lbm.runs.self_contained import why_not_self_contained

FORMAT = "lbm-run"
FORMAT_VERSION = 2
# Exceptions that h5py raises on damaged files.
_FAULTS = (KeyError, OSError, RuntimeError, ValueError, TypeError, MemoryError)
_DATASETS = ("vorticity", "solid", "tick", "drag", "lift")


class RunFile:
    """An open, checked run file; a context manager.

    Attributes:
        street: Parameters of the run.
        vorticity: HDF5 dataset (frame, y, x) float32; slice it to read frames.
        solid: Solid cells (y, x), bool.
        tick: Tick of each frame (frame,), int64.
        drag: Drag (frame,), float64, lattice units.
        lift: Lift (frame,), float64, lattice units.
        attributes: Attributes of the file, with `config` and `versions` as JSON.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self._file = file
        self.path = path
        self.attributes: dict[str, Any] = {name: self._attribute(name) for name in file.attrs}
        if self.attributes.get("format") != FORMAT:
            raise RunFileError(f"{path}: not a run file of lbm (no attribute format = {FORMAT!r})")
        if self.attributes.get("format_version") != FORMAT_VERSION:
            raise RunFileError(
                f"{path}: format version {self.attributes.get('format_version')}, "
                f"this program reads version {FORMAT_VERSION}"
            )
        self.street = self._read_street()
        for name in _DATASETS:
            if name in file and (why := why_not_self_contained(file, name)):
                raise RunFileError(f"{path}: dataset {name!r} {why}")
            if not isinstance(file.get(name), h5py.Dataset):
                raise RunFileError(f"{path}: dataset {name!r} is missing")
            if file[name].dtype.hasobject:
                raise RunFileError(f"{path}: dataset {name!r} has values of variable length")
        self._check_shapes()
        self.vorticity = file["vorticity"]
        self.solid: Bool[np.ndarray, "y x"] = file["solid"][:]
        self.tick: Int[np.ndarray, " frame"] = file["tick"][:]
        self.drag: Float[np.ndarray, " frame"] = file["drag"][:]
        self.lift: Float[np.ndarray, " frame"] = file["lift"][:]

    def _attribute(self, name: str) -> Any:
        if self._file.attrs.get_id(name).dtype.hasobject:
            raise RunFileError(
                f"{self.path}: attribute {name!r} has variable length: the file is of another "
                "program, or of an earlier version"
            )
        value = self._file.attrs[name]
        return value.decode(errors="replace") if isinstance(value, np.bytes_) else value

    def _read_street(self) -> VortexStreetConfig:
        try:
            return VortexStreetConfig.model_validate_json(self.attributes.get("config", ""))
        except ValidationError as error:
            raise RunFileError(f"{self.path}: config: {error_lines(error)[0]}") from None

    def _check_shapes(self) -> None:
        """Check that all datasets have the size given by the parameters of the run."""
        frames, grid = self.street.frames, (self.street.height, self.street.width)
        shapes = {"vorticity": (frames, *grid), "solid": grid}
        for name in _DATASETS:
            shape, expected = self._file[name].shape, shapes.get(name, (frames,))
            if shape != expected:
                raise RunFileError(f"{self.path}: {name} has shape {shape}, expected {expected}")

    def close(self) -> None:
        """Close the file; `vorticity` can no longer be read."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def open_run(path: Path | str) -> RunFile:
    """Open a run file for reading and check it.

    Raises:
        RunFileError: The file is missing, truncated, of another format, or does not match its
            parameters; the message is one line that names the file.
    """
    path = Path(path)
    if not path.is_file():
        raise RunFileError(f"{path}: no such file")
    try:
        file = h5py.File(path, "r")
    except OSError:
        # HDF5's own message is about superblocks and does not name the file
        raise RunFileError(f"{path}: not an HDF5 file, or truncated") from None
    try:
        return RunFile(path, file)
    except RunFileError:
        file.close()
        raise
    except _FAULTS as error:
        file.close()
        words = (str(error).strip("'\"").splitlines() or [type(error).__name__])[0]
        raise RunFileError(f"{path}: is damaged ({words})") from None


def open_runs(paths: Iterable[Path | str]) -> dict[str, RunFile]:
    """Open several run files and return them by name, without folder and suffix.

    Raises:
        RunFileError: One of them is not a complete run file, or two have the same name.
    """
    runs: dict[str, RunFile] = {}
    for path in map(Path, paths):
        if path.stem in runs:
            raise RunFileError(f"{path}: another run has the same name")
        runs[path.stem] = open_run(path)
    return runs


class RunWriter:
    """Writer of a run file, frame by frame."""

    def __init__(
        self, file: h5py.File, street: VortexStreetConfig, solid: Bool[np.ndarray, "y x"]
    ) -> None:
        shape = (street.frames, street.height, street.width)
        names = ("solver", "reynolds", "viscosity", "bulk_viscosity", "velocity")
        attributes = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "config": street.model_dump_json(),
            "versions": json.dumps(versions(street.solver)),
            **{name: getattr(street, name) for name in names},
            **{name: getattr(street, name) for name in ("diameter", "center", "offset", "seed")},
        }
        for name, value in attributes.items():
            file.attrs[name] = np.bytes_(value) if isinstance(value, str) else value
        file["solid"] = solid
        self._vorticity = file.create_dataset(
            "vorticity", shape, np.float32, chunks=(1, *shape[1:])
        )
        self._tick = file.create_dataset("tick", street.frames, np.int64)
        self._drag = file.create_dataset("drag", street.frames, np.float64)
        self._lift = file.create_dataset("lift", street.frames, np.float64)

    def write(
        self,
        frame: int,
        vorticity: Float[np.ndarray, "y x"],
        tick: int,
        force: Float[np.ndarray, " xy=2"],
    ) -> None:
        """Write one frame."""
        self._vorticity[frame] = vorticity
        self._tick[frame] = tick
        self._drag[frame], self._lift[frame] = force


@contextmanager
def create_run(
    path: Path, street: VortexStreetConfig, solid: Bool[np.ndarray, "y x"]
) -> Iterator[RunWriter]:
    """Create a run file, which appears at `path` when it is complete.

    What a killed process left is removed; `UnfinishedRun` keeps other processes away.

    Raises:
        OSError: The folder cannot be written, or the disk is full.
    """
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        left.unlink(missing_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with h5py.File(partial, "w") as file:
            yield RunWriter(file, street, solid)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def is_run_of(path: Path, street: VortexStreetConfig) -> bool:
    """Return whether `path` is the complete run file of a street, by the installed software."""
    try:
        with open_run(path) as run:
            made_by = run.attributes.get("versions")
            return run.street == street and made_by == json.dumps(versions(street.solver))
    except RunFileError:
        return False


def versions(solver: str) -> dict[str, str]:
    """Return the versions of the software that affects a run of this solver."""
    names = (solver, "numpy", "h5py")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}
