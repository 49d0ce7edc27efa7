"""CRPS of non-learned baselines, and FVD of real clips against real ones.

They are the reference for scores on the simulation. The video file of the dataset is required;
I3D's weights (``rvd fetch-weights i3d``) are needed for FVD only.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from rvd.experiment.loading import load_experiment
from rvd.metrics.functional.crps import crps
from rvd.metrics.functional.frechet import floor
from rvd.metrics.networks.features import CachedFeatures
from rvd.models.base import Forecast, Video, VideoPredictor, repeated
from rvd.models.baselines.analogue import AnalogueForecast
from rvd.models.baselines.config import AnalogueConfig, PersistenceConfig
from rvd.models.baselines.persistence import PersistenceForecast
from rvd.models.noise import NoiseSource, seeded_noise
from rvd.video import VideoFile
from rvd.video.clips import FixedClip, authors_clips, fixed_clips, read_clip
from rvd.video.file import Split
from rvd.video.ranges import stored_to_unit

BLOCK = 100  # frames read at once


class MidGrey(VideoPredictor):
    """A forecast of mid-grey frames: zero vorticity."""

    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Return the grey frame as each frame of each member."""
        grey = torch.full_like(context[:, :1], 0.5)
        return repeated(grey.expand(-1, horizon, *grey.shape[2:]), ensemble)


def reference_crps(model: VideoPredictor, clips: Video, context: int, ensemble: int) -> float:
    """Return the mean CRPS of the future frames of ``clips`` (clip, frame, …), in grey levels."""
    found = []
    for clip in clips:
        future = clip[context:]
        samples = model.predict(clip[None, :context], len(future), ensemble, seeded_noise([0]))[0]
        found.append(255 * crps(samples.numpy(), future.numpy()).mean())
    return float(np.mean(found))


def fvd_floor(network: CachedFeatures, futures: Video) -> float:
    """Return the FVD of random halves of real clips, the mean over 20 splits."""
    rows = [network.extract(np.moveaxis(clip.numpy(), 1, -1)[None], 1.0)[0] for clip in futures]
    return floor(np.stack(rows), len(rows))[0]


def near_mid_grey(split: Split) -> float:
    """Return the fraction of the pixels of ``split`` within one of 255 grey levels of mid-grey."""
    near = 0
    for first in range(0, len(split.frames), BLOCK):
        frames = split.read(first, min(first + BLOCK, len(split.frames)))
        white = 255 if frames.dtype == np.uint8 else 1
        near += int((np.abs(255 * (frames / white - 0.5)) <= 1).sum())
    return near / split.frames.size


def read_clips(split: Split, chosen: Sequence[FixedClip], length: int) -> Video:
    """Return the clips (clip, frame, channel, height, width) in [0, 1]."""
    clips = [torch.from_numpy(read_clip(split, clip.position, length)) for clip in chosen]
    return stored_to_unit(torch.stack(clips))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, help="the dataset's video file")
    parser.add_argument("--dataset", default="simulation")
    parser.add_argument("--config", type=Path, default=Path("config/config.yaml"))
    parser.add_argument("--i3d", type=Path, help="I3D's weights, to measure FVD's floor, too")
    arguments = parser.parse_args()
    experiment = load_experiment([arguments.config])
    described, protocol = experiment.datasets[arguments.dataset], experiment.evaluation
    context, length = protocol.context, protocol.context + described.horizon
    with VideoFile(arguments.videos) as file:
        train, test = file.splits["train"], file.splits["test"]
        size, _, channels = file.frame_shape
        models = {
            "mid-grey": MidGrey(PersistenceConfig(kind="persistence"), size, channels),
            "persistence": PersistenceForecast(
                PersistenceConfig(kind="persistence"), size, channels
            ),
            "analogue": AnalogueForecast(AnalogueConfig(kind="analogue"), size, channels, train),
        }
        consecutive = described.consecutive_items
        choices = {
            "spread": fixed_clips(test, length, protocol.clips),
            "authors": authors_clips(test, length, protocol.clips, consecutive=consecutive),
        }
        print(
            f"{context} context and {described.horizon} future frames, {size} pixels, "
            f"{protocol.ensemble} members; test pixels within a grey level of mid-grey: "
            f"{near_mid_grey(test):.1%}"
        )
        network = CachedFeatures(arguments.i3d, None) if arguments.i3d else None
        for name, chosen in choices.items():
            clips = read_clips(test, chosen, length)
            print(f"clips_from: {name}, {len(clips)} clips")
            for model, forecaster in models.items():
                score = reference_crps(forecaster, clips, context, protocol.ensemble)
                print(f"  CRPS, {model}: {score:.2f}", flush=True)
            if network is not None:
                value, half = fvd_floor(network, clips[:, context:]), len(clips) // 2
                print(f"  FVD floor, {half} real clips against {half} others: {value:.1f}")


if __name__ == "__main__":
    main()
