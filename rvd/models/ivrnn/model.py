"""IVRNN: the improved conditional variational recurrent network (Castrejón et al. 2019)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.ivrnn.config import LOWEST, LSTM_GROUPS, IvrnnConfig, IvrnnNetworkConfig
from rvd.models.layers.blocks import SLOPE
from rvd.models.layers.checkpointing import Checkpointing, checkpoint_blocks
from rvd.models.layers.conv_lstm import ConvLSTM, LstmState
from rvd.models.layers.gaussian import Gaussian, precise
from rvd.models.noise import NoiseSource, training_noise

GROUPS = 4
BRANCH_SCALE = 0.1  # of what a residual block adds
SMALLEST_VARIANCE = 1e-6  # keeps the logarithm finite where softplus gives zero

# Features of a clip: of each resolution, finest first, a tensor (frame, row, width, h, w).
Features = list[Tensor]


class Ivrnn(VideoPredictor):
    """Frames rendered from the frame before, ConvLSTMs begun by the context, and latents.

    Latents are drawn from coarse to fine. In training they come from posteriors that see the frame
    itself, and every network runs over all frames at once but for the convolutions of the
    recurrent states. A forecast carries the states on, so its time grows linearly with the horizon.
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
        """The weight of the divergence, which may warm up."""
        warmup = self.config.divergence_warmup
        share = min(1.0, (step + 1) / warmup) if warmup else 1.0
        self.divergence_weight = share * self.config.divergence_weight

    def forward(
        self, video: Video, player: str = "model", draw: NoiseSource = training_noise
    ) -> dict[str, Tensor]:
        """The negative lower bound of the likelihood of the frames after the context.

        Args:
            video: (batch, frame, channel, height, width) in [0, 1].
            player: there is one, ``model``.
            draw: the noise of the latents (batch, future frame, channel, h, w), coarsest first.

        Returns:
            ``loss``, nats a clip: the absolute error, summed over pixels and frames, and β times
            the divergence (log q − log p at the latents drawn). Its parts: ``reconstruction``, the
            mean absolute error of a pixel, ``divergence``, nats a frame, and
            ``divergence_weight``, β.
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
            z = q.sample(draw(q.mean.transpose(0, 1)).transpose(0, 1))
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
            "divergence_weight": torch.tensor(self.divergence_weight, device=video.device),
        }

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, draw: NoiseSource) -> Forecast:
        """Frame by frame: latents from the priors, and each frame is embedded for the next."""
        features = self.embedding(context.transpose(0, 1))
        prior = [state.repeated(ensemble) for state in self.prior.begin(features)]
        states = [state.repeated(ensemble) for state in self.renderer.begin(features)]
        features = [level[-1:].repeat_interleave(ensemble, 1) for level in features]
        frames: list[Tensor] = []
        while True:
            latents: list[Tensor] = []
            for level, state in enumerate(prior):
                p, prior[level] = self.prior(level, features, latents, state)
                latents.append(p.sample(draw(p.mean[0])[None]))
            rendered, states = self.renderer(features[-1], latents, states)
            frames.append(rendered[0])
            if len(frames) == horizon:
                return torch.stack(frames, 1).unflatten(0, (len(context), ensemble))
            features = self.embedding(rendered)


class Embedding(Checkpointing):
    """Frames → features at each resolution, down to a single pixel.

    Args:
        channels: of a frame.
        widths: of the features, finest first.
    """

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        super().__init__()
        first = nn.Sequential(nn.Conv2d(channels, widths[0], 1), DampedBlock(widths[0], widths[0]))
        self.stages = nn.ModuleList([first])
        for level, (width, after) in enumerate(pairwise(widths), 1):
            last = level == len(widths) - 1
            pooling = nn.MaxPool2d(LOWEST, stride=1) if last else nn.MaxPool2d(2)
            blocks = (DampedBlock(width, after), DampedBlock(after, after))
            self.stages.append(nn.Sequential(pooling, *blocks))

    def forward(self, frames: Float[Tensor, "frame row channel height width"]) -> Features:
        """``frames`` in [0, 1]."""
        h, features = frames.flatten(0, 1), []
        for stage in self.stages:
            h = self._run(stage, h)
            features.append(h.unflatten(0, frames.shape[:2]))
        return features


class DampedBlock(nn.Module):
    """x + 0.1·(two convolutions, each after LeakyReLU and before its normalisation).

    Args:
        channels_in: of x.
        channels_out: of the result; a 1×1 convolution matches x when they differ.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        inner = min(channels_in, channels_out)
        self.branch = nn.Sequential(
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(channels_in, inner, 3, padding=1),
            nn.GroupNorm(GROUPS, inner),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(inner, channels_out, 3, padding=1, bias=False),
            nn.GroupNorm(GROUPS, channels_out),
        )
        self.shortcut: nn.Module = (
            nn.Conv2d(channels_in, channels_out, 1, bias=False)
            if channels_in != channels_out
            else nn.Identity()
        )

    def forward(self, x: Float[Tensor, "row in h w"]) -> Float[Tensor, "row out h w"]:
        """(row, channels_in, h, w) → (row, channels_out, h, w)."""
        return self.shortcut(x) + BRANCH_SCALE * self.branch(x)


