"""The config section of the forecaster that is trained on the CRPS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rvd.config.sampler import AnySamplerConfig
from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig, why_no_downsampling
from rvd.config.training import Fraction
from rvd.models.rvd.config import RvdNetworkConfig


class NoiseConfig(Section):
    """The noise by which the members of an ensemble differ."""

    vector: NonNegativeInt = 16
    """Length of the noise vector, which shifts the channels of each block (the conditional
    normalisation of FGN, arXiv 2506.10772); 0 for none."""
    map: bool = False
    """Add a map of noise, one value per pixel, to the channels of the input."""

    @model_validator(mode="after")
    def _members_differ(self) -> Self:
        if not self.vector and not self.map:
            raise ValueError("vector: 0 without a map gives equal members; give either of them")
        return self


# What the noise of forecasts is chosen from.
PERSISTENCES = (0.0, 0.25, 0.5, 0.65, 0.8, 0.9, 1.0)


class CrpsSamplerConfig(AnySamplerConfig):
    """The noise of a forecast. A change of it does not repeat the training."""

    persistence: Fraction = 0.8
    """Correlation of a member's noise between consecutive frames: 0 for independent noise, 1 for
    the same noise in all frames."""

    @property
    def name(self) -> str:
        """The persistence in words."""
        return f"persistence {self.persistence:g}"

    def details(self) -> dict[str, float | None]:
        """Return no bound, as there is none."""
        return {"clip": None}


class RollOutConfig(Section):
    """Training on the model's own forecasts, fed back, after training on recorded frames."""

    frames: Annotated[int, Field(ge=2)]
    """Frames of a roll-out, 2 or more; each has its CRPS."""
    start: Fraction
    """Fraction of the training steps after which all steps are roll-outs."""


class CrpsConfig(TrainedModelConfig):
    """RVD's context encoder and μ with a generator in place of the diffusion, trained on CRPS."""

    checkpointed: ClassVar[bool] = True

    kind: Literal["crps"]
    """Forecaster trained on the CRPS, with one network evaluation per frame; not in the paper."""
    networks: dict[PositiveInt, RvdNetworkConfig]
    """Widths of the networks, by frame size in pixels, as those of `rvd`; the generator has those
    of the denoiser."""
    sigma: PositiveFloat = 0.2
    """Unit of the generator's residual, for frames in [−1, 1]."""
    members: Annotated[int, Field(ge=2)] = 2
    """Members of the ensemble that is forecast for each training frame, 2 or more: the fair CRPS
    has none for one."""
    alpha: Fraction = 0.95
    """Share of the fair CRPS in the loss, the rest being the ordinary one: the almost fair CRPS of
    AIFS-CRPS (arXiv 2412.15832, equation 4)."""
    noise: NoiseConfig = NoiseConfig()
    """Noise that the generator takes."""
    sampler: CrpsSamplerConfig = CrpsSamplerConfig()
    """Noise of a forecast; a change of it does not repeat the training without `roll_out`."""
    roll_out: RollOutConfig | None = None
    """Final stage of training on the model's own forecasts; null for none."""

    @model_validator(mode="after")
    def _roll_out_fits(self) -> Self:
        if self.roll_out and self.roll_out.frames > self.training.future:
            raise ValueError(
                f"roll_out.frames: {self.roll_out.frames} are more than the "
                f"{self.training.future} of training.future"
            )
        return self

    def training_fingerprint(self) -> dict[str, Any]:
        """Return the values that the weights depend on: the sampler only if it is trained on."""
        values = super().training_fingerprint()
        if self.roll_out is None:
            values.pop("sampler")
        return values

    def sampling_fingerprint(self) -> dict[str, Any]:
        """Return the values of the sampler."""
        return self.sampler.model_dump(mode="json")

    def sampler_candidates(
        self, most_steps: int, numbers: Sequence[int] | None = None
    ) -> list[AnySamplerConfig]:
        """Return samplers of several persistences, which all take one evaluation per frame."""
        if self.roll_out:
            return []
        return [CrpsSamplerConfig(persistence=value) for value in PERSISTENCES]

    def budget(self) -> list[str]:
        """Return training steps, and the evaluations per frame, in words."""
        return [*super().budget(), "one evaluation per frame"]

    def why_not_size(self, size: int) -> str | None:
        """Return the reason why the model cannot take images of ``size`` pixels, or None."""
        return why_no_downsampling(self.networks, size) or super().why_not_size(size)
