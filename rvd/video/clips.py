"""Clips of a fixed length: random ones for training, fixed ones for evaluation."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rvd.errors import UserError
from rvd.video.file import Frames, Split, VideoFile


def read_clip(split: Split, start: int, length: int) -> Frames:
    """Read ``length`` frames (frame, channel, height, width) from position ``start`` of a split."""
    frames: Any = split.read(start, start + length)
    return np.ascontiguousarray(frames.transpose(0, 3, 1, 2))


@dataclass(frozen=True)
class ClipStream:
    """Random training clips, determined by ``seed`` and the number of the step alone.

    Training can therefore resume at any step without stored state, and several processes take
    disjoint parts of one batch.

    Attributes:
        path: Path of the video file.
        length: Frames per clip.
        batch: Function from the step to the number of clips per process.
        seed: Seed of the stream.
        steps: Number of steps.
        augmentation: ``none``, ``mirror`` (left–right) or ``mirror-antisymmetric`` (up–down, with
            the sign about mid-grey inverted: the symmetry of vorticity), applied to half of the
            clips.
        rank: Index of this process.
        processes: Number of processes.
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
    """Training batches of a :class:`ClipStream` by step: (clip, frame, channel, height, width).

    Values are as stored; :func:`~rvd.video.ranges.stored_to_unit` converts them to [0, 1]. All
    positions at which a clip fits are equally likely.

    Raises:
        UserError: No training video is long enough.
    """

    def __init__(self, stream: ClipStream) -> None:
        self.stream = stream
        with VideoFile(stream.path) as file:
            self.starts = file.splits["train"].clip_starts(stream.length)
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
        """Return the training split, opened in this process: HDF5 does not survive a fork."""
        if self._file is None or self._owner != os.getpid():
            self._file, self._owner = VideoFile(self.stream.path), os.getpid()
        return self._file.splits["train"]


def training_loader(
    stream: ClipStream, first_step: int, workers: int, *, pinned: bool = False
) -> DataLoader[Tensor]:
    """Return the batches from ``first_step`` on, prefetched by ``workers`` processes.

    Args:
        stream: Random clips.
        first_step: Number of the first step, from 0.
        workers: Number of processes that read ahead; 0 reads in this one.
        pinned: Put batches in memory from which a GPU copies while both sides continue.
    """
    return DataLoader(
        RandomClips(stream),
        batch_size=None,  # an item is a batch
        sampler=range(first_step, stream.steps),
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        pin_memory=pinned,
        persistent_workers=False,
        worker_init_fn=_ignore_signals,
    )


def _ignore_signals(worker: int) -> None:
    """Ignore TERM and INT, which SLURM and Ctrl-C send to every process of a job.

    Workers must live until the last step. They exit when the trainer stops them, or within seconds
    of its exit.
    """
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)


class FixedClip(NamedTuple):
    """An evaluation clip.

    Attributes:
        video: Name of its video.
        start: Index of its first frame within the video.
        position: Index of its first frame within the split.
    """

    video: str
    start: int
    position: int


def fixed_clips(split: Split, length: int, count: int) -> list[FixedClip]:
    """Select at most ``count`` clips without overlap, evenly spread over the videos of a split.

    The selection depends on the split alone, so all models are tested on the same clips.
    """
    positions = split.clip_starts(length, stride=length)
    if len(positions) > count:
        positions = positions[np.linspace(0, len(positions) - 1, count).round().astype(int)]
    return _clips_at(split, positions)


def authors_clips(split: Split, length: int, count: int, *, consecutive: bool) -> list[FixedClip]:
    """Select the first ``count`` items of the authors' test loader.

    Args:
        split: Videos, in the order in which they are taken.
        length: Frames per clip.
        count: Number of clips.
        consecutive: If True, an item is a position in a run, so neighbours share all but one frame
            (the authors' simulation); otherwise an item is the beginning of a video (all others).

    Raises:
        UserError: The split has fewer than ``count`` clips.
    """
    positions = split.clip_starts(length)
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
