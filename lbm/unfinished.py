"""The state of a run that is not complete: what an interrupted simulation goes on from.

It lies in a hidden folder beside the run file, and goes when that is there: the frames so far as
plain arrays on disk, and a checkpoint, which is written whole or not at all. After a kill, frames
beyond the checkpoint are computed again.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import numpy as np
from jaxtyping import Float

from lbm.config import VortexStreet
from lbm.errors import BusyError
from lbm.flow import Solver
from lbm.run_file import versions


class Unfinished:
    """Frames and checkpoints of one run; a context manager that holds the run for this process.

    What another street, or other versions of the arithmetic, left under the same name is removed.

    Raises:
        BusyError: another process is at work on the run.
        OSError: the folder cannot be written.
    """

    def __init__(self, path: Path, street: VortexStreet) -> None:
        self.street = street
        self.folder = path.with_name(f".{path.name}.unfinished")
        self.folder.mkdir(exist_ok=True)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise BusyError(f"{path}: another process is simulating it") from None
        stamp = self.folder / "street.json"
        made_by = json.dumps([street.model_dump(), versions(street.solver)])
        if not stamp.exists() or stamp.read_text() != made_by:
            (self.folder / "checkpoint.npz").unlink(missing_ok=True)
            stamp.write_text(made_by)
        shape = (street.frames, street.height, street.width)
        self._pictures = self._array("vorticity.f32", np.float32, shape)
        self._forces = self._array("forces.f64", np.float64, (street.frames, 2))

    def _array(self, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> np.memmap:
        path = self.folder / name
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        kept = path.exists() and path.stat().st_size == size
        mode: Literal["r+", "w+"] = "r+" if kept else "w+"
        return np.memmap(path, kind, mode, shape=shape)

    def restore(self, solver: Solver) -> None:
        """Set `solver` to the last checkpoint; leave it as it is where there is none."""
        path = self.folder / "checkpoint.npz"
        if path.exists():
            with np.load(path) as state:
                solver.restore(state["populations"], int(state["tick"]))

    def checkpoint(self, solver: Solver) -> None:
        """Keep the state of `solver`; all frames before it are on disk by then."""
        self._pictures.flush()
        self._forces.flush()
        partial = self.folder / "checkpoint.partial.npz"
        with partial.open("wb") as file:
            np.savez(file, populations=solver.populations(), tick=solver.tick)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self.folder / "checkpoint.npz")

    def write(
        self, frame: int, vorticity: Float[np.ndarray, "y x"], force: Float[np.ndarray, " xy=2"]
    ) -> None:
        """Store one frame."""
        self._pictures[frame] = vorticity
        self._forces[frame] = force

    def frames(self) -> Iterator[tuple[Float[np.ndarray, "y x"], Float[np.ndarray, " xy=2"]]]:
        """All frames, in order."""
        yield from zip(self._pictures, self._forces, strict=True)

    def remove(self) -> None:
        """Remove the folder: the run file is complete."""
        shutil.rmtree(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._lock)
