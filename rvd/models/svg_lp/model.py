"""SVG-LP: stochastic video generation with a learned prior (Denton and Fergus 2018)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.layers.checkpointing import checkpoint_blocks
from rvd.models.layers.conv_lstm import ConvLSTM
from rvd.models.noise import NoiseSource, training_noise
from rvd.models.svg_lp.config import SvgLpConfig
from rvd.models.svg_lp.networks import Decoder, Encoder
from rvd.models.svg_lp.recurrent import FeaturePredictor, RecurrentGaussian, States


@dataclass(frozen=True)
class RecurrentState:
    """The state that the model carries from frame to frame.

    Attributes:
        features: Features of the last frame.
        prior: States of the prior's cells before the last frame.
        predictor: States of the predictor's cells before the last frame.
    """

    features: Float[Tensor, "row features h w"]
    prior: States
    predictor: States


class SvgLp(VideoPredictor):
    """x^t = decoder(predictor(h(x^{<t}), z^{≤t})), with z^t sampled from a prior given the past.

    In training z^t comes from a posterior that sees x^t, and every network runs over all frames of
    a clip at once but for the convolutions of the recurrent states.
    """

    config: SvgLpConfig

    def __init__(self, config: SvgLpConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        features, width = config.features, config.state_width
        latent = config.latent_channels_at(size)
        kernel = 3 if config.recurrence == "maps" else 1
        self.encoder = Encoder(config, size, channels)
        self.decoder = Decoder(config, size, channels)
        self.posterior = RecurrentGaussian(features, width, latent, kernel)
        self.prior = RecurrentGaussian(features, width, latent, kernel)
        self.predictor = FeaturePredictor(features + latent, width, features, kernel)
        _initialise(self)
        if config.training.gradient_checkpointing:
            checkpoint_blocks(self)

    def forward(
        self, video: Video, player: str = "model", noise: NoiseSource = training_noise
    ) -> dict[str, Tensor]:
        """Return the negative lower bound of the likelihood of all frames but the first.

        Args:
            video: Clips (batch, frame, channel, height, width) in [0, 1].
            player: Name of the only player, ``model``.
            noise: Source of the latents' noise (batch, frame − 1, channel, h, w).

        Returns:
            ``loss``: the sum over frames, as in the source, of the squared error (mean over pixels)
            and β times the divergence. Its parts as means over frames: ``reconstruction``, and
            ``divergence`` in nats.
        """
        frames = video.transpose(0, 1)
        known, predicted = self.config.training.context, len(frames) - 1
        h, skips = self.encoder(frames)
        posterior, _ = self.posterior(h[1:], (None,))
        prior, _ = self.prior(h[:-1], (None,))
        z = posterior.sample(_frames_first(noise, posterior.mean))
        following, _ = self.predictor(torch.cat([h[:-1], z], 2), (None, None))
        # The skips come from the preceding frame within the context, and from a fixed one after
        # it. Their terms in the decoder are computed once per context frame. Frames are selected by
        # slices, because a list of their indices would be copied to the device at each step.
        last, repeats = self._skip_frame(known, known), predicted - known + 1
        details = self.decoder.details([skip[: max(last + 1, known - 1)] for skip in skips])
        sources = [
            torch.cat([detail[: known - 1], detail[last, None].expand(repeats, *detail.shape[1:])])
            for detail in details
        ]
        decoded = self.decoder(following, sources)
        reconstruction = F.mse_loss(decoded, frames[1:])
        divergence = posterior.divergence(prior).sum() / (predicted * len(video))
        loss = predicted * (reconstruction + self.config.divergence_weight * divergence)
        return {"loss": loss, "reconstruction": reconstruction, "divergence": divergence}

    def _skip_frame(self, frame: int, known: int) -> int:
        """Return the frame whose skips the decoder sees for ``frame``, after ``known`` frames."""
        if frame < known:
            return frame - 1
        return known - (1 if self.config.skip_from == "last" else 2)

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Forecast frame by frame: z from the prior, and each frame is encoded for the next."""
        known = context.shape[1]
        h, skips = self.encoder(context.transpose(0, 1))
        source = self._skip_frame(known, known)
        details = [
            detail.repeat_interleave(ensemble, 1)
            for detail in self.decoder.details([skip[source, None] for skip in skips])
        ]
        state = self._after_context(h.repeat_interleave(ensemble, 1), noise)
        frames: list[Tensor] = []
        while True:
            following, prior, predictor = self._following(state, noise)
            frames.append(self.decoder(following[None], details)[0])
            if len(frames) == horizon:
                return torch.stack(frames, 1).unflatten(0, (len(context), ensemble))
            features, _ = self.encoder(frames[-1][None])
            state = RecurrentState(features[0], prior, predictor)

    def _after_context(
        self, h: Float[Tensor, "frame row features h w"], noise: NoiseSource
    ) -> RecurrentState:
        """Return the state after the context, whose latents come from the posterior."""
        if len(h) == 1:
            return RecurrentState(h[0], (None,), (None, None))
        posterior, _ = self.posterior(h[1:], (None,))
        _, prior = self.prior(h[:-1], (None,))
        z = posterior.sample(_frames_first(noise, posterior.mean))
        _, predictor = self.predictor(torch.cat([h[:-1], z], 2), (None, None))
        return RecurrentState(h[-1], prior, predictor)

    def _following(
        self, state: RecurrentState, noise: NoiseSource
    ) -> tuple[Tensor, States, States]:
        """Return features of the next frame (row, features, h, w), and the cells' states."""
        h = state.features[None]
        distribution, prior = self.prior(h, state.prior)
        z = distribution.sample(_frames_first(noise, distribution.mean))
        following, predictor = self.predictor(torch.cat([h, z], 2), state.predictor)
        return following[0], prior, predictor


def _initialise(module: nn.Module) -> None:
    """Initialise as the source: weights N(0, 0.02), norms N(1, 0.02), biases 0, LSTMs unchanged."""
    if isinstance(module, ConvLSTM):
        return
    if isinstance(module, nn.BatchNorm2d | nn.GroupNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for child in module.children():
        _initialise(child)


def _frames_first(noise: NoiseSource, like: Float[Tensor, "frame row channel h w"]) -> Tensor:
    """Return noise shaped as ``like``, from a source that takes rows first."""
    return noise(like.transpose(0, 1)).transpose(0, 1)
