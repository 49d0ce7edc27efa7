"""SVG-LP: stochastic video generation with a learned prior."""

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


class VggConfig(Section):
    """Encoder and decoder at one image size.

    A stage has ``depths`` convolutions of ``widths`` channels, and halves height and width.
    """

    widths: tuple[PositiveInt, ...] = Field(min_length=1)
    depths: tuple[Annotated[int, Field(ge=2)], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _one_depth_a_stage(self) -> Self:
        if len(self.widths) != len(self.depths):
            raise ValueError(
                f"depths: there are {len(self.depths)} for the {len(self.widths)} stages of widths"
            )
        return self

    @property
    def divisor(self) -> int:
        """The image's height and width must be multiples of this."""
        return 2 ** len(self.widths)


class SvgLpConfig(TrainedModelConfig):
    """SVG-LP (Denton and Fergus 2018) as the paper adapts it, and with what it departs from.

    ``recurrence`` says whether features, latents and states are ``maps`` (ConvLSTMs, as the paper)
    or ``vectors`` (LSTMs, as the source). ``normalisation`` is ``batch`` as in the source, with its
    statistics of training at test, too: the source normalises a forecast by its batch mates.
    ``group`` knows no batch at all. ``skip_from`` is the context frame whose details all forecasts
    see: the ``last``, or, by an oversight of the source, the one ``before-last``.
    ``latent_channels`` are those of z at each position of its map, one number or one for each frame
    size: maps of larger frames have more positions.
    """

    checkpointed: ClassVar[bool] = True

    kind: Literal["svg-lp"]
    networks: dict[PositiveInt, VggConfig]
    features: PositiveInt = 128
    state_width: PositiveInt = 256
    latent_channels: PositiveInt | dict[PositiveInt, PositiveInt] = 8
    recurrence: Literal["maps", "vectors"] = "maps"
    normalisation: Literal["batch", "group"] = "batch"
    skip_from: Literal["last", "before-last"] = "last"
    divergence_weight: NonNegativeFloat

    @field_validator("latent_channels", mode="wrap")
    @classmethod
    def _one_number_or_one_for_each_size(
        cls, value: Any, validate: ValidatorFunctionWrapHandler
    ) -> Any:
        """One line instead of pydantic's one for each member of the union."""
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
        """Why this model cannot take images of ``size`` pixels, or None."""
        sizes = self.latent_channels
        if isinstance(sizes, dict) and size not in sizes:
            known = ", ".join(map(str, sorted(sizes)))
            return f"latent_channels: no entry for images of {size} pixels (there are: {known})"
        return why_no_downsampling(self.networks, size) or super().why_not_size(size)

    def latent_channels_at(self, size: int) -> int:
        """Channels of z at each position of its map, for images of ``size`` pixels."""
        channels = self.latent_channels
        return channels[size] if isinstance(channels, dict) else channels

    def why_not_context(self, context: int) -> str | None:
        """Why this model cannot forecast from ``context`` frames, or None."""
        if self.skip_from == "before-last" and context < 2:
            return "context: skip_from 'before-last' needs two frames at least"
        return None
