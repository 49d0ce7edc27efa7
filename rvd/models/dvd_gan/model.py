"""DVD-GAN for frame prediction: a recurrent generator, and critics of frames and of motion.

Clark, Donahue and Simonyan, "Adversarial Video Generation on Complex Datasets", 2019 (DVD-GAN-FP).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from rvd.models.adversarial import AdversarialPredictor, diversity, hinge
from rvd.models.base import Forecast, Video, signed_to_unit, unit_to_signed
from rvd.models.dvd_gan.config import DvdGanConfig
from rvd.models.dvd_gan.critics import SpatialCritic, TemporalCritic
from rvd.models.dvd_gan.generator import Generator
from rvd.models.layers.spectral import spectrally_normalised
from rvd.models.noise import NoiseSource, batch_noise
from rvd.models.roll_out import roll_out


class DvdGan(AdversarialPredictor):
    """A generator of ``future`` frames from ``context`` frames and noise, and two critics.

    The spatial critic scores some of the forecast's frames, one by one, the temporal critic the
    whole clip with its known frames.
    """

    config: DvdGanConfig
    critics: nn.ModuleDict

    def __init__(self, config: DvdGanConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        widths = config.critic_widths(size)
        self.generator = Generator(
            channels,
            config.training.context,
            config.latent,
            config.widths(size),
            widths,
            config.recurrent_multipliers,
            config.recurrent_kernels,
        )
        self.critics = nn.ModuleDict(
            {
                "spatial": SpatialCritic(channels, widths),
                "temporal": TemporalCritic(channels, widths),
            }
        )
        spectrally_normalised(self)

    def forward(self, video: Video, player: str = "generator") -> dict[str, Tensor]:
        """Return the losses of ``generator`` or ``critics``.

        Args:
            video: Clips of ``context`` + ``future`` frames in [0, 1].
            player: Name of the player.

        Returns:
            ``loss``; for the generator its parts ``spatial``, ``temporal`` and ``reconstruction``,
            the forecasts' ``diversity`` and their ``spread`` (the mean absolute difference of two
            members of the first clip's ensemble, in [−1, 1]); for the critics ``spatial`` and
            ``temporal``.
        """
        clip = unit_to_signed(video)
        # Each weight is normalised once within, although it is used several times.
        with parametrize.cached():
            if player == "generator":
                return self._generator_losses(clip)
            with torch.no_grad():
                fake = self._fake(clip)
            return self._critic_losses(clip, fake)

    def _fake(self, clip: Tensor) -> Tensor:
        """Return forecasts of the frames after the context."""
        latent, context = self.config.latent, clip[:, : self.config.training.context]
        noise = batch_noise(
            lambda rows: torch.randn(rows, latent, device=clip.device, dtype=clip.dtype), len(clip)
        )
        return self.generator(context, noise, self.config.training.future)

    def _generator_losses(self, clip: Tensor) -> dict[str, Tensor]:
        known = self.config.training.context
        fake = self._fake(clip)
        real = clip[:, known:]
        losses = {
            "spatial": -self.critics["spatial"](fake.gather(1, self._random_frames(fake))).mean(),
            "temporal": -self.critics["temporal"](torch.cat([clip[:, :known], fake], 1)).mean(),
            "reconstruction": F.l1_loss(fake, real),
        }
        loss = losses["spatial"] + losses["temporal"]
        loss = loss + self.config.reconstruction * losses["reconstruction"]
        found = {"diversity": diversity(fake, real), "spread": self._spread(clip[:1, :known])}
        return {"loss": loss, **losses, **found}

    def _critic_losses(self, clip: Tensor, fake: Tensor) -> dict[str, Tensor]:
        known = self.config.training.context
        real = clip[:, known:]
        frames = self._random_frames(fake)
        # No critic normalises over the batch, so one pass scores both.
        pairs = {
            "spatial": torch.cat([real.gather(1, frames), fake.gather(1, frames)]),
            "temporal": torch.cat([clip, torch.cat([clip[:, :known], fake], 1)]),
        }
        losses = {name: hinge(*self.critics[name](pair).chunk(2)) for name, pair in pairs.items()}
        return {"loss": losses["spatial"] + losses["temporal"], **losses}

    def _random_frames(self, frames: Tensor) -> Tensor:
        """Return an index for ``gather`` of random frames of each clip, for the spatial critic."""
        order = batch_noise(
            lambda rows: torch.rand(rows, frames.shape[1], device=frames.device), len(frames)
        )
        chosen = order.argsort(1)[:, : self.config.judged_frames]
        return chosen[:, :, None, None, None].expand(-1, -1, *frames.shape[2:])

    @torch.no_grad()
    def _spread(self, context: Tensor) -> Tensor:
        """Return the mean absolute difference of two forecasts of one clip."""
        noise = torch.randn(2, self.config.latent, device=context.device, dtype=context.dtype)
        was_training = self.generator.training
        self.generator.eval()  # leaves the running moments unchanged
        one, other = self.generator(context.expand(2, -1, -1, -1, -1), noise, 1)
        self.generator.train(was_training)
        return F.l1_loss(one, other)

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Forecast block by block, each with its own noise, cut to the horizon."""
        settings = self.config.training

        def following(window: Tensor) -> Tensor:
            latent = noise(window.new_empty(len(window), self.config.latent))
            return self.generator(window, latent, settings.future)

        members = unit_to_signed(context).repeat_interleave(ensemble, 0)
        with parametrize.cached():
            frames = roll_out(members, horizon, settings.context, following)
        return signed_to_unit(frames).unflatten(0, (len(context), ensemble))
