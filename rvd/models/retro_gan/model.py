"""Retrospective Cycle GAN: predicts the next frame, and from reversed frames the one before.

Kwon and Park, "Predicting Future Frames Using Retrospective Cycle GAN", CVPR 2019.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.adversarial import AdversarialPredictor, diversity, least_squares
from rvd.models.base import Forecast, Video, repeated, signed_to_unit, unit_to_signed
from rvd.models.noise import NoiseSource
from rvd.models.retro_gan.config import RetroGanConfig
from rvd.models.roll_out import roll_out

SLOPE = 0.2
# The spread of initial weights, as in image-to-image GANs.
INITIAL = 0.02
# A Laplacian of Gaussian: symmetric, and of sum zero, so that flat regions have no edges.
EDGES = (
    (0, 0, -1, 0, 0),
    (0, -1, -2, -1, 0),
    (-1, -2, 16, -2, -1),
    (0, -1, -2, -1, 0),
    (0, 0, -1, 0, 0),
)


class Ends(NamedTuple):
    """Frames at both ends of a window, each (batch, channel, height, width) in [−1, 1]."""

    first: Tensor
    last: Tensor


class RetroGan(AdversarialPredictor):
    """A deterministic generator of one frame from ``context`` frames, and two critics.

    On a window x⁰…xⁿ it predicts both ends, x^n′ = G(x⁰…x^{n−1}) and x⁰′ = G(xⁿ…x¹), and then each
    again from the other's prediction, x^n″ = G(x⁰′, x¹…x^{n−1}) and x⁰″ = G(x^n′, x^{n−1}…x¹).
    The frame critic judges single frames, the sequence critic windows.
    """

    config: RetroGanConfig
    judges: nn.ModuleDict

    def __init__(self, config: RetroGanConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        known = config.training.context
        self.generator = Generator(channels * known, channels, config.width, config.residual_blocks)
        self.judges = nn.ModuleDict(
            {
                "frame": Critic(channels, config.critic_widths),
                "sequence": Critic(channels * (known + 1), config.critic_widths),
            }
        )
        self.edges: Tensor
        self.register_buffer("edges", torch.tensor(EDGES, dtype=torch.float32), persistent=False)
        self.apply(_initialise)

    def forward(self, video: Video, player: str = "generator") -> dict[str, Tensor]:
        """The losses of ``generator`` or ``critics`` on windows of ``context`` + 1 frames.

        Returns:
            ``loss`` and its parts, unweighted: of the generator ``image``, ``edge``, ``frame``,
            ``sequence`` and the forecasts' ``diversity``; of the critics ``frame`` and
            ``sequence``.
        """
        window = unit_to_signed(video)
        if player == "generator":
            return self._generator_losses(window)
        with torch.no_grad():
            once, twice = self._fake(window)
        return self._critic_losses(window, once, twice)

    def _fake(self, window: Tensor) -> tuple[Ends, Ends]:
        """Both ends predicted from real frames, and again from those predictions."""
        inner = window[:, 1:-1]
        once = self._ends(window[:, :-1], window[:, 1:].flip(1))
        twice = self._ends(
            torch.cat([once.first[:, None], inner], 1),
            torch.cat([once.last[:, None], inner.flip(1)], 1),
        )
        return once, twice

    def _ends(self, forward: Tensor, backward: Tensor) -> Ends:
        """What follows ``forward`` and, in time, comes before ``backward``."""
        last, first = self.generator(torch.cat([forward, backward]).flatten(1, 2)).chunk(2)
        return Ends(first, last)

    def _generator_losses(self, window: Tensor) -> dict[str, Tensor]:
        once, twice = self._fake(window)
        triples = [(window[:, 0], once.first, twice.first), (window[:, -1], once.last, twice.last)]
        edges = [tuple(map(self._edges, triple)) for triple in triples]
        frames, sequences = self._judged(window, once, twice)
        losses = {
            "image": torch.stack([_disagreement(*triple) for triple in triples]).mean(),
            "edge": torch.stack([_disagreement(*triple) for triple in edges]).mean(),
            "frame": least_squares(self.judges["frame"](frames), 1),
            "sequence": least_squares(self.judges["sequence"](sequences), 1),
        }
        weights = self.config.loss
        loss = sum(getattr(weights, name) * value for name, value in losses.items())
        assert isinstance(loss, Tensor)
        ends = torch.stack(once, 1), torch.stack([window[:, 0], window[:, -1]], 1)
        return {"loss": loss, **losses, "diversity": diversity(*ends)}

    def _critic_losses(self, window: Tensor, once: Ends, twice: Ends) -> dict[str, Tensor]:
        frames, sequences = self._judged(window, once, twice)
        real_frames = torch.cat([window[:, 0], window[:, -1]])
        losses = {
            "frame": self._criticism("frame", real_frames, frames),
            "sequence": self._criticism("sequence", window.flatten(1, 2), sequences),
        }
        return {"loss": losses["frame"] + losses["sequence"], **losses}

    def _criticism(self, judge: str, real: Tensor, fake: Tensor) -> Tensor:
        """The mean over all rows, real and fake alike: 2 to 4 of frames, 1 to 4 of windows."""
        # Instance normalisation treats each row for itself, so one pass judges both.
        scores = self.judges[judge](torch.cat([real, fake]))
        wanted = torch.zeros(len(scores), 1, 1, 1, device=scores.device)
        wanted[: len(real)] = 1
        return (scores - wanted).square().mean()

    def _judged(self, window: Tensor, once: Ends, twice: Ends) -> tuple[Tensor, Tensor]:
        """All fake frames, and all windows with fake ends."""
        inner = window[:, 1:-1]

        def between(first: Tensor, last: Tensor) -> Tensor:
            return torch.cat([first[:, None], inner, last[:, None]], 1).flatten(1, 2)

        sequences = [
            between(window[:, 0], once.last),
            between(once.first, window[:, -1]),
            between(once.first, twice.last),
            between(twice.first, once.last),
        ]
        return torch.cat([*once, *twice]), torch.cat(sequences)

    def _edges(self, frame: Tensor) -> Tensor:
        """The Laplacian of Gaussian of each channel."""
        kernel = self.edges.to(frame.dtype).expand(self.channels, 1, *self.edges.shape)
        return F.conv2d(frame, kernel, groups=self.channels)

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, draw: NoiseSource) -> Forecast:
        """Frame by frame, from a window that slides; every member the same."""

        def following(window: Tensor) -> Tensor:
            return self.generator(window.flatten(1, 2))[:, None]

        known = self.config.training.context
        frames = roll_out(unit_to_signed(context), horizon, known, following)
        return repeated(signed_to_unit(frames), ensemble)


def _disagreement(one: Tensor, two: Tensor, three: Tensor) -> Tensor:
    """Mean absolute difference of all pairs of three."""
    pairs = F.l1_loss(one, two), F.l1_loss(one, three), F.l1_loss(two, three)
    return torch.stack(pairs).mean()


class Generator(nn.Sequential):
    """Frames stacked on channels → one frame, in [−1, 1], at a quarter of the size in between.

    Args:
        channels_in: of all frames together.
        channels: of a frame.
        width: of the first convolution; the residual blocks have twice as many.
        blocks: how many residual blocks.
    """

    def __init__(self, channels_in: int, channels: int, width: int, blocks: int) -> None:
        wide = 2 * width
        layers = [
            nn.ReflectionPad2d(3),
            *_normalised(nn.Conv2d(channels_in, width, 7)),
            *_normalised(nn.Conv2d(width, width, 3, stride=2, padding=1)),
            *_normalised(nn.Conv2d(width, wide, 3, stride=2, padding=1)),
            *(ResidualBlock(wide) for _ in range(blocks)),
            *_normalised(_doubling(wide, width)),
            *_normalised(_doubling(width, wide)),
            nn.ReflectionPad2d(3),
            nn.Conv2d(wide, channels, 7),
            nn.Tanh(),
        ]
        super().__init__(*layers)


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions, with instance normalisation, added to their input."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.ReflectionPad2d(1),
            *_normalised(nn.Conv2d(channels, channels, 3)),
            nn.ReflectionPad2d(1),
            nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, height, width), the same out."""
        return x + self.layers(x)


class Critic(nn.Sequential):
    """Patches of frames → scores (batch, 1, height, width), by 4×4 convolutions of stride 2."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        layers: list[nn.Module] = [
            nn.Conv2d(channels, widths[0], 4, stride=2, padding=1),
            nn.LeakyReLU(SLOPE),
        ]
        for narrow, wide in pairwise(widths):
            layers += [
                nn.Conv2d(narrow, wide, 4, stride=2, padding=1),
                nn.InstanceNorm2d(wide),
                nn.LeakyReLU(SLOPE),
            ]
        super().__init__(*layers, nn.Conv2d(widths[-1], 1, 4, padding=1))


def _normalised(convolution: nn.Conv2d | nn.ConvTranspose2d) -> list[nn.Module]:
    return [convolution, nn.InstanceNorm2d(convolution.out_channels), nn.ReLU()]


def _doubling(channels_in: int, channels_out: int) -> nn.ConvTranspose2d:
    return nn.ConvTranspose2d(channels_in, channels_out, 3, stride=2, padding=1, output_padding=1)


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, std=INITIAL)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
