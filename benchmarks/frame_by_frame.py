"""The reference implementation: RVD computed frame by frame, as in the authors' published code.

The same mathematics as ``rvd.models.rvd.model``, with its weights: recurrent and conditioned layers
convolve concatenations, and each frame goes through every network separately.
:func:`check_equal` shows that loss and gradients agree.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.diffusion.objective import LOSSES
from rvd.models.layers.blocks import ConditionedResidualBlock
from rvd.models.layers.conv_gru import ConvGRU
from rvd.models.layers.convolution import SLOPE
from rvd.models.rvd.model import ResidualVideoDiffusion
from rvd.models.rvd.networks import Denoiser, RecurrentPyramid


class FrameByFrame(nn.Module):
    """A model with the same parameters and another order of computation."""

    def __init__(self, model: ResidualVideoDiffusion) -> None:
        super().__init__()
        self.model = model

    def forward(self, video: Tensor, diffusion_step: Tensor, noise: Tensor) -> Tensor:
        """Return the loss of equation 9 for the arguments of ``ResidualVideoDiffusion.forward``."""
        model, objective = self.model, self.model.config.objective
        known = model.config.training.context
        frames = video * 2 - 1
        contexts: list[Tensor | None] = [None] * len(model.context_encoder.blocks)
        states: list[Tensor | None] = [None] * len(model.context_encoder.blocks)
        losses = []
        for index in range(frames.shape[1]):
            if index >= known:
                mean = (
                    model.next_frame.predict(states)
                    if model.next_frame is not None
                    else torch.zeros_like(frames[:, index])
                )
                residual = (frames[:, index] - mean) / objective.sigma
                true_noise = noise[:, index - known]
                signal = model.schedule.signal(diffusion_step, residual)
                scale = model.schedule.noise(diffusion_step, residual)
                noisy = signal * residual + scale * true_noise
                predicted = denoise(model.denoiser, noisy, diffusion_step, contexts)
                losses.append(LOSSES[objective.loss](predicted, true_noise))
            contexts = advance(model.context_encoder, frames[:, index], contexts)
            if model.next_frame is not None:
                down = model.next_frame.down
                states = advance(down, frames[:, index], (states + [None] * 9)[: len(down.blocks)])
                if index < known - 1:
                    model.next_frame.predict(states)  # the published code decodes it, unused
        return torch.stack(losses).mean()


def advance(pyramid: RecurrentPyramid, h: Tensor, states: list[Tensor | None]) -> list[Tensor]:
    """Return the states of each level after one more frame."""
    after = []
    for level, (block, recurrence) in enumerate(
        zip(pyramid.blocks, pyramid.recurrences, strict=True)
    ):
        if level:
            h = pyramid.halvings[level - 1](h)
        h = recur(recurrence, block(h), states[level])
        after.append(h)
    return after


def recur(unit: ConvGRU, x: Tensor, state: Tensor | None) -> Tensor:
    """Compute a ConvGRU's step by convolutions of (input, state) concatenated."""
    if state is None:
        state = torch.zeros_like(x[:, :1]).expand(-1, unit.channels, -1, -1)
    gates_x, candidate_x = unit.of_input.weight.split([2 * unit.channels, unit.channels])
    gates_bias, candidate_bias = unit.of_input.bias.split([2 * unit.channels, unit.channels])
    gates_weight = torch.cat([gates_x, unit.gates_of_state.weight], 1)
    gates = F.conv2d(torch.cat([x, state], 1), gates_weight, gates_bias, padding=1)
    reset, update = gates.sigmoid().chunk(2, 1)
    candidate_weight = torch.cat([candidate_x, unit.candidate_of_state.weight], 1)
    joined = torch.cat([x, reset * state], 1)
    candidate = F.conv2d(joined, candidate_weight, candidate_bias, padding=1).tanh()
    return (1 - update) * state + update * candidate


def conditioned(
    block: ConditionedResidualBlock, x: Tensor, context: Tensor, embedding: Tensor
) -> Tensor:
    """Compute a conditioned block by convolutions of (x, context) concatenated."""
    joined = torch.cat([x, context], 1)
    first = torch.cat([block.first.weight, block.first_context.weight], 1)
    h = block.norm(F.conv2d(joined, first, block.first.bias, padding=1))
    h = block.second(block.step(F.leaky_relu(h, SLOPE), embedding))
    shortcut = torch.cat([block.shortcut.weight, block.shortcut_context.weight], 1)
    return h + F.conv2d(joined, shortcut, block.shortcut.bias)


def denoise(net: Denoiser, y: Tensor, step: Tensor, contexts: list[Tensor]) -> Tensor:
    """Compute the denoiser with the context concatenated at every call."""
    embedding = net.embedding(step)
    h, skips = y, []
    for level, (first, second, attention) in enumerate(
        zip(net.down_first, net.down_second, net.down_attention, strict=True)
    ):
        if level:
            h = net.halvings[level - 1](h)
        h = attention(conditioned(second, first(h, embedding), contexts[level], embedding))
        skips.append(h)
    h = net.middle_second(net.middle_attention(net.middle_first(h, embedding)), embedding)
    for first, second, attention, doubling in zip(
        net.up_first, net.up_second, net.up_attention, net.doublings, strict=True
    ):
        h = first(torch.cat([h, skips.pop()], 1), embedding)
        h = doubling(attention(second(h, embedding)))
    return net.output(h)


def check_equal(model: ResidualVideoDiffusion, video: Tensor) -> tuple[float, float]:
    """Return the relative differences of the loss and of the gradient of all parameters."""
    future = model.config.training.future
    step = torch.randint(len(model.schedule), video.shape[:1])
    noise = torch.randn(len(video), future, *video.shape[2:], dtype=video.dtype)
    found = []
    for compute in (
        lambda: model(video, diffusion_step=step, noise=noise)["loss"],
        lambda: FrameByFrame(model)(video, step, noise),
    ):
        model.zero_grad()
        loss = compute()
        loss.backward()
        gradients = {name: p.grad.clone() for name, p in model.named_parameters()}
        found.append((loss.detach(), gradients))
    (loss, gradients), (other, others) = found
    off = sum(float((gradients[name] - others[name]).square().sum()) for name in gradients)
    whole = sum(float(gradient.square().sum()) for gradient in others.values())
    return float((loss - other).abs() / other.abs()), (off / whole) ** 0.5
