"""The hierarchy of IVRNN's latents: the distributions of priors and posteriors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.models.ivrnn.config import LSTM_GROUPS, IvrnnNetworkConfig
from rvd.models.ivrnn.networks import Features, FirstState, latent_levels
from rvd.models.layers.checkpointing import Checkpointing
from rvd.models.layers.conv_lstm import ConvLSTM, LstmState
from rvd.models.layers.gaussian import Gaussian, precise

SMALLEST_VARIANCE = 1e-6  # keeps the logarithm finite where softplus is zero


class LatentHierarchy(Checkpointing):
    """The distributions of the latents, coarsest first: all priors, or all posteriors.

    Args:
        network: The config's network at the frame size.
        known: Number of context frames.
        dense: Choice of distributions that depend on the coarser latents.
    """

    def __init__(self, network: IvrnnNetworkConfig, known: int, *, dense: bool) -> None:
        super().__init__()
        self.dense = dense
        self.levels = latent_levels(network)
        self.inputs = nn.ModuleList()
        self.cells = nn.ModuleList()
        self.first_states = nn.ModuleList()
        self.outputs = nn.ModuleList()
        coarser = 0
        for level, latent in self.levels.items():
            width = network.widths[level]
            norm = nn.GroupNorm(1, 2 * latent)
            # Start from distributions that are independent of the input, up to a little noise.
            nn.init.zeros_(norm.weight)
            nn.init.normal_(norm.bias, std=1e-3)
            self.inputs.append(nn.Sequential(nn.Conv2d(width, width, 1), nn.GroupNorm(1, width)))
            self.cells.append(ConvLSTM(width, width, groups=LSTM_GROUPS))
            self.first_states.append(FirstState(known, width))
            self.outputs.append(nn.Sequential(nn.Conv2d(width + coarser, 2 * latent, 1), norm))
            coarser += latent if dense else 0

    def begin(self, context: Features) -> list[LstmState]:
        """Return the state of each distribution's ConvLSTM before the first frame."""
        pairs = zip(self.first_states, self.levels, strict=True)
        return [self._run(first, context[level]) for first, level in pairs]

    def forward(
        self, index: int, features: Features, coarser: Sequence[Tensor], state: LstmState
    ) -> tuple[Gaussian, LstmState]:
        """Return the distribution of a latent at each frame, and the state after the last.

        Args:
            index: Index of the latent, 0 for the coarsest.
            features: Features of the frames that it sees.
            coarser: Latents at coarser levels (frame, row, channel, h, w).
            state: State before the first frame.
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
