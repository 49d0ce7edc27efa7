"""Residual Video Diffusion (section 2.2), and Video Diffusion as its case μ = 0."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from rvd.diffusion.samplers import (
    CleanEstimator,
    ancestral,
    ddim,
    dpm_solver,
    log_snr_steps,
    uniform_steps,
)
from rvd.diffusion.schedule import clean_from_noise, clean_from_velocity, cosine_schedule, velocity
from rvd.models.base import (
    Forecast,
    Video,
    VideoPredictor,
    signed_to_unit,
    unit_to_signed,
)
from rvd.models.layers.checkpointing import checkpoint_blocks
from rvd.models.noise import NoiseSource, batch_noise
from rvd.models.rvd.config import RvdConfig
from rvd.models.rvd.networks import ContextEncoder, Denoiser, NextFramePredictor


@dataclass(frozen=True)
class RecurrentState:
    """What the recurrent networks know of the frames so far.

    ``last`` is the last frame (batch, channel, height, width), ``contexts`` and ``states`` hold a
    tensor a level: the context encoder's, and the next-frame predictor's (None for VD).
    """

    last: Tensor
    contexts: list[Tensor]
    states: list[Tensor] | None

    def repeated(self, times: int) -> RecurrentState:
        """Each clip ``times`` times over, one after the other."""

        def each(levels: list[Tensor]) -> list[Tensor]:
            return [level.repeat_interleave(times, 0) for level in levels]

        states = None if self.states is None else each(self.states)
        return RecurrentState(self.last.repeat_interleave(times, 0), each(self.contexts), states)


class ResidualVideoDiffusion(VideoPredictor):
    """x^t = μ_φ(x^{<t}) + σ·y^t_0, with y drawn by a diffusion model given the past (equation 5).

    ``context_encoder`` condenses the past for the ``denoiser`` f_θ; ``next_frame`` is μ_φ, and None
    for VD, where μ = 0 and the diffusion draws the frame itself, in units of σ.
    """

    config: RvdConfig

    def __init__(self, config: RvdConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        network = config.networks[size]
        widths = [network.width * multiplier for multiplier in network.denoiser_multipliers]
        self.schedule = cosine_schedule(config.diffusion_steps)
        self.context_encoder = ContextEncoder(channels, widths)
        self.denoiser = Denoiser(channels, network.width, widths, widths)
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
        """The denoiser: a forecast calls it once a diffusion step."""
        return (self.denoiser,)

    def forward(
        self,
        video: Video,
        player: str = "model",
        diffusion_step: Tensor | None = None,
        noise: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Equation 9 for all frames after the context at once (teacher forcing).

        Args:
            video: (batch, frame, channel, height, width) in [0, 1].
            player: there is one, ``model``.
            diffusion_step: (batch,) from 0, one for all frames of a clip, or (batch, future
                frame); drawn when None.
            noise: (batch, future frame, channel, height, width), drawn when None.

        Returns:
            ``loss``, and its parts ``diffusion`` and ``mean`` (the squared error of μ, in [−1, 1]).
        """
        frames = unit_to_signed(video).transpose(0, 1)
        known = self.config.training.context
        past, future = frames[:-1], frames[known:]
        if diffusion_step is None:
            a_clip = (len(future),) if self.config.objective.step_of == "frame" else ()
            diffusion_step = batch_noise(
                lambda rows: torch.randint(
                    len(self.schedule), (rows, *a_clip), device=video.device
                ),
                len(video),
            )
        if noise is None:
            shape = (len(future), *video.shape[2:])
            noise = batch_noise(
                lambda rows: torch.randn(rows, *shape, device=video.device, dtype=video.dtype),
                len(video),
            )
        noise = noise.transpose(0, 1)

        contexts = self.context_encoder(past, None)
        mean = self._means(past, known)
        objective = self.config.objective
        target_frames, noise = future.flatten(0, 1), noise.flatten(0, 1)
        residual = (target_frames - mean) / objective.sigma
        if diffusion_step.dim() == 1:
            diffusion_step = diffusion_step[:, None].expand(-1, len(future))
        step = diffusion_step.T.flatten()
        noisy = (
            self.schedule.signal(step, residual) * residual
            + self.schedule.noise(step, residual) * noise
        )
        condition = self.denoiser.condition(
            [level[known - 1 :].flatten(0, 1) for level in contexts]
        )
        predicted = self.denoiser(noisy, self.denoiser.embedding(step), condition)
        if objective.target == "velocity":
            noise = velocity(residual, noise, self.schedule, step)
        distance = F.mse_loss if objective.loss == "squared" else F.l1_loss
        losses = {
            "diffusion": distance(predicted, noise),
            "mean": F.mse_loss(mean, target_frames),
        }
        return {"loss": losses["diffusion"] + objective.mean_loss * losses["mean"], **losses}

    def _means(self, past: Tensor, known: int) -> Tensor:
        """μ of every frame after the first ``known``, (frame · batch, channel, height, width)."""
        if self.next_frame is None:
            return torch.zeros_like(past[known - 1 :].flatten(0, 1))
        states = self.next_frame(past, None)
        return self.next_frame.predict([level[known - 1 :].flatten(0, 1) for level in states])

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, draw: NoiseSource) -> Forecast:
        """Algorithm 1 (right): frame by frame, all members and clips together."""
        frames = [
            frame.unflatten(0, (len(context), ensemble))
            for frame in self.roll_out(context, horizon, ensemble, draw)
        ]
        return signed_to_unit(torch.stack(frames, 2))

    def roll_out(
        self, context: Video, horizon: int, ensemble: int, draw: NoiseSource
    ) -> list[Tensor]:
        """``horizon`` frames (batch · ensemble, channel, height, width) in [−1, 1].

        ``draw`` gives standard normal noise shaped as its argument: for each frame the prior, then
        what the sampler asks for.
        """
        past = self._after(unit_to_signed(context).transpose(0, 1), None).repeated(ensemble)
        embeddings = self.denoiser.embedding(
            torch.arange(len(self.schedule), device=context.device)
        )
        frames: list[Tensor] = []
        while True:
            condition = self.denoiser.condition(past.contexts)
            mean = self._mean(past)
            prior = draw(past.last)
            residual = self._sample(self._clean_estimate(condition, embeddings), prior, draw)
            frames.append((mean + self.config.objective.sigma * residual).clamp(-1, 1))
            if len(frames) == horizon:
                return frames
            past = self._after(frames[-1][None], past)

    def _after(self, frames: Tensor, past: RecurrentState | None) -> RecurrentState:
        """The past once ``frames`` (frame, batch, channel, height, width) have followed it."""
        contexts = self.context_encoder(frames, past and past.contexts)
        states = None if self.next_frame is None else self.next_frame(frames, past and past.states)
        return RecurrentState(
            frames[-1],
            [level[-1] for level in contexts],
            states and [level[-1] for level in states],
        )

    def _mean(self, past: RecurrentState) -> Tensor:
        """μ of the next frame (batch, channel, height, width)."""
        if self.next_frame is None or past.states is None:
            return torch.zeros_like(past.last)
        return self.next_frame.predict(past.states)

    def _clean_estimate(
        self, condition: list[tuple[Tensor, Tensor]], embeddings: Tensor
    ) -> CleanEstimator:
        """The denoiser as an estimate of y₀ for samplers, which take all rows at one step."""
        velocities = self.config.objective.target == "velocity"
        clean_from = clean_from_velocity if velocities else clean_from_noise

        def estimate(y: Tensor, step: Tensor) -> Tensor:
            predicted = self.denoiser(y, embeddings[step[:1]], condition)
            return clean_from(y, predicted, self.schedule, step)

        return estimate

    def _sample(self, estimate: CleanEstimator, prior: Tensor, draw: NoiseSource) -> Tensor:
        settings = self.config.sampler
        if settings.method == "ancestral":
            return ancestral(estimate, prior, self.schedule, draw, settings.clip)
        assert settings.steps is not None  # the config sees to it
        if settings.method == "dpm-solver":
            steps = log_snr_steps(self.schedule, settings.steps, settings.start_log_snr)
            return dpm_solver(estimate, prior, self.schedule, settings.clip, steps=steps)
        steps = uniform_steps(self.schedule, settings.steps, settings.start_log_snr)
        return ddim(
            estimate, prior, self.schedule, draw, settings.clip, steps=steps, eta=settings.eta
        )

    @torch.no_grad()
    def predict_mean(self, context: Video, horizon: int) -> Video:
        """The forecast of μ alone: each predicted mean is fed back, and no residual is drawn.

        Returns:
            (batch, horizon, channel, height, width) in [0, 1].
        """
        past = self._after(unit_to_signed(context).transpose(0, 1), None)
        frames = [self._mean(past)]
        while len(frames) < horizon:
            past = self._after(frames[-1][None], past)
            frames.append(self._mean(past))
        return signed_to_unit(torch.stack(frames, 1))
