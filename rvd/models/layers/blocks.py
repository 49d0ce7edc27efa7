"""The blocks that the models are made of (appendix A)."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

GROUPS = 8
SLOPE = 0.2


class Convolution(nn.Sequential):
    """3×3 convolution, group normalisation, LeakyReLU: (batch, in, h, w) → (batch, out, h, w)."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__(
            nn.Conv2d(channels_in, channels_out, 3, padding=1),
            nn.GroupNorm(GROUPS, channels_out),
            nn.LeakyReLU(SLOPE),
        )


class ResidualBlock(nn.Module):
    """Two convolutions around which the input is added, with the diffusion step between them.

    Args:
        channels_in: of the input.
        channels_out: of the output; a 1×1 convolution matches the input when they differ.
        embedding: width of the step's embedding; None for blocks that know no step.
    """

    def __init__(self, channels_in: int, channels_out: int, embedding: int | None = None) -> None:
        super().__init__()
        self.first = Convolution(channels_in, channels_out)
        self.second = Convolution(channels_out, channels_out)
        self.shortcut: nn.Module = (
            nn.Conv2d(channels_in, channels_out, 1)
            if channels_in != channels_out
            else nn.Identity()
        )
        self.step = StepShift(embedding, channels_out) if embedding else None

    def forward(
        self, x: Float[Tensor, "batch in h w"], embedding: Tensor | None = None
    ) -> Float[Tensor, "batch out h w"]:
        """``embedding`` (batch, width) is that of each sample's diffusion step."""
        h = self.first(x)
        if self.step is not None:
            h = h + self.step(embedding)
        return self.second(h) + self.shortcut(x)


