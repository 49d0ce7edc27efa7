"""SVG-LP: stochastic video generation with a learned prior (Denton and Fergus 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.base import Forecast, Video, VideoPredictor
from rvd.models.layers.blocks import SLOPE
from rvd.models.layers.checkpointing import Checkpointing, checkpoint_blocks
from rvd.models.layers.conv_lstm import ConvLSTM, LstmState
from rvd.models.layers.gaussian import Gaussian, precise
from rvd.models.noise import NoiseSource, training_noise
from rvd.models.svg_lp.config import GROUPS, SvgLpConfig

States = Sequence[LstmState | None]


@dataclass(frozen=True)
class Past:
    """What the recurrent networks know of the frames so far.

    ``features`` are those of the last frame; it is not in ``prior`` and ``predictor`` (states of
    their cells) yet, but in the posterior's.
    """

    features: Float[Tensor, "row features h w"]
    prior: States
    predictor: States


class SvgLp(VideoPredictor):
    """x^t = decoder(predictor(h(x^{<t}), z^{≤t})), with z^t drawn from a prior given the past.

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
        self, video: Video, player: str = "model", draw: NoiseSource = training_noise
    ) -> dict[str, Tensor]:
        """The negative lower bound of the likelihood, for all frames but the first.

        Args:
            video: (batch, frame, channel, height, width) in [0, 1].
            player: there is one, ``model``.
            draw: the noise of the latents (batch, frame − 1, channel, h, w).

        Returns:
            ``loss``: summed over frames (that is the source's), the squared error, mean over
            pixels, and β times the divergence. Its parts as means over the frames:
            ``reconstruction``, and ``divergence`` in nats.
        """
        frames = video.transpose(0, 1)
        known, predicted = self.config.training.context, len(frames) - 1
        h, skips = self.encoder(frames)
        posterior, _ = self.posterior(h[1:], (None,))
        prior, _ = self.prior(h[:-1], (None,))
        z = posterior.sample(_frames_first(draw, posterior.mean))
        following, _ = self.predictor(torch.cat([h[:-1], z], 2), (None, None))
        # A frame's skips are the frame's before it in the context, and fixed after it. What they
        # add to the decoder is computed once for each frame of the context.
        sources = [self._skip_frame(frame, known) for frame in range(1, predicted + 1)]
        details = self.decoder.details([skip[: max(sources) + 1] for skip in skips])
        decoded = self.decoder(following, [detail[sources] for detail in details])
        reconstruction = F.mse_loss(decoded, frames[1:])
        divergence = posterior.divergence(prior).sum() / (predicted * len(video))
        loss = predicted * (reconstruction + self.config.divergence_weight * divergence)
        return {"loss": loss, "reconstruction": reconstruction, "divergence": divergence}

    def _skip_frame(self, frame: int, known: int) -> int:
        """The frame whose skips the decoder sees for ``frame``, ``known`` of which are given."""
        if frame < known:
            return frame - 1
        return known - (1 if self.config.skip_from == "last" else 2)

    @torch.no_grad()
    def predict(self, context: Video, horizon: int, ensemble: int, draw: NoiseSource) -> Forecast:
        """Frame by frame: z from the prior, and each frame is encoded for the next."""
        known = context.shape[1]
        h, skips = self.encoder(context.transpose(0, 1))
        source = self._skip_frame(known, known)
        details = [
            detail.repeat_interleave(ensemble, 1)
            for detail in self.decoder.details([skip[source, None] for skip in skips])
        ]
        past = self._after_context(h.repeat_interleave(ensemble, 1), draw)
        frames: list[Tensor] = []
        while True:
            following, prior, predictor = self._following(past, draw)
            frames.append(self.decoder(following[None], details)[0])
            if len(frames) == horizon:
                return torch.stack(frames, 1).unflatten(0, (len(context), ensemble))
            past = Past(self.encoder(frames[-1][None])[0][0], prior, predictor)

    def _after_context(self, h: Float[Tensor, "frame row features h w"], draw: NoiseSource) -> Past:
        """The past once the context is known: its latents come from the posterior."""
        if len(h) == 1:
            return Past(h[0], (None,), (None, None))
        posterior, _ = self.posterior(h[1:], (None,))
        _, prior = self.prior(h[:-1], (None,))
        z = posterior.sample(_frames_first(draw, posterior.mean))
        _, predictor = self.predictor(torch.cat([h[:-1], z], 2), (None, None))
        return Past(h[-1], prior, predictor)

    def _following(self, past: Past, draw: NoiseSource) -> tuple[Tensor, States, States]:
        """The features of the next frame (row, features, h, w), and the states after them."""
        h = past.features[None]
        distribution, prior = self.prior(h, past.prior)
        z = distribution.sample(_frames_first(draw, distribution.mean))
        following, predictor = self.predictor(torch.cat([h, z], 2), past.predictor)
        return following[0], prior, predictor


