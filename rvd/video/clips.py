"""Clips of a fixed length: random ones to train on, fixed ones to test on."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rvd.errors import UserError
from rvd.video.file import Frames, Split, VideoFile


def read_clip(split: Split, start: int, length: int) -> Frames:
    """Frames (frame, channel, height, width) from position ``start`` of the split's frames on."""
    frames: Any = split.read(start, start + length)
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))


def stored_to_unit(video: Tensor) -> Float[Tensor, ...]:
    """Frames as stored (uint8, or float32 in [0, 1]) → float32 in [0, 1]."""
    return video.float() / 255 if video.dtype == torch.uint8 else video


@dataclass(frozen=True)
class ClipStream:
    """Which clips each training step sees: a function of ``seed`` and the step's number alone.

    So training resumes at any step without having stored anything, and several processes take
    disjoint parts (``rank`` of ``processes``) of one batch. ``batch`` maps a step to the clips that
    each process takes.

    ``augmentation`` is ``none``, ``mirror`` (left–right) or ``mirror-antisymmetric`` (up–down, with
    the sign about mid-grey changed: the symmetry of vorticity), each applied to half of the clips.
    """

    path: Path
    length: int
    batch: Callable[[int], int]
    seed: int
    steps: int
    augmentation: str = "none"
    rank: int = 0
    processes: int = 1


class RandomClips(Dataset[Tensor]):
    """The training batches of a :class:`ClipStream` by step: (clip, frame, channel, height, width).

    Values are as stored; :func:`as_unit` makes them [0, 1]. Every position at which a clip fits is
    equally likely.

    Raises:
        UserError: no training video is long enough.
    """

    def __init__(self, stream: ClipStream) -> None:
        self.stream = stream
        with VideoFile(stream.path) as file:
            self.starts = file.splits["train"].starts(stream.length)
        if not len(self.starts):
            raise UserError(
                f"{stream.path}: no training video has the {stream.length} frames of a clip"
            )
        self._file: VideoFile | None = None
        self._owner = 0

    def __len__(self) -> int:
        return self.stream.steps

    def __getitem__(self, step: int) -> Tensor:
        generator = np.random.default_rng([self.stream.seed, step])
        batch = self.stream.batch(step)
        total = batch * self.stream.processes
        chosen = self.starts[generator.integers(len(self.starts), size=total)]
        mirrored = generator.random(total) < 0.5
        own = slice(self.stream.rank * batch, (self.stream.rank + 1) * batch)
        split = self._split()
        clips = np.stack([read_clip(split, start, self.stream.length) for start in chosen[own]])
        return torch.from_numpy(_augmented(clips, mirrored[own], self.stream.augmentation))

    def _split(self) -> Split:
        """The training split, opened in the process that reads it: HDF5 does not survive a fork."""
        if self._file is None or self._owner != os.getpid():
            self._file, self._owner = VideoFile(self.stream.path), os.getpid()
        return self._file.splits["train"]


def training_loader(stream: ClipStream, first_step: int, workers: int) -> DataLoader[Tensor]:
    """The batches of the steps from ``first_step`` on, read ahead by ``workers`` processes."""
    return DataLoader(
        RandomClips(stream),
        batch_size=None,  # an item is a batch
        sampler=range(first_step, stream.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=torch.cuda.is_available(),
        persistent_workers=False,
        worker_init_fn=_leave_signals_to_the_trainer,
    )


def _leave_signals_to_the_trainer(worker: int) -> None:
    """SLURM and Ctrl-C signal every process of a job: workers have to outlive the last step.

    They end when the trainer tells them to, or within seconds of its death.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class FixedClip(NamedTuple):
    """A clip to evaluate on: its video's name, its first frame there, and in the split's frames."""

    video: str
    start: int
    position: int


def fixed_clips(split: Split, length: int, count: int) -> list[FixedClip]:
    """At most ``count`` clips that do not overlap, evenly spread over the split's videos.

    The choice depends on nothing but the split, so that all models are tested on the same clips.
    """
    positions = split.starts(length, stride=length)
    if len(positions) > count:
        positions = positions[np.linspace(0, len(positions) - 1, count).round().astype(int)]
    return _clips_at(split, positions)


def authors_clips(split: Split, length: int, count: int, *, consecutive: bool) -> list[FixedClip]:
    """The first ``count`` items of the authors' loader of test data, in the split's order.

    Args:
        split: the videos, in the order in which they are taken.
        length: frames of a clip.
        count: clips.
        consecutive: an item is a position in a run, so that neighbours share all but one frame (as
            for the authors' simulation); else a video, from its first frame on (as for the others).

    Raises:
        UserError: there are fewer than ``count``.
    """
    positions = split.starts(length)
    if not consecutive:
        positions = np.intersect1d(positions, split.first_frame[:-1])
    if len(positions) < count:
        raise UserError(
            f"evaluation.clips_from: authors takes {count} clips (evaluation.clips) of {length} "
            f"frames, but this split has {len(positions)}; lower evaluation.clips, or take spread"
        )
    return _clips_at(split, positions[:count])


def _clips_at(split: Split, positions: NDArray[np.int64]) -> list[FixedClip]:
    videos = np.searchsorted(split.first_frame, positions, side="right") - 1
    return [
        FixedClip(split.names[video], int(position - split.first_frame[video]), int(position))
        for video, position in zip(videos, positions, strict=True)
    ]


def _augmented(clips: NDArray, mirrored: NDArray[np.bool_], augmentation: str) -> NDArray:
    if augmentation == "mirror":
        clips[mirrored] = clips[mirrored][..., ::-1]
    elif augmentation == "mirror-antisymmetric":
        white = 255 if clips.dtype == np.uint8 else 1
        clips[mirrored] = white - clips[mirrored][..., ::-1, :]
    return clips