class ConditionedResidualBlock(nn.Module):
    """A residual block over (x, context) concatenated, with context's half computed apart.

    A convolution of a concatenation is the sum of two convolutions. The context stays the same over
    all steps of a residual's sampling, so its half (:meth:`condition`) is computed once.

    Args:
        channels: of x and of the output.
        context: channels of the context.
        embedding: width of the step's embedding.
    """

    def __init__(self, channels: int, context: int, embedding: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.first_context = nn.Conv2d(context, channels, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.second = Convolution(channels, channels)
        self.shortcut = nn.Conv2d(channels, channels, 1)
        self.shortcut_context = nn.Conv2d(context, channels, 1, bias=False)
        self.step = StepShift(embedding, channels)
        initialise_together(self.first, self.first_context)
        initialise_together(self.shortcut, self.shortcut_context)

    def condition(
        self, context: Float[Tensor, "batch context h w"]
    ) -> tuple[Float[Tensor, "batch channels h w"], Float[Tensor, "batch channels h w"]]:
        """The context's half of the first convolution and of the shortcut."""
        return self.first_context(context), self.shortcut_context(context)

    def forward(
        self,
        x: Float[Tensor, "batch channels h w"],
        condition: tuple[Tensor, Tensor],
        embedding: Tensor,
    ) -> Float[Tensor, "batch channels h w"]:
        """``condition`` is that of :meth:`condition`, ``embedding`` (batch, width) the step's."""
        h = F.leaky_relu(self.norm(self.first(x) + condition[0]), SLOPE)
        return self.second(h + self.step(embedding)) + self.shortcut(x) + condition[1]


class StepShift(nn.Module):
    """What a step's embedding adds to each channel: Linear(LeakyReLU(embedding))."""

    def __init__(self, embedding: int, channels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(embedding, channels)

    def forward(self, embedding: Float[Tensor, "batch width"]) -> Float[Tensor, "batch c 1 1"]:
        """(batch, channels, 1, 1)."""
        return self.linear(F.leaky_relu(embedding, SLOPE))[:, :, None, None]


class StepEmbedding(nn.Module):
    """Sinusoids of the diffusion step, then two linear layers: (batch,) → (batch, width)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        half = width // 2
        frequencies = torch.exp(
            torch.arange(half, dtype=torch.float64) * -(math.log(10000) / (half - 1))
        )
        self.frequencies: Tensor
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.layers = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, step: Int[Tensor, " batch"]) -> Float[Tensor, "batch width"]:
        """Step counts from 0."""
        angles = step[:, None].double() * self.frequencies[None]
        dtype = next(self.layers.parameters()).dtype
        return self.layers(torch.cat([angles.sin(), angles.cos()], 1).to(dtype))


class LinearAttention(nn.Module):
    """Attention over space at linear cost: 4 heads of 16 dimensions, added to its input."""

    HEADS, DIMENSIONS = 4, 16

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = self.HEADS * self.DIMENSIONS
        self.norm = ChannelNorm(channels)
        self.queries_keys_values = nn.Conv2d(channels, 3 * inner, 1, bias=False)
        self.output = nn.Conv2d(inner, channels, 1)

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """(batch, channels, height, width), the same out."""
        batch, _, height, width = x.shape
        projected = self.queries_keys_values(self.norm(x))
        heads = projected.view(batch, 3, self.HEADS, self.DIMENSIONS, height * width)
        queries, keys, values = heads.unbind(1)
        summary = keys.softmax(-1) @ values.transpose(-1, -2)
        mixed = summary.transpose(-1, -2) @ (queries * self.DIMENSIONS**-0.5)
        return x + self.output(mixed.reshape(batch, -1, height, width))


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel, with gain and bias a channel."""

    EPSILON = 1e-5

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "batch c h w"]) -> Float[Tensor, "batch c h w"]:
        """(batch, channels, height, width), the same out."""
        variance, mean = torch.var_mean(x, dim=1, correction=0, keepdim=True)
        normalised = (x - mean) * torch.rsqrt(variance + self.EPSILON)
        return normalised * self.gain[:, None, None] + self.bias[:, None, None]


class ConvGRU(nn.Module):
    """A convolutional gated recurrent unit over all frames of a clip in one call.

    Only the convolutions of the hidden state are sequential: those of the inputs take all frames at
    once.

    Args:
        channels_in: of the input.
        channels: of the state.
        kernel: side of the convolutions, odd.
    """

    def __init__(self, channels_in: int, channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.channels = channels
        same = kernel // 2
        self.of_input = nn.Conv2d(channels_in, 3 * channels, kernel, padding=same)
        self.gates_of_state = nn.Conv2d(channels, 2 * channels, kernel, padding=same, bias=False)
        self.candidate_of_state = nn.Conv2d(channels, channels, kernel, padding=same, bias=False)
        initialise_together(self.of_input, self.gates_of_state)
        initialise_together(self.of_input, self.candidate_of_state)

    def forward(
        self,
        frames: Float[Tensor, "frame batch in h w"],
        state: Float[Tensor, "batch channels h w"] | None,
    ) -> Float[Tensor, "frame batch channels h w"]:
        """The state after each frame; ``state`` is the one before the first, None for zeros."""
        of_input = self.of_input(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        states = []
        for gates_input, candidate_input in zip(
            *of_input.split([2 * self.channels, self.channels], 2), strict=True
        ):
            state = self._next(gates_input, candidate_input, state)
            states.append(state)
        return torch.stack(states)

    def _next(self, gates_input: Tensor, candidate_input: Tensor, state: Tensor | None) -> Tensor:
        if state is None:  # of zeros: nothing to convolve, nothing to keep
            return gates_input[:, self.channels :].sigmoid() * candidate_input.tanh()
        gates = gates_input + self.gates_of_state(state)
        reset, update = gates.sigmoid().chunk(2, 1)
        candidate = (candidate_input + self.candidate_of_state(reset * state)).tanh()
        return torch.lerp(state, candidate, update)


def downsample(channels: int) -> nn.Conv2d:
    """Half the height and width, by a 3×3 convolution of stride 2."""
    return nn.Conv2d(channels, channels, 3, stride=2, padding=1)


def upsample(channels: int) -> nn.ConvTranspose2d:
    """Twice the height and width, by a 4×4 transposed convolution."""
    return nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1)


def initialise_together(*convolutions: nn.Conv2d) -> None:
    """Initialise convolutions whose outputs are added as the one convolution that they stand for.

    PyTorch's default bounds weights and biases by 1/√(inputs of one output), which here are those
    of all of them.
    """
    inputs = sum(convolution.weight[0].numel() for convolution in convolutions)
    for convolution in convolutions:
        nn.init.uniform_(convolution.weight, -(inputs**-0.5), inputs**-0.5)
        if convolution.bias is not None:
            nn.init.uniform_(convolution.bias, -(inputs**-0.5), inputs**-0.5)