class Encoder(Checkpointing):
    """VGG: frames → features h, and of each stage a skip.

    Args:
        config: of the model.
        size: height and width of a frame.
        channels: of a frame.
    """

    def __init__(self, config: SvgLpConfig, size: int, channels: int) -> None:
        super().__init__()
        network = config.networks[size]
        self.stages = nn.ModuleList()
        before = channels
        for width, depth in zip(network.widths, network.depths, strict=True):
            widths = [before, *[width] * depth]
            self.stages.append(
                nn.Sequential(
                    *(
                        VggConvolution(nn.Conv2d(*pair, 3, padding=1), config.normalisation)
                        for pair in pairwise(widths)
                    )
                )
            )
            before = width
        side = 1 if config.recurrence == "maps" else size // network.divisor
        self.output = nn.Sequential(
            nn.Conv2d(before, config.features, side),
            _norm(config.normalisation, config.features),
            nn.Tanh(),
        )

    def forward(
        self, frames: Float[Tensor, "frame batch channel height width"]
    ) -> tuple[Float[Tensor, "frame batch features h w"], list[Tensor]]:
        """Features in [−1, 1], and the skips (frame, batch, width, height/2^stage, …)."""
        h, skips = frames.flatten(0, 1), []
        for stage in self.stages:
            h = self._run(stage, h)
            skips.append(h.unflatten(0, frames.shape[:2]))
            h = F.max_pool2d(h, 2)
        return self.output(h).unflatten(0, frames.shape[:2]), skips


class Decoder(Checkpointing):
    """The encoder mirrored: features and skips → frames.

    A stage begins with a convolution over (h, skip) concatenated. It is the sum of two, and the
    skip's stays the same for many frames: :meth:`details` computes it apart.

    Args:
        config: of the model.
        size: height and width of a frame.
        channels: of a frame.
    """

    def __init__(self, config: SvgLpConfig, size: int, channels: int) -> None:
        super().__init__()
        network = config.networks[size]
        side = 1 if config.recurrence == "maps" else size // network.divisor
        deepest = network.widths[-1]
        self.input = VggConvolution(
            nn.ConvTranspose2d(config.features, deepest, side), config.normalisation
        )
        self.of_features = nn.ModuleList()
        self.of_skips = nn.ModuleList()
        self.norms = nn.ModuleList()
        self.stages = nn.ModuleList()
        afters = [network.widths[0], *network.widths[:-1]]
        triples = zip(network.widths, network.depths, afters, strict=True)
        for level, (width, depth, after) in reversed(list(enumerate(triples))):
            self.of_features.append(nn.Conv2d(width, width, 3, padding=1))
            self.of_skips.append(nn.Conv2d(width, width, 3, padding=1, bias=False))
            self.norms.append(_norm(config.normalisation, width))
            # The last convolution of the last stage is the one to the frame.
            widths = [*[width] * (depth - 1), *([after] if level else [])]
            self.stages.append(
                nn.Sequential(
                    *(
                        VggConvolution(nn.Conv2d(*pair, 3, padding=1), config.normalisation)
                        for pair in pairwise(widths)
                    )
                )
            )
        self.output = nn.ConvTranspose2d(network.widths[0], channels, 3, padding=1)

    def details(
        self, skips: Sequence[Float[Tensor, "frame batch width h w"]]
    ) -> list[Float[Tensor, "frame batch width h w"]]:
        """What the skips add at each stage, deepest first."""
        pairs = zip(self.of_skips, reversed(skips), strict=True)
        return [
            convolution(skip.flatten(0, 1)).unflatten(0, skip.shape[:2])
            for convolution, skip in pairs
        ]

    def forward(
        self,
        features: Float[Tensor, "frame batch features h w"],
        details: Sequence[Float[Tensor, "frame batch width h_ w_"]],
    ) -> Float[Tensor, "frame batch channel height width"]:
        """Frames in [0, 1]."""
        h = self.input(features.flatten(0, 1))
        for level, detail in enumerate(details):
            h = self._run(self._stage, level, h, detail)
        return self.output(h).sigmoid().unflatten(0, features.shape[:2])

    def _stage(
        self, level: int, h: Tensor, detail: Float[Tensor, "frame batch width h_ w_"]
    ) -> Float[Tensor, "row after h_ w_"]:
        """The stage numbered ``level``, deepest first: twice the height and width."""
        h = self.of_features[level](F.interpolate(h, scale_factor=2, mode="nearest"))
        h = F.leaky_relu(self.norms[level](h + detail.flatten(0, 1)), SLOPE)
        result: Tensor = self.stages[level](h)
        return result


