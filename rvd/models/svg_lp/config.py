"""The config section of SVG-LP, stochastic video generation with a learned prior."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    PositiveInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_downsampling

GROUPS = 8  # of `normalisation: group`


class SvgLpNetworkConfig(Section):
    """The encoder and the decoder at one frame size (VGG64 of the source)."""

    widths: tuple[PositiveInt, ...] = Field(min_length=1)
    """Channels of each stage, which halves height and width."""
    depths: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1)
    """Convolutions of each stage, two or more."""

    @model_validator(mode="after")
    def _one_depth_per_stage(self) -> Self:
        if len(self.widths) != len(self.depths):
            raise ValueError(
                f"depths: there are {len(self.depths)} for the {len(self.widths)} stages of widths"
            )
        return self

    @property
    def divisor(self) -> int:
        """The number of which the image's height and width must be multiples."""
        return 2 ** len(self.widths)


class SvgLpConfig(TrainedModelConfig):
    """SVG-LP (Denton and Fergus 2018), as the paper adapts it (section 3.3) or as in the source."""

    checkpointed: ClassVar[bool] = True

    kind: Literal["svg-lp"]
    """Stochastic video generation with a learned prior."""
    networks: dict[PositiveInt, SvgLpNetworkConfig]
    """Encoder and decoder, by frame size in pixels."""
    features: PositiveInt = 128
    """Channels of the encoded frame; as in the source."""
    state_width: PositiveInt = 256
    """Channels of the recurrent states; as in the source."""
    latent_channels: PositiveInt | dict[PositiveInt, PositiveInt] = 8
    """Channels of z at each position of its map: one number, or one for each frame size in pixels,
    as larger frames have larger maps (our choice)."""
    recurrence: Literal["maps", "vectors"] = "maps"
    """Form of features, z and states: `maps` (ConvLSTMs, section 3.3) or `vectors` (LSTMs, as in
    the source)."""
    normalisation: Literal["batch", "group"] = "batch"
    """Normalisation of encoder and decoder: `batch` (as in the source, but with the statistics of
    training at test; the source uses those of the test batch) or `group` (independent of the
    batch)."""
    skip_from: Literal["last", "before-last"] = "last"
    """Context frame whose skip connections the decoder sees in forecasts: the `last`, or the one
    `before-last` (as the source's code by its index, probably unintended)."""
    divergence_weight: NonNegativeFloat
    """β, the weight of the divergence of posterior and prior: 1e-4 for BAIR and 1e-6 for KTH in the
    source."""

    @field_validator("latent_channels", mode="wrap")
    @classmethod
    def _one_number_or_one_for_each_size(
        cls, value: Any, validate: ValidatorFunctionWrapHandler
    ) -> Any:
        """Give one message instead of pydantic's one for each member of the union."""
        try:
            return validate(value)
        except ValidationError:
            raise ValueError("give a number above 0, or one for each frame size") from None

    @model_validator(mode="after")
    def _groups_divide(self) -> Self:
        widths = {width for network in self.networks.values() for width in network.widths}
        odd = sorted(width for width in widths | {self.features} if width % GROUPS)
        if self.normalisation == "group" and odd:
            raise ValueError(
                f"normalisation: the {GROUPS} groups of 'group' do not divide {odd[0]} channels"
            )
        return self

    @model_validator(mode="after")
    def _training_is_possible(self) -> Self:
        if problem := self.why_not_context(self.training.context):
            raise ValueError(f"training.{problem}")
        return self

    @property
    def has_batch_statistics(self) -> bool:
        """True where the normalisation is ``batch``."""
        return self.normalisation == "batch"

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        sizes = self.latent_channels
        if isinstance(sizes, dict) and size not in sizes:
            known = ", ".join(map(str, sorted(sizes)))
            return f"latent_channels: no entry for images of {size} pixels (there are: {known})"
        return why_no_downsampling(self.networks, size) or super().why_not_size(size)

    def latent_channels_at(self, size: int) -> int:
        """Return the channels of z at each position of its map, for images of ``size`` pixels."""
        channels = self.latent_channels
        return channels[size] if isinstance(channels, dict) else channels

    def why_not_context(self, context: int) -> str | None:
        """Return the reason why the model cannot forecast from ``context`` frames, or None."""
        if self.skip_from == "before-last" and context < 2:
            return "context: skip_from 'before-last' needs two frames at least"
        return None
