"""Write short videos of a moving square, as the example's reader takes them.

python make_videos.py squares
"""

import sys
from pathlib import Path

import numpy as np

SIZE, FRAMES = 32, 12
VIDEOS = {"train": 8, "val": 2, "test": 4}


def moving_square(seed: int) -> np.ndarray:
    """Return a video (frame, height, width, channel), uint8, of a square that moves steadily."""
    generator = np.random.default_rng(seed)
    start, speed = generator.integers(0, SIZE, 2), generator.integers(-2, 3, 2)
    video = np.zeros((FRAMES, SIZE, SIZE, 1), np.uint8)
    for frame in range(FRAMES):
        rows, columns = (start + frame * speed)[:, None] + np.arange(8)
        video[frame, (rows % SIZE)[:, None], columns % SIZE] = 255
    return video


if __name__ == "__main__":
    seed = 0
    for split, count in VIDEOS.items():
        folder = Path(sys.argv[1]) / split
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            np.save(folder / f"{index:02d}.npy", moving_square(seed))
            seed += 1
