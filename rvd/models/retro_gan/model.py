"""Retrospective Cycle GAN: predicts the next frame, and from reversed frames the one before.

Kwon and Park, "Predicting Future Frames Using Retrospective Cycle GAN", CVPR 2019.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.adversarial import AdversarialPredictor, diversity, least_squares
from rvd.models.base import Forecast, Video, repeated, signed_to_unit, unit_to_signed
from rvd.models.noise import NoiseSource
from rvd.models.retro_gan.config import RetroGanConfig
from rvd.models.retro_gan.networks import Critic, Generator, initialise
from rvd.models.roll_out import roll_out

# A Laplacian of Gaussian: symmetric, with sum zero, so that flat regions have no edges.
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
    The frame critic scores single frames, the sequence critic windows.
    """

    config: RetroGanConfig
    critics: nn.ModuleDict

    def __init__(self, config: RetroGanConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        known = config.training.context
        self.generator = Generator(channels * known, channels, config.width, config.residual_blocks)
        self.critics = nn.ModuleDict(
            {
                "frame": Critic(channels, config.critic_widths),
                "sequence": Critic(channels * (known + 1), config.critic_widths),
            }
        )
        self.edges: Tensor
        self.register_buffer("edges", torch.tensor(EDGES, dtype=torch.float32), persistent=False)
        self.apply(initialise)

    def forward(self, video: Video, player: str = "generator") -> dict[str, Tensor]:
        """Return the losses of ``generator`` or ``critics``.

        Args:
            video: Windows of ``context`` + 1 frames in [0, 1].
            player: Name of the player.

        Returns:
            ``loss`` and its parts, unweighted: for the generator ``image``, ``edge``, ``frame``,
            ``sequence`` and the forecasts' ``diversity``; for the critics ``frame`` and
            ``sequence``.
        """
        window = unit_to_signed(video)
        if player == "generator":
            return self._generator_losses(window)
        with torch.no_grad():
            once, twice = self._fake(window)
        return self._critic_losses(window, once, twice)

    def _fake(self, window: Tensor) -> tuple[Ends, Ends]:
        """Predict both ends from real frames, and again from those predictions."""
        inner = window[:, 1:-1]
        once = self._ends(window[:, :-1], window[:, 1:].flip(1))
        twice = self._ends(
            torch.cat([once.first[:, None], inner], 1),
            torch.cat([once.last[:, None], inner.flip(1)], 1),
        )
        return once, twice

    def _ends(self, forward: Tensor, backward: Tensor) -> Ends:
        """Predict the frame after ``forward``, and the one before reversed ``backward``."""
        last, first = self.generator(torch.cat([forward, backward]).flatten(1, 2)).chunk(2)
        return Ends(first, last)

    def _generator_losses(self, window: Tensor) -> dict[str, Tensor]:
        once, twice = self._fake(window)
        triples = [(window[:, 0], once.first, twice.first), (window[:, -1], once.last, twice.last)]
        edges = [tuple(map(self._edges, triple)) for triple in triples]
        frames, sequences = self._fake_inputs(window, once, twice)
        losses = {
            "image": torch.stack([_disagreement(*triple) for triple in triples]).mean(),
            "edge": torch.stack([_disagreement(*triple) for triple in edges]).mean(),
            "frame": least_squares(self.critics["frame"](frames), 1.0),
            "sequence": least_squares(self.critics["sequence"](sequences), 1.0),
        }
        weights = self.config.loss
        loss = sum(getattr(weights, name) * value for name, value in losses.items())
        assert isinstance(loss, Tensor)
        ends = torch.stack(once, 1), torch.stack([window[:, 0], window[:, -1]], 1)
        return {"loss": loss, **losses, "diversity": diversity(*ends)}

    def _critic_losses(self, window: Tensor, once: Ends, twice: Ends) -> dict[str, Tensor]:
        frames, sequences = self._fake_inputs(window, once, twice)
        real_frames = torch.cat([window[:, 0], window[:, -1]])
        losses = {
            "frame": self._critic_loss("frame", real_frames, frames),
            "sequence": self._critic_loss("sequence", window.flatten(1, 2), sequences),
        }
        return {"loss": losses["frame"] + losses["sequence"], **losses}

    def _critic_loss(self, critic: str, real: Tensor, fake: Tensor) -> Tensor:
        """Return the mean over all rows: 2 real to 4 fake frames, 1 real to 4 fake windows."""
        # Instance normalisation treats each row separately, so one pass scores both.
        scores = self.critics[critic](torch.cat([real, fake]))
        wanted = torch.zeros(len(scores), 1, 1, 1, device=scores.device)
        wanted[: len(real)] = 1
        return (scores - wanted).square().mean()

    def _fake_inputs(self, window: Tensor, once: Ends, twice: Ends) -> tuple[Tensor, Tensor]:
        """Return all fake frames, and all windows with fake ends."""
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
        """Return the Laplacian of Gaussian of each channel."""
        kernel = self.edges.to(frame.dtype).expand(self.channels, 1, *self.edges.shape)
        return F.conv2d(frame, kernel, groups=self.channels)

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Forecast frame by frame, from a sliding window; all members are equal."""

        def following(window: Tensor) -> Tensor:
            return self.generator(window.flatten(1, 2))[:, None]

        known = self.config.training.context
        frames = roll_out(unit_to_signed(context), horizon, known, following)
        return repeated(signed_to_unit(frames), ensemble)


def _disagreement(one: Tensor, two: Tensor, three: Tensor) -> Tensor:
    """Return the mean absolute difference of all pairs of three."""
    pairs = F.l1_loss(one, two), F.l1_loss(one, three), F.l1_loss(two, three)
    return torch.stack(pairs).mean()
