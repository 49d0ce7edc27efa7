"""Speed of SVG-LP and IVRNN with all frames of a clip at once, relative to frame by frame.

The reference implementations compute the same losses with the same weights (a test shows that
losses and gradients agree) in the order of the models' definition: each frame goes through every
network separately. Variants are interleaved; ratios are of medians. It also prints the time of
IVRNN's forecasts by horizon, which should be proportional.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.machine import described, now
from rvd.experiment.loading import load_experiment
from rvd.models.base import VideoPredictor
from rvd.models.ivrnn.model import Ivrnn
from rvd.models.noise import NoiseSource, seeded_noise
from rvd.models.registry import build
from rvd.models.svg_lp.config import SvgLpConfig
from rvd.models.svg_lp.model import SvgLp

CONFIG = Path(__file__).parents[1] / "config"
DEMO = [CONFIG / "config.yaml", CONFIG / "demo.yaml"]
# Name → (config files, model, frame size, channels, clips per step).
CASES = {
    "svg-lp, demo, 32 px, 4 clips": (DEMO, "svg-lp", 32, 1, 4),
    "svg-lp, paper, 64 px, 1 clip": (DEMO[:1], "svg-lp", 64, 3, 1),
    "ivrnn, demo, 32 px, 4 clips": (DEMO, "ivrnn", 32, 1, 4),
    "ivrnn, paper, 64 px, 1 clip": (DEMO[:1], "ivrnn", 64, 3, 1),
}


def svg_lp_frame_by_frame(model: SvgLp, video: Tensor, noise: Tensor) -> Tensor:
    """Return the loss with the latents' ``noise`` (batch, frame − 1, channel, h, w)."""
    frames = video.transpose(0, 1)
    posterior = prior = (None,)
    predictor = (None, None)
    loss = torch.zeros((), dtype=video.dtype, device=video.device)
    before, skips = model.encoder(frames[:1])
    for frame in range(1, len(frames)):
        if frame <= model.config.training.context:
            seen = skips
        after, skips = model.encoder(frames[frame, None])
        q, posterior = model.posterior(after, posterior)
        p, prior = model.prior(before, prior)
        z = q.sample(noise[:, frame - 1][None])
        h, predictor = model.predictor(torch.cat([before, z], 2), predictor)
        decoded = model.decoder(h, model.decoder.details(seen))[0]
        divergence = q.divergence(p).sum() / len(video)
        squared = (decoded - frames[frame]).square().mean()
        loss = loss + squared + model.config.divergence_weight * divergence
        before = after
    return loss


def ivrnn_frame_by_frame(model: Ivrnn, video: Tensor, noise: list[Tensor]) -> Tensor:
    """Return the loss with ``noise`` (batch, future frame, channel, h, w), coarsest first."""
    known = model.config.training.context
    frames = video.transpose(0, 1)
    features = [model.embedding(frame[None]) for frame in frames[:known]]
    context = [torch.cat(level) for level in zip(*features, strict=True)]
    posterior, prior = model.posterior.begin(context), model.prior.begin(context)
    states = model.renderer.begin(context)
    loss = torch.zeros((), dtype=video.dtype, device=video.device)
    before = features[-1]
    for index, frame in enumerate(frames[known:]):
        after = model.embedding(frame[None])
        latents: list[Tensor] = []
        for level in range(len(posterior)):
            q, posterior[level] = model.posterior(level, after, latents, posterior[level])
            p, prior[level] = model.prior(level, before, latents, prior[level])
            z = q.sample(noise[level][:, index][None])
            divergence = (q.log_density(z) - p.log_density(z)).sum()
            loss = loss + model.divergence_weight * divergence
            latents.append(z)
        rendered, states = model.renderer(before[-1], latents, states)
        loss = loss + (rendered[0] - frame).abs().sum()
        before = after
    return loss / len(video)


def recorded(noise: list[Tensor]) -> NoiseSource:
    """Return a source of standard normal noise that appends it to ``noise``."""

    def source(like: Tensor) -> Tensor:
        noise.append(torch.randn_like(like))
        return noise[-1]

    return source


def passes(model: VideoPredictor, video: Tensor) -> dict[str, Callable[[], Tensor]]:
    """Return both computations of the loss of ``video``, with the same noise."""
    noise: list[Tensor] = []
    with torch.no_grad():
        model(video, noise=recorded(noise))

    def at_once() -> Tensor:
        pending = iter(noise)
        return model(video, noise=lambda like: next(pending))["loss"]

    def frame_by_frame() -> Tensor:
        if isinstance(model, SvgLp):
            return svg_lp_frame_by_frame(model, video, noise[0])
        assert isinstance(model, Ivrnn)
        return ivrnn_frame_by_frame(model, video, noise)

    return {"frame by frame": frame_by_frame, "all frames at once": at_once}


def model_of(case: str, device: str) -> tuple[VideoPredictor, Tensor]:
    """Return the model of a case, and clips for it."""
    paths, name, size, channels, batch = CASES[case]
    config = load_experiment(paths).models[name]
    if isinstance(config, SvgLpConfig):  # batch statistics differ from those of single frames
        config = config.model_copy(update={"normalisation": "group"})
    torch.manual_seed(0)
    model = build(config, size, channels).to(device)
    length = model.config.training.clip_length
    return model, torch.rand(batch, length, channels, size, size, device=device)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2, help="rounds over both variants")
    parser.add_argument("--cases", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    device = arguments.device
    print(described(device))
    print(f"{'forward and backward':30} {'s (least … most)':>28} {'× as fast':>10}")
    for case in arguments.cases:
        model, video = model_of(case, device)
        seconds: dict[str, list[float]] = {}
        for number in range(arguments.rounds + 1):
            for variant, compute in passes(model, video).items():
                model.zero_grad(set_to_none=True)
                start = now(device)
                compute().backward()
                if number:  # the first round warms up
                    seconds.setdefault(variant, []).append(now(device) - start)
        print(case)
        slowest = statistics.median(seconds["frame by frame"])
        for variant, own in seconds.items():
            middle = statistics.median(own)
            spread = f"{middle:.3f} ({min(own):.3f} … {max(own):.3f})"
            print(f"  {variant:28} {spread:>28} {slowest / middle:10.2f}")
    print("IVRNN of the demo, 1 clip, 8 members: s per forecast, ms per frame")
    model, video = model_of("ivrnn, demo, 32 px, 4 clips", device)
    context = video[:1, : model.config.training.context]
    for horizon in (8, 16, 32, 64):
        own = []
        for _ in range(arguments.rounds):
            start = now(device)
            model.eval().predict(context, horizon, 8, seeded_noise([0], device))
            own.append(now(device) - start)
        middle = statistics.median(own)
        print(f"  horizon {horizon:3} {middle:8.3f} {1000 * middle / horizon:8.1f}")


if __name__ == "__main__":
    main()
