"""Clips per second of the training loader.

The file is in the page cache, like that of a dataset during training.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from rvd.video import VideoInfo, write_video_file
from rvd.video.clips import ClipStream, training_loader

LENGTH, BATCH = 8, 8


def clips_per_second(path: Path, workers: int, batches: int) -> float:
    """Measure clips of 8 frames per second, after a first batch."""
    stream = ClipStream(path, LENGTH, lambda _: BATCH, seed=0, steps=batches + 1)
    loader = iter(training_loader(stream, 0, workers))
    next(loader)
    began = time.perf_counter()
    count = sum(len(batch) for batch in loader)
    return count / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'frames':20} {'workers':>7} {'clips/s (min … max)':>30}")
        for size, channels, dtype in ((32, 1, np.float32), (64, 3, np.uint8), (128, 3, np.uint8)):
            path = Path(folder) / f"{size}.h5"
            shape = (size, size, channels)
            frames = generator.integers(0, 2, (400, *shape)).astype(dtype)
            videos = ((split, f"{split}-0", frames) for split in ("train", "val", "test"))
            write_video_file(path, videos, shape, dtype, VideoInfo())
            rates: dict[int, list[float]] = {0: [], 2: []}
            for _ in range(arguments.rounds):  # interleaved
                for workers, found in rates.items():
                    found.append(clips_per_second(path, workers, arguments.batches))
            for workers, found in rates.items():
                text = f"{statistics.median(found):.0f} ({min(found):.0f} … {max(found):.0f})"
                print(f"{f'{size} px {np.dtype(dtype)}':20} {workers:7} {text:>30}")


if __name__ == "__main__":
    main()
