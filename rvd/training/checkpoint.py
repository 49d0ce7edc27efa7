"""Checkpoints: written atomically, verified when read, refused when of another config."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.files import atomic_write, reason, sha256_of
from rvd.runtime.memory import enough_memory
from rvd.training.environment import environment, environment_changes

KEPT = 2
_NAME = re.compile(r"^step-(\d+)\.pt$")


class Damaged(Exception):  # noqa: N818 (the one before it is used)
    """A checkpoint cannot be used; the message gives the reason."""


def save_checkpoint(folder: Path, step: int, stamp: Mapping[str, Any], state: Any) -> None:
    """Write ``folder/step-<step>.pt`` and its SHA-256, and remove all but the last two.

    Versions of the software and the number of threads are written next to the stamp. Damaged
    checkpoints do not count: :func:`load_checkpoint` has renamed them.

    Args:
        folder: Folder of the training.
        step: Number of steps done.
        stamp: All that the trained weights depend on; a resumed training must agree with it.
        state: Tensors and numbers, nested.

    Raises:
        UserError: The file cannot be written; earlier checkpoints are left as they are.
    """
    path = folder / f"step-{step:08d}.pt"
    with atomic_write(path) as partial:
        # Through a Python file, whose error says that a full disk is full; that of torch does not.
        with partial.open("wb") as file:
            content = {"step": step, "stamp": stamp, "state": state}
            torch.save(content | environment(), file)
        with atomic_write(_digest_path(path)) as digest:
            digest.write_text(f"{sha256_of(partial)}  {path.name}\n")
    for old in _checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)
        _digest_path(old).unlink(missing_ok=True)


def load_checkpoint(
    folder: Path,
    stamp: Mapping[str, Any],
    on_damage: Callable[[Path, str], None] | None = None,
    *,
    main: bool = True,
) -> tuple[int, Any] | None:
    """Return step and state of the newest undamaged checkpoint, or None if there is none.

    A damaged one is renamed to ``step-<step>.pt.damaged``, with a line on standard error: under its
    old name it would count as one of those that are kept. One that was written under other software
    or another number of threads is used, with a line on standard error. Whatever a file contains,
    loading creates only tensors, numbers and strings.

    Args:
        folder: Folder of the training.
        stamp: All that the trained weights depend on.
        on_damage: Function called with each damaged checkpoint and its fault.
        main: True for the process of several that reports other software.

    Raises:
        UserError: The checkpoint is of another config (the message names the differences), or a
            file cannot be read for a reason other than damage; nothing is renamed then.
    """
    found = _checkpoints(folder)
    for path in found:
        try:
            content = _read(path)
        except Damaged as fault:
            print(f"{path}: is damaged ({fault}); the one before it is used", file=sys.stderr)
            _set_aside(path)
            if on_damage is not None:
                on_damage(path, str(fault))
            continue
        if differences := list(_differences(content["stamp"], stamp)):
            raise UserError(
                f"{folder}: holds a training under another config ({'; '.join(differences[:3])}); "
                f"remove that folder to train from the start, or restore the config to resume"
            )
        if main and (changes := list(environment_changes(content))):
            print(
                f"{path}: was written in another environment ({'; '.join(changes)}); the training "
                f"continues, but its weights may differ in the last bits",
                file=sys.stderr,
            )
        return content["step"], content["state"]
    if found:
        print(
            f"{folder}: no checkpoint is undamaged: training restarts from step 0", file=sys.stderr
        )
    return None


def newest_stamp(folder: Path) -> Mapping[str, Any] | None:
    """Return the stamp of the newest undamaged checkpoint, or None if there is none.

    Damaged ones are left for :func:`load_checkpoint`, which reports them.

    Args:
        folder: Folder of the training.

    Raises:
        UserError: A file cannot be read for a reason other than damage.
    """
    for path in _checkpoints(folder):
        with suppress(Damaged):
            stamp: Mapping[str, Any] = _read(path)["stamp"]
            return stamp
    return None


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a checkpoint.

    Raises:
        Damaged: The file is not as it was written, or was not written by :func:`save_checkpoint`.
        UserError: Disk, network or memory failed; the file may be undamaged.
    """
    try:
        recorded = _digest_path(path).read_text().split()[0]
        if recorded != sha256_of(path):
            raise Damaged("its checksum does not match")
        with enough_memory(f"reading {path}", "free some; no checkpoint was changed"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (FileNotFoundError, IndexError, UnicodeDecodeError) as error:
        raise Damaged(f"it or its checksum cannot be read: {error}") from None
    except OSError as error:
        # EIO or ESTALE do not mean that the content is damaged: the next attempt may read it.
        raise UserError(
            f"{path}: cannot be read ({reason(error)}); no checkpoint was changed"
        ) from error
    except (Damaged, UserError):
        raise
    except Exception as error:
        # A broken archive makes torch raise any exception, with the advice to trust the file.
        raise Damaged(f"torch cannot read it safely: {type(error).__name__}") from None
    if not isinstance(content, dict) or not {"step", "stamp", "state"} <= content.keys():
        raise Damaged("it is not a checkpoint of this program")
    return content


def snapshot(state: Any) -> Any:
    """Return a copy of ``state`` on the CPU, which further training steps do not change.

    Args:
        state: Tensors and numbers, nested in mappings and lists.
    """
    if isinstance(state, Tensor):
        return state.detach().to("cpu", copy=True)
    if isinstance(state, Mapping):
        return {key: snapshot(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(snapshot(value) for value in state)
    return state


def first_not_finite(state: Any, name: str = "") -> str | None:
    """Return the name of a floating-point tensor in ``state`` with NaN or infinity, if any.

    Args:
        state: Tensors and numbers, nested in mappings and lists.
        name: Path of ``state`` itself, put before the names within it.

    Returns:
        A path such as ``model.output.weight``; None when all values are finite.
    """
    tensors = list(_floating(state, name))
    if not tensors:
        return None
    # One flag per tensor, read together: reading each would make a GPU wait for each.
    device = tensors[0][1].device
    flags = torch.stack([torch.isfinite(tensor).all().to(device) for _, tensor in tensors]).cpu()
    return None if flags.all() else tensors[int((~flags).nonzero()[0])][0]


def _floating(state: Any, name: str) -> Iterator[tuple[str, Tensor]]:
    if isinstance(state, Tensor):
        if state.is_floating_point():
            yield name, state
    elif isinstance(state, Mapping | list | tuple):
        items = state.items() if isinstance(state, Mapping) else enumerate(state)
        for key, value in items:
            yield from _floating(value, f"{name}.{key}".lstrip("."))


def _set_aside(path: Path) -> None:
    """Rename a damaged checkpoint, unless another process of this training has done so."""
    with suppress(FileNotFoundError):
        path.rename(path.with_name(f"{path.name}.damaged"))
    _digest_path(path).unlink(missing_ok=True)


def _checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints, newest first."""
    return sorted(
        (path for path in folder.glob("step-*.pt") if _NAME.match(path.name)), reverse=True
    )


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _differences(before: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield ``training.steps was 100, now 200`` for each value that differs."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    elif before != now:
        yield f"{path} was {before}, now {now}"
