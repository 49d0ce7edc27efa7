"""The config section of IVRNN, the improved variational recurrent network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveInt, model_validator

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_network
from rvd.config.training import TrainingConfig

LSTM_GROUPS = 16  # of the normalisations within its ConvLSTMs
LOWEST = 4  # height and width of the smallest map, in pixels; one pooling reduces it to 1

Width = Annotated[int, Field(ge=LSTM_GROUPS, multiple_of=LSTM_GROUPS)]


class IvrnnNetworkConfig(Section):
    """The channels at one frame size."""

    widths: tuple[Width, ...] = Field(min_length=2)
    """Channels of the embedding and the renderer at each resolution: the frame's size, half of it,
    and so on to 4 pixels, and 1. Multiples of 16, the last of which is 32 or more."""
    latents: dict[PositiveInt, PositiveInt] = Field(min_length=1)
    """Height and width of a map, in pixels → channels of its latent z."""
    context_kernels: dict[PositiveInt, Literal[1, 3, 5]] = Field(default_factory=dict)
    """Height and width of a map, in pixels → kernel size of the convolution over the features of
    all context frames, which gives the renderer's first state there; 1 for maps without an entry
    (one is 3 in the source's network for 128 pixels)."""

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Height and width of the map, in pixels, at each of ``widths``."""
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
    """IVRNN, with a hierarchy of latents (Castrejón, Ballas and Courville 2019)."""

    checkpointed: ClassVar[bool] = True

    training: TrainingConfig
    """Budget and optimisation. The number of `context` frames is part of the weights, so that
    `evaluation.context` must be the same."""
    kind: Literal["ivrnn"]
    """Improved variational recurrent network."""
    networks: dict[PositiveInt, IvrnnNetworkConfig]
    """Channels of the networks, by frame size in pixels."""
    dense_prior: bool = True
    """Let the prior of a latent see the coarser latents, as the posterior does (our choice: one
    public variant of the source leaves it out)."""
    divergence_weight: NonNegativeFloat = 1.0
    """β, the weight of the divergence of posterior and prior; as in the source."""
    divergence_warmup: NonNegativeInt = 0
    """Steps over which that weight rises from zero (20 epochs in the source, where it is
    optional)."""

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
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
        """Return the reason why the model cannot forecast from ``context`` frames, or None."""
        made_for = self.training.context
        if context != made_for:
            return (
                f"training.context: weights for {made_for} context frames take no {context}, "
                "since the first states are computed from all of them"
            )
        return None
