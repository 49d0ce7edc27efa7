"""FutureGAN: blocks of frames from networks that grow with the resolution.

Aigner and Körner, "FutureGAN: Anticipating the Future Frames of Video Sequences using
Spatio-Temporal 3d Convolutions in Progressively Growing GANs", 2018.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.adversarial import AdversarialPredictor, diversity, gradient_penalty
from rvd.models.base import Forecast, Video, repeated, signed_to_unit, unit_to_signed
from rvd.models.future_gan.config import FutureGanConfig
from rvd.models.future_gan.networks import Clip, Critic, Generator, blended, downsampled, upsampled
from rvd.models.noise import NoiseSource, batch_noise
from rvd.models.roll_out import roll_out


class FutureGan(AdversarialPredictor):
    """A deterministic generator of ``future`` frames from ``context`` frames, and a critic.

    Their growth follows from the step's number (:meth:`begin_step`) and is stored with the weights,
    so that a predictor saved during training forecasts at the resolution that it has learnt. An
    untrained model is fully grown. Training passes read the growth as numbers, because reading the
    stored one would make them wait for the device.
    """

    config: FutureGanConfig

    def __init__(self, config: FutureGanConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        widths = {
            resolution: level.width
            for resolution, level in config.levels.items()
            if resolution <= size
        }
        known, future = config.training.context, config.training.future
        self.generator = Generator(channels, known, future, widths)
        self.critics = Critic(channels, known + future, widths)
        self.growth: Tensor
        self.register_buffer("growth", torch.tensor([float(size), 1.0]))
        self._now: tuple[int, float] | None = size, 1.0
        self.register_load_state_dict_post_hook(_forget_growth)

    @property
    def compiled_in_training(self) -> tuple[nn.Module, ...]:
        """The generator; a gradient's gradient, which the critic's loss needs, is not compiled."""
        return (self.generator,)

    def begin_step(self, step: int) -> None:
        """Set the growth at a training step."""
        growth = self.config.growth(step, self.size)
        now = growth.resolution, growth.alpha
        if now != self._now:
            # Filled with numbers: a copy from the CPU would make the device wait.
            for entry, value in zip(self.growth, now, strict=True):
                entry.fill_(value)
            self._now = now

    def _grown(self) -> tuple[int, float]:
        """Return resolution and alpha, read from the device only after weights were loaded."""
        if self._now is None:
            self._now = self._stored_growth()
        return self._now

    def _stored_growth(self) -> tuple[int, float]:
        """Return resolution and alpha as they are stored with the weights."""
        resolution, alpha = self.growth.tolist()
        return int(resolution), alpha

    def forward(self, video: Video, player: str = "generator") -> dict[str, Tensor]:
        """Return the losses of ``generator`` or ``critics``.

        Args:
            video: Clips of ``context`` + ``future`` frames in [0, 1].
            player: Name of the player.

        Returns:
            ``loss``; for the generator its parts ``adversarial`` and ``reconstruction``, the
            forecasts' ``diversity``, ``resolution`` and ``alpha``; for the critics
            ``wasserstein`` (the mean score of real clips less that of fake ones),
            ``gradient_penalty`` and ``drift`` (the mean square score of real clips).
        """
        resolution, alpha = self._grown()
        clip = faded(unit_to_signed(video).transpose(1, 2), resolution, alpha)
        if player == "generator":
            return self._generator_losses(clip, alpha)
        with torch.no_grad():
            fake = self._with_context(clip, self._fake(clip, alpha))
        return self._critic_losses(clip, fake, alpha)

    def _fake(self, clip: Clip, alpha: float) -> Clip:
        return self.generator(clip[:, :, : self.config.training.context], alpha)

    def _with_context(self, clip: Clip, future: Clip) -> Clip:
        return torch.cat([clip[:, :, : self.config.training.context], future.to(clip.dtype)], 2)

    def _generator_losses(self, clip: Clip, alpha: float) -> dict[str, Tensor]:
        fake = self._fake(clip, alpha)
        real = clip[:, :, self.config.training.context :]
        losses = {
            "adversarial": -self.critics(self._with_context(clip, fake), alpha).mean(),
            "reconstruction": F.l1_loss(fake, real),
        }
        loss = losses["adversarial"] + self.config.reconstruction * losses["reconstruction"]
        resolution, alpha_now = self.growth.clone()
        return {
            "loss": loss,
            **losses,
            "diversity": diversity(fake.transpose(1, 2), real.transpose(1, 2)),
            "resolution": resolution,
            "alpha": alpha_now,
        }

    def _critic_losses(self, clip: Clip, fake: Clip, alpha: float) -> dict[str, Tensor]:
        # Two passes, since the critic compares the clips of a batch.
        real_score, fake_score = self.critics(clip, alpha), self.critics(fake, alpha)
        share = batch_noise(lambda rows: torch.rand(rows, device=clip.device), len(clip))
        between = torch.lerp(clip, fake, share[:, None, None, None, None])
        with torch.autocast(clip.device.type, enabled=False):  # squares of slopes need float32
            penalty = gradient_penalty(lambda points: self.critics(points, alpha), between.float())
        losses = {
            "wasserstein": real_score.mean() - fake_score.mean(),
            "gradient_penalty": penalty,
            "drift": real_score.square().mean(),
        }
        weighted = (
            self.config.gradient_penalty * losses["gradient_penalty"]
            + self.config.drift * losses["drift"]
        )
        return {"loss": weighted - losses["wasserstein"], **losses}

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Forecast block by block, cut to the horizon; all members are equal.

        A predictor that has not grown to the frame's size forecasts at its own resolution, and
        repeats pixels.
        """
        # Those of the weights: a moving average copies weights and stored growth from another.
        resolution, alpha = self._stored_growth()
        known = self.config.training.context

        def following(window: Tensor) -> Tensor:
            return self.generator(window.transpose(1, 2), alpha).clamp(-1, 1).transpose(1, 2)

        seen = faded(unit_to_signed(context).transpose(1, 2), resolution, alpha).transpose(1, 2)
        frames = roll_out(seen, horizon, known, following)
        factor = self.size // resolution
        frames = frames.repeat_interleave(factor, -1).repeat_interleave(factor, -2)
        return repeated(signed_to_unit(frames), ensemble)


def _forget_growth(model: nn.Module, incompatible: object) -> None:
    """Make ``model`` read the growth that was loaded, at its next training pass."""
    assert isinstance(model, FutureGan)
    model._now = None


def faded(clip: Clip, resolution: int, alpha: float) -> Clip:
    """Return ``clip`` as growing networks see it: at ``resolution``, its finest detail faded.

    Real clips fade in as fake ones do, so that the critic cannot use their detail.
    """
    while clip.shape[-1] > resolution:
        clip = downsampled(clip)
    return clip if alpha == 1 else blended(upsampled(downsampled(clip)), clip, alpha)