class VggConvolution(nn.Sequential):
    """A convolution, its normalisation, LeakyReLU: (row, in, h, w) → (row, out, h, w)."""

    def __init__(self, convolution: nn.Conv2d | nn.ConvTranspose2d, normalisation: str) -> None:
        norm = _norm(normalisation, convolution.out_channels)
        super().__init__(convolution, norm, nn.LeakyReLU(SLOPE))


class RecurrentStack(nn.Module):
    """A 1×1 embedding and ConvLSTMs on top of it.

    Args:
        channels: of the input.
        width: of the embedding and the states.
        layers: how many ConvLSTMs.
        kernel: of their convolutions.
    """

    def __init__(self, channels: int, width: int, layers: int, kernel: int) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(channels, width, 1)
        self.cells = nn.ModuleList(ConvLSTM(width, width, kernel) for _ in range(layers))

    def forward(
        self, frames: Float[Tensor, "frame row in h w"], states: States
    ) -> tuple[Float[Tensor, "frame_row width h w"], States]:
        """The last layer's output, frames and rows flattened, and each layer's state at the end."""
        h = self.embedding(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        after = []
        for cell, state in zip(self.cells, states, strict=True):
            h, state = cell(h, state)
            after.append(state)
        return h.flatten(0, 1), after


class RecurrentGaussian(nn.Module):
    """Features so far → the distribution of a latent: prior and posterior."""

    def __init__(self, features: int, width: int, latent: int, kernel: int) -> None:
        super().__init__()
        self.stack = RecurrentStack(features, width, 1, kernel)
        self.mean = nn.Conv2d(width, latent, 1)
        self.log_variance = nn.Conv2d(width, latent, 1)

    def forward(
        self, h: Float[Tensor, "frame row features h w"], states: States
    ) -> tuple[Gaussian, States]:
        """The distribution after each frame, and the states at the end."""
        inner, after = self.stack(h, states)
        mean, log_variance = (
            precise(head(inner).unflatten(0, h.shape[:2]))
            for head in (self.mean, self.log_variance)
        )
        return Gaussian(mean, log_variance), after


class FeaturePredictor(nn.Module):
    """Features and latents so far → the features of the next frame, in [−1, 1]."""

    def __init__(self, channels: int, width: int, features: int, kernel: int) -> None:
        super().__init__()
        self.stack = RecurrentStack(channels, width, 2, kernel)
        self.output = nn.Conv2d(width, features, 1)

    def forward(
        self, h: Float[Tensor, "frame row in h w"], states: States
    ) -> tuple[Float[Tensor, "frame row features h w"], States]:
        """The next frame's features after each frame, and the states at the end."""
        inner, after = self.stack(h, states)
        return self.output(inner).tanh().unflatten(0, h.shape[:2]), after


def _norm(normalisation: str, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if normalisation == "batch" else nn.GroupNorm(GROUPS, channels)


def _initialise(module: nn.Module) -> None:
    """As the source: weights N(0, 0.02), norms N(1, 0.02), biases zero; LSTMs as they are."""
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


def _frames_first(draw: NoiseSource, like: Float[Tensor, "frame row channel h w"]) -> Tensor:
    """Noise shaped as ``like``; a :data:`Draw` goes by rows."""
    return draw(like.transpose(0, 1)).transpose(0, 1)
