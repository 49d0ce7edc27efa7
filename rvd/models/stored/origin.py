"""The clips that stored forecasts belong to, as far as their file tells."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from rvd.datasets.external.arrays import read_arrays
from rvd.errors import UserError
from rvd.files import reason
from rvd.models.entry import ForecastTask
from rvd.video.file import Frames
from rvd.video.ranges import stored_to_unit

CLIPS = "clips.json"
# Frames that another program read and wrote as bytes differ by rounding.
ROUNDING = 1.01 / 255


def clips_digest(context: Frames) -> str:
    """Return the SHA-256 of test clips: of their known frames.

    Args:
        context: Known frames as stored, (clip, frame, channel, height, width).
    """
    about = f"{context.dtype} {context.shape}".encode()
    return hashlib.sha256(about + np.ascontiguousarray(context).tobytes()).hexdigest()


def require_clips_of(path: Path, task: ForecastTask) -> None:
    """Refuse forecasts of other clips than those of ``task``.

    They are compared with the ``clips.json`` of ``rvd export-clips`` in their folder (of a file:
    ``<name>.json`` next to it), and with the array ``context`` of their file. Where there is
    neither, nothing is compared.

    Args:
        path: File or folder of the forecasts.
        task: The test clips.

    Raises:
        UserError: The forecasts are of another dataset, or of other clips, or in another order.
    """
    record = path / CLIPS if path.is_dir() else path.with_suffix(".json")
    if record.exists():
        described = _read(record)
        if described.get("dataset") != task.dataset:
            raise UserError(
                f"{path}: holds forecasts of the dataset '{described.get('dataset')}' ({record}), "
                f"not of '{task.dataset}'"
            )
        if described.get("digest") != clips_digest(task.context):
            raise UserError(
                f"{path}: holds forecasts of other clips of '{task.dataset}' ({record}); "
                "`rvd export-clips` writes those of the config"
            )
    arrays = {} if path.is_dir() or path.suffix == ".npy" else read_arrays(path)
    if "context" in arrays:
        _require_context(path, np.asarray(arrays["context"]), task)


def _read(record: Path) -> dict[str, Any]:
    try:
        described = json.loads(record.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{record}: cannot be read ({reason(error)})") from None
    if not isinstance(described, dict):
        raise UserError(f"{record}: is not a {CLIPS} of `rvd export-clips`")
    return described


def _require_context(path: Path, given: Any, task: ForecastTask) -> None:
    expected = stored_to_unit(task.context)
    last = np.moveaxis(expected, 2, -1)
    match = next((known for known in (last, expected) if known.shape == given.shape), None)
    if match is None:
        raise UserError(
            f"{path}: its context has the shape {given.shape}, the test clips of '{task.dataset}' "
            f"have {last.shape}"
        )
    differences = np.abs(stored_to_unit(given) - match).max(axis=(1, 2, 3, 4))
    if not (differences <= ROUNDING).all():
        clip = int(np.argmax(~(differences <= ROUNDING)))
        raise UserError(
            f"{path}: its context of clip {clip} is not that of the test clip of '{task.dataset}': "
            "forecasts of another dataset, of other clips, or in another order"
        )
