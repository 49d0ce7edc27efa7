"""The recurrent networks of SVG-LP: prior, posterior and predictor of features."""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from rvd.models.layers.conv_lstm import ConvLSTM, LstmState
from rvd.models.layers.gaussian import Gaussian, precise

States = Sequence[LstmState | None]


class RecurrentStack(nn.Module):
    """A 1×1 embedding, followed by ConvLSTMs.

    Args:
        channels: Number of channels of the input.
        width: Number of channels of the embedding and of the states.
        layers: Number of ConvLSTMs.
        kernel: Kernel size of the ConvLSTMs.
    """

    def __init__(self, channels: int, width: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(channels, width, 1)
        self.cells = nn.ModuleList(ConvLSTM(width, width, kernel) for _ in range(layers))

    def forward(
        self, frames: Float[Tensor, "frame row in h w"], states: States
    ) -> tuple[Float[Tensor, "frame_row width h w"], States]:
        """Return the last layer's output, frames and rows flattened, and all last states."""
        h = self.embedding(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            h, state = cell(h, state)
            after.append(state)
        return h.flatten(0, 1), after


class RecurrentGaussian(nn.Module):
    """The distribution of a latent given the features so far, as prior or posterior."""

    def __init__(self, features: int, width: int, latent: int, kernel: int) -> None:
        super().__init__()
        self.stack = RecurrentStack(features, width, 1, kernel)
        self.mean = nn.Conv2d(width, latent, 1)
        self.log_variance = nn.Conv2d(width, latent, 1)

    def forward(
        self, h: Float[Tensor, "frame row features h w"], states: States
    ) -> tuple[Gaussian, States]:
        """Return the distribution after each frame, and the states after the last."""
        inner, after = self.stack(h, states)
        mean, log_variance = (
            precise(head(inner).unflatten(0, h.shape[:2]))
            for head in (self.mean, self.log_variance)
        )
        return Gaussian(mean, log_variance), after


class FeaturePredictor(nn.Module):
    """The predictor of the next frame's features, in [−1, 1], from features and latents so far."""

    def __init__(self, channels: int, width: int, features: int, kernel: int) -> None:
        super().__init__()
        self.stack = RecurrentStack(channels, width, 2, kernel)
        self.output = nn.Conv2d(width, features, 1)

    def forward(
        self, h: Float[Tensor, "frame row in h w"], states: States
    ) -> tuple[Float[Tensor, "frame row features h w"], States]:
        """Return the next frame's features after each frame, and the states after the last."""
        inner, after = self.stack(h, states)
        return self.output(inner).tanh().unflatten(0, h.shape[:2]), after
