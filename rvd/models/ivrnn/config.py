"""IVRNN: the improved variational recurrent network with a hierarchy of latents."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_network

LSTM_GROUPS = 16  # of the normalisations within its ConvLSTMs
LOWEST = 4  # pixels a side of the last map that is halved to; one pooling leads from it to 1


Width = Annotated[int, Field(ge=LSTM_GROUPS, multiple_of=LSTM_GROUPS)]


class IvrnnNetworkConfig(Section):
    """Channels at one image size.

    ``widths`` are those of the embedding and the renderer at each resolution: the image's, half of
    it, and so on to 4 pixels a side, and 1. ``latents`` gives, by resolution, the channels of z,
    and ``context_kernels`` the side of the convolution over all context frames' features where it
    is not 1 (one is 3 in the source's network for 128 pixels).
    """

    widths: tuple[Width, ...] = Field(min_length=2)
    latents: dict[PositiveInt, PositiveInt] = Field(min_length=1)
    context_kernels: dict[PositiveInt, Literal[1, 3, 5]] = Field(default_factory=dict)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Pixels a side at each of ``widths``."""
        halvings = len(self.widths) - 2
        return (*(LOWEST * 2**level for level in range(halvings, -1, -1)), 1)

    @model_validator(mode="after")
    def _resolutions_exist(self) -> Self:
        for key in ("latents", "context_kernels"):
            for resolution in getattr(self, key):
                if resolution not in self.resolutions:
                    known = ", ".join(map(str, self.resolutions))
                    raise ValueError(
                        f"{key}: there is no map of {resolution} pixels (there are: {known})"
                    )
        if self.widths[-1] < 2 * LSTM_GROUPS:
            raise ValueError(
                f"widths: {self.widths[-1]} channels of one pixel are {LSTM_GROUPS} groups of a "
                "single value each, which their normalisation makes zero; give "
                f"{2 * LSTM_GROUPS} or more"
            )
        return self


class IvrnnConfig(TrainedModelConfig):
    """IVRNN (Castrejón, Ballas and Courville 2019).

    The number of context frames is part of the weights. ``dense_prior`` lets the prior of a latent
    see the coarser ones, as the posterior does; one public variant of the source leaves it out.
    ``divergence_warmup`` is the number of steps in which the divergence's weight rises from zero to
    ``divergence_weight`` (20 epochs in the source, where it is optional).
    """

    checkpointed: ClassVar[bool] = True

    kind: Literal["ivrnn"]
    networks: dict[PositiveInt, IvrnnNetworkConfig]
    dense_prior: bool = True
    divergence_weight: NonNegativeFloat = 1.0
    divergence_warmup: NonNegativeInt = 0

    def why_not_size(self, size: int) -> str | None:
        """Why this model cannot take images of ``size`` pixels, or None."""
        if problem := why_no_network(self.networks, size):
            return problem
        network = self.networks[size]
        if network.resolutions[0] != size:
            return (
                f"networks.{size}.widths: {len(network.widths)} of them are for images of "
                f"{network.resolutions[0]} pixels"
            )
        return super().why_not_size(size)

    def why_not_context(self, context: int) -> str | None:
        """Why this model cannot forecast from ``context`` frames, or None."""
        made_for = self.training.context
        if context != made_for:
            return (
                f"training.context: weights for {made_for} context frames take no {context}, "
                "since the first states are made of all of them"
            )
        return None
