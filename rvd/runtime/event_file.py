"""Event files for TensorBoard, written without a thread.

The writer of the package ``tensorboard`` writes in a thread: on a full disk that dies with a
traceback, and leaves a truncated event, after which TensorBoard reads no further.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard.summary import image, scalar

from rvd.files import reported
from rvd.runtime.appending import AppendedFile


class EventFile:
    """A new event file in ``folder``; where it cannot be written, the work continues.

    Args:
        folder: Folder that TensorBoard is given; created if it is missing.
        first_step: First step of this file: TensorBoard drops events of earlier files from it on.

    Raises:
        UserError: The folder cannot be created.
    """

    def __init__(self, folder: Path, first_step: int) -> None:
        with reported(folder):
            folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._file = AppendedFile(folder / name)
        start = SessionLog(status=SessionLog.START)
        version = Event(file_version="brain.Event:2", wall_time=time.time())
        self._add(version, Event(session_log=start, step=first_step, wall_time=time.time()))

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Add ``values`` by name after ``step`` steps."""
        now = time.time()
        self._add(
            *(
                Event(summary=scalar(name, value), step=step, wall_time=now)
                for name, value in values.items()
            )
        )

    def picture(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""
        summary = image(name, picture, dataformats="HWC")
        self._add(Event(summary=summary, step=step, wall_time=time.time()))

    def _add(self, *events: Event) -> None:
        records = BytesIO()
        for event in events:
            RecordWriter(records).write(event.SerializeToString())
        self._file.add(records.getvalue())
