"""IVRNN: the improved conditional variational recurrent network (Castrejón et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.ivrnn.config import IvrnnConfig
from rvd.models.ivrnn.latents import LatentHierarchy
from rvd.models.ivrnn.networks import Embedding, Renderer
from rvd.models.layers.checkpointing import checkpoint_blocks
from rvd.models.noise import NoiseSource, training_noise


class Ivrnn(VideoPredictor):
    """Frames rendered from the preceding frame, the states of ConvLSTMs, and latents.

    Latents are sampled from coarse to fine. In training they come from posteriors that see the
    frame itself, and every network runs over all frames at once except for the convolutions of the
    recurrent states. A forecast keeps the states, so its time grows linearly with the horizon.
    """

    config: IvrnnConfig

    def __init__(self, config: IvrnnConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        network, known = config.networks[size], config.training.context
        self.embedding = Embedding(channels, network.widths)
        self.posterior = LatentHierarchy(network, known, dense=True)
        self.prior = LatentHierarchy(network, known, dense=config.dense_prior)
        self.renderer = Renderer(channels, network, known)
        self.divergence_weight = config.divergence_weight
        if config.training.gradient_checkpointing:
            checkpoint_blocks(self)

    def begin_step(self, step: int) -> None:
        """Set the weight of the divergence, which may warm up."""
        warmup = self.config.divergence_warmup
        share = min(1.0, (step + 1) / warmup) if warmup else 1.0
        self.divergence_weight = share * self.config.divergence_weight

    def forward(
        self, video: Video, player: str = "model", noise: NoiseSource = training_noise
    ) -> dict[str, Tensor]:
        """Return the negative lower bound of the likelihood of the frames after the context.

        Args:
            video: Clips (batch, frame, channel, height, width) in [0, 1].
            player: Name of the only player, ``model``.
            noise: Source of the latents' noise (batch, future frame, channel, h, w), called
                coarsest first.

        Returns:
            ``loss``, in nats per clip: the absolute error, summed over pixels and frames, and β
            times the divergence (log q − log p at the sampled latents). Its parts:
            ``reconstruction``, the mean absolute error per pixel, ``divergence``, in nats per
            frame, and ``divergence_weight``, β.
        """
        known = self.config.training.context
        features = self.embedding(video.transpose(0, 1))
        context = [level[:known] for level in features]
        before = [level[known - 1 : -1] for level in features]
        after = [level[known:] for level in features]
        posterior, prior = self.posterior.begin(context), self.prior.begin(context)
        latents: list[Tensor] = []
        divergence = torch.zeros((), device=video.device)
        for level in range(len(posterior)):
            q, _ = self.posterior(level, after, latents, posterior[level])
            p, _ = self.prior(level, before, latents, prior[level])
            z = q.sample(noise(q.mean.transpose(0, 1)).transpose(0, 1))
            divergence = divergence + (q.log_density(z) - p.log_density(z)).sum()
            latents.append(z)
        rendered, _ = self.renderer(before[-1], latents, self.renderer.begin(context))
        future = video[:, known:].transpose(0, 1)
        error = (rendered - future).abs().sum()
        loss = (error + self.divergence_weight * divergence) / len(video)
        return {
            "loss": loss,
            "reconstruction": error / future.numel(),
            "divergence": divergence / (len(video) * len(future)),
            "divergence_weight": loss.new_full((), self.divergence_weight),
        }

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, noise: NoiseSource) -> Forecast:
        """Forecast frame by frame: latents from the priors; each frame is embedded for the next."""
        features = self.embedding(context.transpose(0, 1))
        prior = [state.repeated(ensemble) for state in self.prior.begin(features)]
        states = [state.repeated(ensemble) for state in self.renderer.begin(features)]
        features = [level[-1:].repeat_interleave(ensemble, 1) for level in features]
        frames: list[Tensor] = []
        while True:
            latents: list[Tensor] = []
            for level, state in enumerate(prior):
                p, prior[level] = self.prior(level, features, latents, state)
                latents.append(p.sample(noise(p.mean[0])[None]))
            rendered, states = self.renderer(features[-1], latents, states)
            frames.append(rendered[0])
            if len(frames) == horizon:
                return torch.stack(frames, 1).unflatten(0, (len(context), ensemble))
            features = self.embedding(rendered)
