"""The noise of the generator: a vector and a map per member and frame."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from rvd.models.crps.config import NoiseConfig
from rvd.models.noise import NoiseSource, persistent, training_noise


@dataclass(frozen=True)
class MemberNoise:
    """The noise of each row, standard normal.

    Attributes:
        vector: (row, length); zeros (row, 1) for a model without a noise vector.
        noise_map: (row, 1, height, width); (row, 0, height, width) for one without a map.
    """

    vector: Float[Tensor, "row length"]
    noise_map: Float[Tensor, "row map h w"]

    def following(
        self, source: NoiseSource, config: NoiseConfig, persistence: float
    ) -> MemberNoise:
        """Return the noise of the next frame, which is correlated with this one.

        Both follow :func:`rvd.models.noise.persistent`.

        Args:
            source: Source of the new noise.
            config: Noise that the generator takes.
            persistence: The correlation ρ, from 0 to 1.
        """
        new = member_noise(source, self.noise_map, config)
        return MemberNoise(
            persistent(self.vector, new.vector, persistence),
            persistent(self.noise_map, new.noise_map, persistence),
        )


def member_noise(source: NoiseSource, like: Tensor, config: NoiseConfig) -> MemberNoise:
    """Return new noise for each row of ``like`` (row, channel, height, width).

    Args:
        source: Source of the noise.
        like: Tensor with the rows, height and width of the frames.
        config: Noise that the generator takes.
    """
    rows, _, height, width = like.shape
    vector = like.new_zeros(rows, max(config.vector, 1))
    noise_map = like.new_zeros(rows, int(config.map), height, width)
    return MemberNoise(
        source(vector) if config.vector else vector,
        source(noise_map) if config.map else noise_map,
    )


def training_source(clips: int, frames: int = 1) -> NoiseSource:
    """Return a source for rows (frame, clip, member) of a training pass.

    The noise is this process's share of that of the whole batch
    (:func:`rvd.models.noise.batch_noise`), and that of a clip does not depend on the others.

    Args:
        clips: Number of clips of this pass.
        frames: Number of frames that are forecast at once.
    """

    def source(like: Tensor) -> Tensor:
        by_clip = like.unflatten(0, (frames, clips, -1)).transpose(0, 1)
        return training_noise(by_clip).transpose(0, 1).flatten(0, 2)

    return source
