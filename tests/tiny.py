"""Tiny experiments and videos, quick enough to train in a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import experiment_from_mapping
from rvd.training import TrainingTask
from rvd.video import VideoInfo, write_video_file

SIZE = 16


def config(root: Path | str = ".", **changes) -> dict:
    """A config of a tiny simulated flow and a tiny RVD; ``changes`` replace top-level keys."""
    values = {
        "root": str(root),
        "revision": 1,
        "run": {
            "datasets": ["simulation"],
            "models": ["rvd", "vd", "rvd-mean", "persistence", "analogue"],
            "seeds": [0],
        },
        "datasets": {
            "simulation": {
                "reader": "simulation",
                "size": SIZE,
                "horizon": 3,
                "augmentation": "mirror-antisymmetric",
                "columns": [4, 36],
                "pool": 2,
                "flow": {
                    "width": 64,
                    "height": 32,
                    "diameter": 5.0,
                    "center": 10.0,
                    "interval": 20,
                    "warmup": 400,
                },
                "runs": {
                    "train": {"reynolds": [60.0, 80.0], "offset": [0.0, 0.5], "frames": 12},
                    "val": {"reynolds": [70.0], "offset": [0.2], "frames": 8},
                    "test": {"reynolds": [75.0], "offset": [-0.2], "frames": 10},
                },
            }
        },
        "models": {
            "rvd": {
                "kind": "rvd",
                "networks": {
                    SIZE: {
                        "width": 8,
                        "denoiser_multipliers": [1, 2],
                        "transform_multipliers": [1, 2],
                    }
                },
                "diffusion_steps": 10,
                "objective": {"sigma": 0.5},
                "sampler": {"method": "ddim", "steps": 2},
                "training": {
                    "context": 2,
                    "future": 2,
                    "steps": 6,
                    "batch": {SIZE: 2},
                    "learning_rate": {"initial": 1e-3, "warmup": 2, "decay_from": 0.5},
                    "gradient_clip": 1.0,
                    "average": {"decay": 0.5},
                    "weights": "average",
                    "checkpoint_every": 2,
                    "validate_every": 4,
                    "journal_every": 1,
                },
            },
            "vd": {"like": "rvd", "residual": False, "objective": {"sigma": 1.0}},
            "rvd-mean": {"kind": "mean", "of": "rvd"},
            "persistence": {"kind": "persistence"},
            "analogue": {"kind": "analogue"},
        },
        "evaluation": {
            "context": 2,
            "clips": 2,
            "ensemble": 3,
            "metrics": ["crps", "psnr", "ssim"],
        },
        "compute": {"gpus": 0, "threads": 1},
    }
    return values | changes


def experiment(**changes) -> ExperimentConfig:
    """The validated tiny experiment."""
    return experiment_from_mapping(config(**changes))


def moving_squares(
    frames: int, size: int = SIZE, channels: int = 1, seed: int = 0, dtype=np.float32
) -> np.ndarray:
    """A bright square that crosses a dark frame: (frame, height, width, channel)."""
    generator = np.random.default_rng(seed)
    y, x = generator.integers(0, size, 2)
    step_y, step_x = generator.integers(-2, 3, 2)
    video = np.zeros((frames, size, size, channels), np.float32)
    for frame in range(frames):
        rows = (np.arange(4) + y + frame * step_y) % size
        columns = (np.arange(4) + x + frame * step_x) % size
        video[frame, rows[:, None], columns] = 1.0
    return (video * 255).astype(np.uint8) if dtype == np.uint8 else video


def write_squares(
    path: Path, channels: int = 1, dtype=np.float32, size: int = SIZE, frames: int = 12
) -> Path:
    """A valid video file of moving squares: three videos to train, one to validate, one to test."""
    splits = ["train", "train", "train", "val", "test"]
    videos = (
        (split, f"{split}-{index}", moving_squares(frames, size, channels, index, dtype))
        for index, split in enumerate(splits)
    )
    write_video_file(path, videos, (size, size, channels), dtype, VideoInfo(frame_rate=5.0))
    return path


def task_in(folder: Path, videos: Path, **changes) -> TrainingTask:
    """A training on ``videos`` that keeps its state in ``folder``."""
    defaults = {
        "name": "squares/rvd",
        "video": videos,
        "augmentation": "none",
        "seed": 0,
        "stamp": {"revision": 1},
        "checkpoints": folder / "checkpoints",
        "output": folder / "predictor.safetensors",
        "curve": folder / "curve.csv",
    }
    return TrainingTask(**(defaults | changes))
