"""Residual Video Diffusion (section 2.2), and Video Diffusion as its case μ = 0."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from rvd.diffusion.config import SamplerConfig
from rvd.diffusion.objective import diffusion_loss, random_steps
from rvd.diffusion.parameterization import PARAMETERIZATIONS
from rvd.diffusion.samplers import CleanEstimator, sample
from rvd.diffusion.schedule import cosine_schedule, straight_schedule
from rvd.models.base import Forecast, Video, VideoPredictor, signed_to_unit, unit_to_signed
from rvd.models.layers.checkpointing import checkpoint_blocks
from rvd.models.noise import NoiseSource, batch_noise, persistent
from rvd.models.rvd.config import RvdConfig
from rvd.models.rvd.networks import Condition, ContextEncoder, Denoiser, NextFramePredictor
from rvd.models.rvd.recurrent_state import RecurrentState, mean_after, state_after


class ResidualVideoDiffusion(VideoPredictor):
    """x^t = μ_φ(x^{<t}) + σ·y^t_0, with y sampled by a diffusion given the past (equation 5).

    ``context_encoder`` summarises the past for the ``denoiser`` f_θ; ``next_frame`` is μ_φ, and
    None for VD, where μ = 0 and the diffusion samples the frame itself, in units of σ.
    """

    config: RvdConfig

    def __init__(self, config: RvdConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        network = config.networks[size]
        widths = [network.width * multiplier for multiplier in network.denoiser_multipliers]
        make = straight_schedule if config.objective.target == "flow" else cosine_schedule
        self.schedule = make(config.diffusion_steps)
        self.context_encoder = ContextEncoder(channels, widths)
        self.denoiser = Denoiser(channels, network.width, widths)
        self.next_frame = (
            NextFramePredictor(
                channels, [network.width * factor for factor in network.transform_multipliers]
            )
            if config.residual
            else None
        )
        if config.training.gradient_checkpointing:
            checkpoint_blocks(self)

    @property
    def inner(self) -> tuple[torch.nn.Module, ...]:
        """The denoiser, which a forecast calls once per diffusion step."""
        return (self.denoiser,)

    def preview_options(self) -> dict[str, Any]:
        """Return a sampler of at most ``training.validation_steps`` steps."""
        wanted, most = self.config.sampler, self.config.training.validation_steps
        if (wanted.steps or self.config.diffusion_steps) <= most:
            return {"sampler": wanted}
        method = "euler" if wanted.is_of_flow else "ddim"
        quick = {"method": method, "steps": most, "eta": 1.0}
        return {"sampler": wanted.model_copy(update=quick)}

    def forward(
        self,
        video: Video,
        player: str = "model",
        diffusion_step: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return equation 9 for all frames after the context at once (Algorithm 1, left).

        Args:
            video: Clips (batch, frame, channel, height, width) in [0, 1].
            player: Name of the only player, ``model``.
            diffusion_step: Steps from 0, (batch,) if all frames of a clip share one, or (batch,
                future frame); None samples them.
            noise: Standard normal noise (batch, future frame, channel, height, width); None
                samples it.

        Returns:
            ``loss``, and its parts ``diffusion`` and ``mean`` (the squared error of μ, in [−1, 1]).
        """
        frames = unit_to_signed(video).transpose(0, 1)
        known, objective = self.config.training.context, self.config.objective
        past, future = frames[:-1], frames[known:]
        if diffusion_step is None:
            diffusion_step = self._random_steps(video, len(future))
        if diffusion_step.dim() == 1:
            diffusion_step = diffusion_step[:, None].expand(-1, len(future))
        if noise is None:
            noise = _random_noise(video, len(future))
        contexts = self.context_encoder(past, None)
        mean = self._means(past, known)
        target_frames = future.flatten(0, 1)
        condition = self.denoiser.condition(
            [level[known - 1 :].flatten(0, 1) for level in contexts]
        )
        losses = {
            "diffusion": diffusion_loss(
                partial(self._denoise, condition=condition),
                clean=(target_frames - mean) / objective.sigma,
                noise=noise.transpose(0, 1).flatten(0, 1),
                step=diffusion_step.T.flatten(),
                schedule=self.schedule,
                objective=objective,
            ),
            "mean": F.mse_loss(mean, target_frames),
        }
        return {"loss": losses["diffusion"] + objective.mean_loss * losses["mean"], **losses}

    def _random_steps(self, video: Tensor, future: int) -> Tensor:
        """Return random diffusion steps, (batch,) or (batch, future) as the objective says."""
        objective, count = self.config.objective, len(self.schedule)
        shape = (future,) if objective.step_of == "frame" else ()
        return batch_noise(
            lambda rows: random_steps(objective, count, (rows, *shape), video.device), len(video)
        )

    def _denoise(self, noisy: Tensor, step: Tensor, condition: Condition) -> Tensor:
        return self.denoiser(noisy, self.denoiser.embedding(step), condition)

    def _means(self, past: Tensor, known: int) -> Tensor:
        """Return μ of each frame after ``known``, (frame · batch, channel, height, width)."""
        if self.next_frame is None:
            return torch.zeros_like(past[known - 1 :].flatten(0, 1))
        states = self.next_frame(past, None)
        return self.next_frame.predict([level[known - 1 :].flatten(0, 1) for level in states])

    @torch.no_grad()
    def predict(
        self,
        context: Video,
        horizon: int,
        ensemble: int,
        noise: NoiseSource,
        sampler: SamplerConfig | None = None,
    ) -> Forecast:
        """Return an ensemble of forecasts (Algorithm 1, right), all members and clips together.

        Args:
            context: Known frames (batch, frame, channel, height, width) in [0, 1].
            horizon: Number of frames to forecast.
            ensemble: Number of forecasts per clip.
            noise: Source of all randomness.
            sampler: Sampler of the residuals; None takes the config's.

        Returns:
            (batch, ensemble, horizon, channel, height, width) in [0, 1].
        """
        frames = self.roll_out(context, horizon, ensemble, noise, sampler)
        return signed_to_unit(torch.stack(frames, 1)).unflatten(0, (len(context), ensemble))

    def roll_out(
        self,
        context: Video,
        horizon: int,
        ensemble: int,
        noise: NoiseSource,
        sampler: SamplerConfig | None = None,
    ) -> list[Tensor]:
        """Return ``horizon`` frames (batch · ensemble, channel, height, width) in [−1, 1].

        For each frame, the first noise is the prior of its residual, correlated with that of the
        frame before; the following is what the sampler adds. The arguments are those of
        :meth:`predict`.
        """
        sampler = sampler or self.config.sampler
        state = self._after(unit_to_signed(context).transpose(0, 1), None).repeated(ensemble)
        embeddings = self.denoiser.embedding(
            torch.arange(len(self.schedule), device=context.device)
        )
        frames: list[Tensor] = []
        prior = noise(state.last)
        while True:
            condition = self.denoiser.condition(state.contexts)
            mean = self._mean(state)
            estimate = self._clean_estimator(condition, embeddings)
            residual = sample(sampler, estimate, prior, self.schedule, noise)
            frames.append((mean + self.config.objective.sigma * residual).clamp(-1, 1))
            if len(frames) == horizon:
                return frames
            state = self._after(frames[-1][None], state)
            prior = persistent(prior, noise(state.last), sampler.persistence)

    def _after(self, frames: Tensor, state: RecurrentState | None) -> RecurrentState:
        """Return the state after ``frames`` (frame, batch, channel, height, width)."""
        return state_after(self.context_encoder, self.next_frame, frames, state)

    def _mean(self, state: RecurrentState) -> Tensor:
        """Return μ of the next frame (batch, channel, height, width)."""
        return mean_after(self.next_frame, state)

    def _clean_estimator(self, condition: Condition, embeddings: Tensor) -> CleanEstimator:
        """Return the denoiser as an estimator of y₀ for samplers, which give all rows one step."""
        parameterization = PARAMETERIZATIONS[self.config.objective.target]

        def estimate(y: Tensor, step: int) -> Tensor:
            prediction = self.denoiser(y, embeddings[step : step + 1], condition)
            return parameterization.clean(y, prediction, self.schedule, step)

        return estimate

    @torch.no_grad()
    def predict_mean(
        self, context: Video, horizon: int
    ) -> Float[Tensor, "batch horizon channel height width"]:
        """Return the forecast of μ alone: each mean is fed back, without a residual.

        Returns:
            (batch, horizon, channel, height, width) in [0, 1].
        """
        state = self._after(unit_to_signed(context).transpose(0, 1), None)
        frames = [self._mean(state)]
        while len(frames) < horizon:
            state = self._after(frames[-1][None], state)
            frames.append(self._mean(state))
        return signed_to_unit(torch.stack(frames, 1))


def _random_noise(video: Tensor, future: int) -> Tensor:
    """Return standard normal noise (batch, future, channel, height, width)."""
    shape = (future, *video.shape[2:])
    return batch_noise(
        lambda rows: torch.randn(rows, *shape, device=video.device, dtype=video.dtype), len(video)
    )
