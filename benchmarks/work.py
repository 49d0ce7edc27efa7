"""Counts of the work in an experiment's trainings, forecasts and scores.

Each function returns a :class:`benchmarks.counting.Cost`, counted on tensors without values.
"""

from __future__ import annotations

import warnings
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any
from unittest import mock

import lpips
import torch
from torch import nn
from torch.nn.utils import parametrizations

from benchmarks.counting import Cost, Counter, Machine
from rvd.config.model import ModelConfig
from rvd.config.trained import TrainedModelConfig
from rvd.config.training import PlayerConfig
from rvd.diffusion.config import SamplerConfig
from rvd.experiment.evaluation import EvaluationConfig
from rvd.metrics.networks.i3d import I3D, SIZE
from rvd.models.base import VideoPredictor
from rvd.models.baselines.config import AnalogueConfig
from rvd.models.baselines.mean import MeanForecast
from rvd.models.future_gan.config import FutureGanConfig
from rvd.models.registry import build
from rvd.models.rvd.config import RvdConfig

META = torch.device("meta")
FLOAT = 4  # bytes


@dataclass(frozen=True)
class Phase:
    """A part of a training whose ``steps``, from step ``first``, have equal cost."""

    first: int
    steps: int


def phases(section: TrainedModelConfig, size: int) -> list[Phase]:
    """Return the parts of a training; a model that grows has two per resolution."""
    steps = section.training.steps
    if not isinstance(section, FutureGanConfig):
        return [Phase(0, steps)]
    starts = [0]
    for resolution, level in section.levels.items():
        if resolution > size:
            break
        growth = section.growth(starts[-1], size)
        fading = level.fading if growth.transitions else 0
        # The step at which alpha reaches 1 is the last fading one, at the cost of those after it.
        stable = growth.since + max(fading - 1, 0)
        starts += [stable, growth.since + fading + level.stable]
    ends = sorted({min(start, steps) for start in starts[:-1]} | {steps})
    return [Phase(first, end - first) for first, end in pairwise(ends)]


def meta_model(section: Any, size: int, channels: int) -> VideoPredictor:
    """Return an untrained model without values."""
    # Both take long, and weights without values need neither.
    orthogonal = mock.patch.object(nn.init, "orthogonal_", lambda tensor, *_: tensor)
    largest = mock.patch.object(parametrizations._SpectralNorm, "_power_method")
    with META, orthogonal, largest:
        model = build(section, size, channels)
    if hasattr(model, "growth"):  # a buffer whose value is read
        model.growth = torch.tensor([float(size), 1.0])
    return model


def training_step(section: Any, size: int, channels: int, step: int, machine: Machine) -> Cost:
    """Return the mean cost of a training step over all players: forward, backward, Adam."""
    training = section.training
    model = meta_model(section, size, channels).train()
    model.begin_step(step)
    batch = section.stage(step, size).batch
    video = torch.empty(batch, training.clip_length, channels, size, size, device=META)
    total = Cost()
    for name, module in model.players.items():
        for other in model.players.values():
            other.requires_grad_(other is module)
        optimiser = torch.optim.Adam(
            module.parameters(), training.learning_rate.initial, foreach=True
        )
        # Autocasting does not support this device, so everything is counted in float32.
        with (
            mock.patch.object(torch, "autocast", return_value=nullcontext()),
            Counter(machine) as counter,
        ):
            model(video, name)["loss"].backward()
        with Counter(machine) as updating:
            optimiser.step()
        # A GPU updates all weights in about a dozen operations, so their launches are neglected.
        updates = replace(updating.cost, forward=0.0)
        every = training.players.get(name, PlayerConfig()).every
        total += 1 / every * (counter.cost + updates)
    return total


def training(section: Any, size: int, channels: int, machine: Machine) -> Cost:
    """Return the cost of all training steps."""
    total = Cost()
    for phase in phases(section, size):
        step = training_step(section, size, channels, phase.first, machine)
        total += phase.steps * step
    return total


