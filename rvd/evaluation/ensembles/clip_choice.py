"""The choice of the test clips, which are the same for every model."""

from __future__ import annotations

from rvd.errors import UserError
from rvd.experiment.experiment import ExperimentConfig
from rvd.forecasting.clips import read_clips
from rvd.video.clips import FixedClip, authors_clips, fixed_clips
from rvd.video.file import Frames, VideoFile


def chosen_clips(experiment: ExperimentConfig, videos: VideoFile, dataset: str) -> list[FixedClip]:
    """Return the clips on which every model is tested, chosen by ``evaluation.clips_from``.

    Args:
        experiment: The config.
        videos: Open video file of the dataset.
        dataset: Name of the dataset in the config.

    Raises:
        UserError: No test video is long enough, or there are fewer than the authors' clips.
    """
    settings, described = experiment.evaluation, experiment.datasets[dataset]
    split, length = videos.splits["test"], settings.context + described.horizon
    if settings.clips_from == "authors":
        consecutive = described.consecutive_items
        return authors_clips(split, length, settings.clips, consecutive=consecutive)
    clips = fixed_clips(split, length, settings.clips)
    if not clips:
        raise UserError(
            f"{videos.path}: no test video has {settings.context} + {described.horizon} frames"
        )
    return clips


def read_context(experiment: ExperimentConfig, videos: VideoFile, dataset: str) -> Frames:
    """Return the known frames of all test clips as stored: (clip, frame, channel, height, width).

    Args:
        experiment: The config.
        videos: Open video file of the dataset.
        dataset: Name of the dataset in the config.

    Raises:
        UserError: No test video is long enough, or there are fewer than the authors' clips.
    """
    clips = chosen_clips(experiment, videos, dataset)
    return read_clips(videos.splits["test"], clips, experiment.evaluation.context)
