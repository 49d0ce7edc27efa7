"""A forecaster that is trained on the CRPS: RVD's networks, without its diffusion."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from rvd.models.base import Forecast, Video, VideoPredictor, signed_to_unit, unit_to_signed
from rvd.models.crps.config import CrpsConfig, CrpsSamplerConfig
from rvd.models.crps.loss import almost_fair_crps
from rvd.models.crps.networks import Generator
from rvd.models.crps.noise import MemberNoise, member_noise, training_source
from rvd.models.layers.checkpointing import checkpoint_blocks
from rvd.models.noise import NoiseSource
from rvd.models.rvd.networks import ContextEncoder, NextFramePredictor
from rvd.models.rvd.recurrent_state import RecurrentState, mean_after, state_after


class CrpsForecaster(VideoPredictor):
    """x^t = μ_φ(x^{<t}) + σ·g_θ(μ^t, x^{<t}, z^t), with noise z^t: one evaluation per frame.

    It learns from the score by which forecasts are compared (section 3.4), as weather models do
    (AIFS-CRPS, arXiv 2412.15832; FGN, arXiv 2506.10772). The CRPS is proper pixel by pixel; what
    pixels have in common comes from noise that they share.
    """

    config: CrpsConfig

    def __init__(self, config: CrpsConfig, size: int, channels: int) -> None:
        super().__init__(config, size, channels)
        network, noise = config.networks[size], config.noise
        widths = [network.width * multiplier for multiplier in network.denoiser_multipliers]
        self.context_encoder = ContextEncoder(channels, widths)
        self.next_frame = NextFramePredictor(
            channels, [network.width * factor for factor in network.transform_multipliers]
        )
        self.generator = Generator(channels, noise.vector, noise.map, network.width, widths)
        # First frame of the roll-outs of this step; None where it forecasts from recorded frames.
        self.roll_out_start: int | None = None
        if config.training.gradient_checkpointing:
            checkpoint_blocks(self)

    @property
    def inner(self) -> tuple[torch.nn.Module, ...]:
        """The generator."""
        return (self.generator,)

    def begin_step(self, step: int) -> None:
        """Train on roll-outs from the step on that ``roll_out.start`` says.

        Their start in the clips follows from the seed that the trainer gives torch for each step,
        so that it is the same in all processes.
        """
        roll_out, training = self.config.roll_out, self.config.training
        self.roll_out_start = None
        if roll_out is not None and step >= roll_out.start * training.steps:
            # Not from torch's generator, whose numbers would have to be read from a tensor.
            generator = np.random.default_rng(torch.initial_seed())
            last = training.clip_length - roll_out.frames
            self.roll_out_start = int(generator.integers(training.context, last, endpoint=True))

    def forward(self, video: Video, player: str = "model") -> dict[str, Tensor]:
        """Return the almost fair CRPS of an ensemble for every frame after the context.

        Each frame is forecast from the recorded frames before it, all at once, or from the members'
        own forecasts where the training is at its roll-outs.

        Args:
            video: Clips (batch, frame, channel, height, width) in [0, 1].
            player: Name of the only player, ``model``.

        Returns:
            ``loss``, for frames in [−1, 1].
        """
        frames = unit_to_signed(video).transpose(0, 1)
        if self.roll_out_start is None:
            return {"loss": self._one_step_loss(frames)}
        return {"loss": self._roll_out_loss(frames, self.roll_out_start)}

    def _one_step_loss(self, frames: Tensor) -> Tensor:
        """Return the loss of each frame's forecast from the recorded frames before it."""
        known, members = self.config.training.context, self.config.members
        past, future = frames[:-1], frames[known:]
        contexts = [level[known - 1 :].flatten(0, 1) for level in self.context_encoder(past, None)]
        means = [level[known - 1 :].flatten(0, 1) for level in self.next_frame(past, None)]
        state = RecurrentState(past[known - 1 :].flatten(0, 1), contexts, means)
        # Computed once, then repeated: rows are (frame, clip, member).
        mean = mean_after(self.next_frame, state).repeat_interleave(members, 0)
        condition = [
            (a.repeat_interleave(members, 0), b.repeat_interleave(members, 0))
            for a, b in self.generator.condition(contexts)
        ]
        source = training_source(clips=frames.shape[1], frames=len(future))
        noise = member_noise(source, mean, self.config.noise)
        residual = self.generator.generate(mean, noise.vector, noise.noise_map, condition)
        forecast = (mean + self.config.sigma * residual).unflatten(0, (-1, members))
        return almost_fair_crps(forecast.transpose(0, 1), future.flatten(0, 1), self.config.alpha)

    def _roll_out_loss(self, frames: Tensor, start: int) -> Tensor:
        """Return the mean loss of the frames of one roll-out from the frame ``start`` on."""
        assert self.config.roll_out is not None
        horizon = self.config.roll_out.frames
        state = self._after(frames[:start], None).repeated(self.config.members)
        source = training_source(clips=frames.shape[1])
        persistence = self.config.sampler.persistence
        forecast = self._roll_out(state, horizon, source, persistence, clamped=False)
        members = torch.stack(forecast).unflatten(1, (-1, self.config.members))
        return almost_fair_crps(
            members.movedim(2, 0), frames[start : start + horizon], self.config.alpha
        )

    @torch.no_grad()
    def predict(
        self,
        context: Video,
        horizon: int,
        ensemble: int,
        noise: NoiseSource,
        sampler: CrpsSamplerConfig | None = None,
    ) -> Forecast:
        """Return an ensemble of forecasts, all members and clips together.

        Args:
            context: Known frames (batch, frame, channel, height, width) in [0, 1].
            horizon: Number of frames to forecast.
            ensemble: Number of forecasts per clip.
            noise: Source of all randomness.
            sampler: Persistence of the noise; None takes the config's.

        Returns:
            (batch, ensemble, horizon, channel, height, width) in [0, 1].
        """
        frames = unit_to_signed(context).transpose(0, 1)
        state = self._after(frames, None).repeated(ensemble)
        persistence = (sampler or self.config.sampler).persistence
        forecast = self._roll_out(state, horizon, noise, persistence, clamped=True)
        return signed_to_unit(torch.stack(forecast, 1)).unflatten(0, (len(context), ensemble))

    def _roll_out(
        self,
        state: RecurrentState,
        horizon: int,
        source: NoiseSource,
        persistence: float,
        *,
        clamped: bool,
    ) -> list[Tensor]:
        """Return ``horizon`` frames (row, channel, height, width), each fed back.

        Training does not clamp them to [−1, 1], where the loss would have no gradient.
        """
        settings = self.config.noise
        noise: MemberNoise | None = None
        forecast: list[Tensor] = []
        while True:
            noise = (
                member_noise(source, state.last, settings)
                if noise is None
                else noise.following(source, settings, persistence)
            )
            mean = mean_after(self.next_frame, state)
            condition = self.generator.condition(state.contexts)
            residual = self.generator.generate(mean, noise.vector, noise.noise_map, condition)
            frame = mean + self.config.sigma * residual
            forecast.append(frame.clamp(-1, 1) if clamped else frame)
            if len(forecast) == horizon:
                return forecast
            state = self._after(forecast[-1][None], state)

    def _after(self, frames: Tensor, state: RecurrentState | None) -> RecurrentState:
        return state_after(self.context_encoder, self.next_frame, frames, state)