def _forecast(
    model: VideoPredictor, protocol: EvaluationConfig, horizon: int, machine: Machine
) -> Cost:
    """Return the cost of forecasting all clips, in the protocol's batches."""
    clips = min(protocol.first_batch(on_gpu=True), protocol.clips)
    shape = clips, protocol.context, model.channels, model.size, model.size
    with Counter(machine) as counter:
        model.eval().predict(
            torch.empty(shape, device=META), horizon, protocol.ensemble, torch.randn_like
        )
    return protocol.clips / clips * counter.cost


def sampling(
    protocol: EvaluationConfig,
    section: ModelConfig,
    size: int,
    channels: int,
    horizon: int,
    machine: Machine,
) -> Cost:
    """Return the cost of forecasting all test clips.

    A diffusion's evaluations have equal cost, and so have its frames. Three short forecasts
    therefore give the cost of an evaluation, of a frame and of the context.
    """
    if isinstance(section, AnalogueConfig):
        values = protocol.context * channels * size**2
        return protocol.clips * _analogue(section, values, machine)
    if not isinstance(section, TrainedModelConfig):
        return Cost()
    if not isinstance(section, RvdConfig):
        return _forecast(meta_model(section, size, channels), protocol, horizon, machine)
    diffusion = section

    def short(evaluations: int, frames: int) -> Cost:
        changes = {"diffusion_steps": evaluations, "sampler": SamplerConfig()}
        model = meta_model(diffusion.model_copy(update=changes), size, channels)
        return _forecast(model, protocol, frames, machine)

    # The cost is a + b·frames + c·frames·evaluations; that of the schedule is negligible.
    few = short(2, 1)
    frame = short(2, 2) - few
    evaluation = short(3, 1) - few
    evaluations = section.sampler.steps or section.diffusion_steps
    return few + (horizon - 1) * frame + horizon * (evaluations - 2) * evaluation


def sampling_mean(
    protocol: EvaluationConfig, whole: Any, size: int, channels: int, horizon: int, machine: Machine
) -> Cost:
    """Return the cost of forecasting with μ alone, for the diffusion model ``whole``."""
    model: Any = meta_model(whole, size, channels)
    return _forecast(MeanForecast(model), protocol, horizon, machine)


def _analogue(section: AnalogueConfig, values: int, machine: Machine) -> Cost:
    """Return an upper bound: the distance of ``values`` numbers to those of each candidate."""
    traffic = float(section.candidates * values * FLOAT)
    return Cost(0.0, traffic, traffic / machine.bandwidth / 1e12)


def scoring(
    protocol: EvaluationConfig, size: int, channels: int, horizon: int, machine: Machine
) -> Cost:
    """Return the cost of I3D on true and forecast clips, and of LPIPS and CRPS on all members."""
    total = Cost()
    frames = protocol.ensemble * horizon
    if "fvd" in protocol.metrics:
        with META:
            network: nn.Module = I3D().eval()
        with torch.no_grad(), Counter(machine) as counter:
            # One member per clip, and the truth.
            network(torch.empty(2, 3, horizon, SIZE, SIZE, device=META))
        total += protocol.clips * counter.cost
    if "lpips" in protocol.metrics:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", UserWarning
            )  # torchvision's, about an argument of lpips
            network = lpips.LPIPS(
                net=protocol.lpips_network, pretrained=False, pnet_rand=True, verbose=False
            )
        network = network.to(META).eval()
        pictures = torch.empty(frames, 3, size, size, device=META)
        with torch.no_grad(), Counter(machine) as counter:
            network(pictures, pictures, normalize=True)
        total += protocol.clips * counter.cost
    if "crps" in protocol.metrics:
        # Sorting happens in the cache, so each value is read once; comparisons are not FLOPs.
        pixels = channels * size**2 * horizon
        traffic = float(FLOAT * pixels * (protocol.ensemble + 1))
        total += protocol.clips * Cost(0.0, traffic, traffic / machine.bandwidth / 1e12)
    return total
