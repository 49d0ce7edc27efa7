"""Residual blocks of RVD's networks (appendix A)."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.layers.convolution import GROUPS, SLOPE, Convolution, initialise_together
from rvd.models.layers.step_embedding import Modulation, StepShift


class ResidualBlock(nn.Module):
    """Two convolutions with a skip connection, and the diffusion step added between them.

    Args:
        channels_in: Number of channels of the input.
        channels_out: Number of channels of the output; a 1×1 convolution matches the input when
            they differ.
        embedding: Width of the step's embedding; None for blocks without a step.
        modulation: Class of the module by which the embedding changes the channels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        embedding: int | None = None,
        modulation: Modulation = StepShift,
    ) -> None:
        super().__init__()
        self.first = Convolution(channels_in, channels_out)
        self.second = Convolution(channels_out, channels_out)
        self.shortcut: nn.Module = (
            nn.Conv2d(channels_in, channels_out, 1)
            if channels_in != channels_out
            else nn.Identity()
        )
        self.step = modulation(embedding, channels_out) if embedding else None

    def forward(
        self, x: Float[Tensor, "batch in h w"], embedding: Tensor | None = None
    ) -> Float[Tensor, "batch out h w"]:
        """Return (batch, channels_out, h, w).

        Args:
            x: Input (batch, channels_in, h, w).
            embedding: Embedding (batch, width) of each sample's diffusion step.
        """
        h = self.first(x)
        if self.step is not None:
            h = self.step(h, embedding)
        return self.second(h) + self.shortcut(x)


class ConditionedResidualBlock(nn.Module):
    """A residual block over (x, context) concatenated, with context's half computed separately.

    A convolution of a concatenation is the sum of two convolutions. The context stays the same over
    all steps of a residual's sampling, so its half (:meth:`condition`) is computed once.

    Args:
        channels: Number of channels of x and of the output.
        context: Number of channels of the context.
        embedding: Width of the step's embedding.
        modulation: Class of the module by which the embedding changes the channels.
    """

    def __init__(
        self, channels: int, context: int, embedding: int, modulation: Modulation = StepShift
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.first_context = nn.Conv2d(context, channels, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.second = Convolution(channels, channels)
        self.shortcut = nn.Conv2d(channels, channels, 1)
        self.shortcut_context = nn.Conv2d(context, channels, 1, bias=False)
        self.step = modulation(embedding, channels)
        initialise_together(self.first, self.first_context)
        initialise_together(self.shortcut, self.shortcut_context)

    def condition(
        self, context: Float[Tensor, "batch context h w"]
    ) -> tuple[Float[Tensor, "batch channels h w"], Float[Tensor, "batch channels h w"]]:
        """Return the context's half of the first convolution and of the shortcut."""
        return self.first_context(context), self.shortcut_context(context)

    def forward(
        self,
        x: Float[Tensor, "batch channels h w"],
        condition: tuple[Tensor, Tensor],
        embedding: Tensor,
    ) -> Float[Tensor, "batch channels h w"]:
        """Return (batch, channels, h, w).

        Args:
            x: Input (batch, channels, h, w).
            condition: Result of :meth:`condition`.
            embedding: Embedding (batch, width) of the diffusion step.
        """
        h = F.leaky_relu(self.norm(self.first(x) + condition[0]), SLOPE)
        return self.second(self.step(h, embedding)) + self.shortcut(x) + condition[1]
