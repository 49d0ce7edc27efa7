"""Checkpoints: written whole, checked when read, and refused when they are of another config."""

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

KEPT = 2
_NAME = re.compile(r"^step-(\d+)\.pt$")


class Damaged(Exception):  # noqa: N818 (the one before it is used)
    """A checkpoint cannot be used; the message says why."""


def save_checkpoint(folder: Path, step: int, stamp: Mapping[str, Any], state: Any) -> None:
    """Write ``folder/step-<step>.pt`` and its SHA-256, and remove all but the last two.

    Damaged checkpoints do not count: :func:`load_checkpoint` renamed them.

    Args:
        folder: of this training.
        step: how many steps were done.
        stamp: all that the trained weights depend on; a resumed training must agree with it.
        state: tensors and numbers, nested.

    Raises:
        UserError: it cannot be written; checkpoints before it are left as they are.
    """
    path = folder / f"step-{step:08d}.pt"
    with atomic_write(path) as partial:
        # Through a file of Python's own, which says of a full disk that it is full.
        with partial.open("wb") as file:
            torch.save({"step": step, "stamp": stamp, "state": state}, file)
        with atomic_write(_digest_path(path)) as digest:
            digest.write_text(f"{sha256_of(partial)}  {path.name}\n")
    for old in _checkpoints(folder)[KEPT:]:
        old.unlink(missing_ok=True)
        _digest_path(old).unlink(missing_ok=True)


def load_checkpoint(
    folder: Path,
    stamp: Mapping[str, Any],
    passed_over: Callable[[Path, str], None] | None = None,
) -> tuple[int, Any] | None:
    """Step and state of the newest checkpoint that is sound, or None when there is none.

    A damaged one is renamed to ``step-<step>.pt.damaged``, with a line on standard error that says
    so: under its old name it would count as one of those that are kept. No file, whatever it holds,
    makes anything but tensors, numbers and strings.

    Args:
        folder: of this training.
        stamp: all that the trained weights depend on.
        passed_over: told of each damaged checkpoint, and what is wrong with it.

    Raises:
        UserError: the checkpoint is of another config (the message names what differs), or a file
            cannot be read for a reason that is not damage; nothing is renamed then.
    """
    found = _checkpoints(folder)
    for path in found:
        try:
            content = _read(path)
        except Damaged as fault:
            print(f"{path}: is damaged ({fault}); the one before it is used", file=sys.stderr)
            _set_aside(path)
            if passed_over is not None:
                passed_over(path, str(fault))
            continue
        if differences := list(_differences(content["stamp"], stamp)):
            raise UserError(
                f"{folder}: holds a training under another config ({'; '.join(differences[:3])}); "
                f"remove that folder to train afresh, or restore the config to go on"
            )
        return content["step"], content["state"]
    if found:
        print(f"{folder}: no checkpoint is sound: training begins again", file=sys.stderr)
    return None


def _read(path: Path) -> dict[str, Any]:
    """What :func:`save_checkpoint` wrote.

    Raises:
        Damaged: the file is not as it was written, or was written by something else.
        UserError: the disk, the network or the memory failed; the file may be sound.
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
        # EIO or ESTALE say nothing of the file's content: the next attempt may read it.
        raise UserError(
            f"{path}: cannot be read ({reason(error)}); no checkpoint was changed"
        ) from error
    except (Damaged, UserError):
        raise
    except Exception as error:
        # A broken archive makes torch raise anything; its text would advise to trust the file.
        raise Damaged(f"torch cannot read it safely: {type(error).__name__}") from None
    if not isinstance(content, dict) or not {"step", "stamp", "state"} <= content.keys():
        raise Damaged("it is no checkpoint of this program")
    return content


def first_not_finite(state: Any, name: str = "") -> str | None:
    """Return the name of a floating-point tensor in ``state`` with NaN or infinity, if any.

    Args:
        state: tensors and numbers, nested in mappings and lists.
        name: path of ``state`` itself, put before the names within it.

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
    """Newest first."""
    return sorted(
        (path for path in folder.glob("step-*.pt") if _NAME.match(path.name)), reverse=True
    )


def _digest_path(path: Path) -> Path:
    return path.with_suffix(".sha256")


def _differences(before: Any, now: Any, path: str = "") -> Iterator[str]:
    """``training.steps was 100, now 200`` for each leaf that differs."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from _differences(before.get(key), now.get(key), f"{path}.{key}".lstrip("."))
    elif before != now:
        yield f"{path} was {before}, now {now}"