class FirstState(nn.Module):
    """The features of all context frames → the state with which a ConvLSTM begins.

    Args:
        known: how many context frames.
        width: of their features, and of the state.
        kernel: of the first convolution.
    """

    def __init__(self, known: int, width: int, kernel: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(known * width, known * width, kernel, padding=kernel // 2),
            nn.GroupNorm(GROUPS, known * width),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(known * width, 2 * width, 1),
            nn.GroupNorm(1, 2 * width),
        )

    def forward(self, context: Float[Tensor, "frame row width h w"]) -> LstmState:
        """``context`` has the frames that the weights are made for, in their order."""
        return LstmState(*self.layers(context.transpose(0, 1).flatten(1, 2)).chunk(2, 1))


class LatentHierarchy(Checkpointing):
    """The distributions of the latents, coarsest first: all priors, or all posteriors.

    Args:
        network: the config's.
        known: how many context frames.
        dense: whether a distribution depends on the coarser latents.
    """

    def __init__(self, network: IvrnnNetworkConfig, known: int, *, dense: bool) -> None:
        super().__init__()
        self.dense = dense
        self.levels = _latent_levels(network)
        self.inputs = nn.ModuleList()
        self.cells = nn.ModuleList()
        self.first_states = nn.ModuleList()
        self.outputs = nn.ModuleList()
        coarser = 0
        for level, latent in self.levels.items():
            width = network.widths[level]
            norm = nn.GroupNorm(1, 2 * latent)
            # Begin with distributions that know nothing: all the same, but for a little noise.
            nn.init.zeros_(norm.weight)
            nn.init.normal_(norm.bias, std=1e-3)
            self.inputs.append(nn.Sequential(nn.Conv2d(width, width, 1), nn.GroupNorm(1, width)))
            self.cells.append(ConvLSTM(width, width, groups=LSTM_GROUPS))
            self.first_states.append(FirstState(known, width))
            self.outputs.append(nn.Sequential(nn.Conv2d(width + coarser, 2 * latent, 1), norm))
            coarser += latent if dense else 0

    def begin(self, context: Features) -> list[LstmState]:
        """The state of each distribution's ConvLSTM before the first frame."""
        pairs = zip(self.first_states, self.levels, strict=True)
        return [self._run(first, context[level]) for first, level in pairs]

    def forward(
        self, index: int, features: Features, coarser: Sequence[Tensor], state: LstmState
    ) -> tuple[Gaussian, LstmState]:
        """The distribution of a latent at each frame, and the state at the end.

        Args:
            index: of the latent, 0 for the coarsest.
            features: of the frames that it sees.
            coarser: the latents before it (frame, row, channel, h, w).
            state: before the first frame.
        """
        own = features[list(self.levels)[index]]
        h = self._each(self.inputs[index], own)
        h, after = self._run(self.cells[index], h, state)
        parts = [h.flatten(0, 1)]
        if self.dense:
            size = own.shape[-2:]
            parts += [F.interpolate(z.flatten(0, 1), size=size, mode="nearest") for z in coarser]
        both = precise(self.outputs[index](torch.cat(parts, 1)).unflatten(0, own.shape[:2]))
        mean, raw = both.chunk(2, 2)
        return Gaussian(mean, (F.softplus(raw) + SMALLEST_VARIANCE).log()), after


class Renderer(Checkpointing):
    """The last frame's embedding (one pixel) and the latents → the next frame.

    Args:
        channels: of a frame.
        network: the config's.
        known: how many context frames.
    """

    def __init__(self, channels: int, network: IvrnnNetworkConfig, known: int) -> None:
        super().__init__()
        self.latent_levels = list(_latent_levels(network))
        latents = _latent_levels(network)
        self.cells = nn.ModuleList()
        self.first_states = nn.ModuleList()
        self.doublings = nn.ModuleList()
        coarsest = len(network.widths) - 1
        for level in range(coarsest, -1, -1):
            width = network.widths[level]
            joined = width + latents.get(level, 0)
            kernel = network.context_kernels.get(network.resolutions[level], 1)
            self.cells.append(ConvLSTM(joined, width, groups=LSTM_GROUPS))
            self.first_states.append(FirstState(known, width, kernel))
            if level:
                after = network.widths[level - 1]
                stride, padding = (1, 0) if level == coarsest else (2, 1)
                up = nn.ConvTranspose2d(width, after, 4, stride, padding)
                norm = nn.GroupNorm(GROUPS, after)
                self.doublings.append(nn.Sequential(up, norm, nn.LeakyReLU(SLOPE)))
        width = network.widths[0]
        self.output = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.GroupNorm(GROUPS, width),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(width, channels, 3, padding=1),
            nn.Sigmoid(),
        )

    def begin(self, context: Features) -> list[LstmState]:
        """The states of the ConvLSTMs before the first frame, coarsest first."""
        pairs = zip(self.first_states, reversed(context), strict=True)
        return [self._run(first, level) for first, level in pairs]

    def forward(
        self,
        h: Float[Tensor, "frame row width 1 1"],
        latents: Sequence[Float[Tensor, "frame row channel h_ w_"]],
        states: Sequence[LstmState],
    ) -> tuple[Float[Tensor, "frame row channel height width"], list[LstmState]]:
        """Each next frame in [0, 1], and the states at the end.

        Args:
            h: the embedding of each frame.
            latents: of each frame after it, coarsest first.
            states: before the first frame.
        """
        by_level = dict(zip(self.latent_levels, latents, strict=True))
        after = []
        for index, (cell, state) in enumerate(zip(self.cells, states, strict=True)):
            if index:
                h = self._each(self.doublings[index - 1], h)
            level = len(self.cells) - 1 - index
            if level in by_level:
                h = torch.cat([h, by_level[level]], 2)
            h, state = self._run(cell, h, state)
            after.append(state)
        return self._each(self.output, h), after


def _latent_levels(network: IvrnnNetworkConfig) -> dict[int, int]:
    """The levels with latents, coarsest first, each with its latent's channels."""
    coarse_to_fine = sorted(network.latents.items())
    return {network.resolutions.index(pixels): latent for pixels, latent in coarse_to_fine}
