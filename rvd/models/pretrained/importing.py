"""Import of models trained elsewhere, and forecasts of them by the config's sampler."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rvd.diffusion.config import SamplerConfig
from rvd.errors import UserError
from rvd.files import atomic_write, reason, sha256_of
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource
from rvd.models.files import fitting, load, predictor_of, save, stored_config
from rvd.models.pretrained.config import PretrainedConfig
from rvd.models.rvd.config import RvdConfig
from rvd.models.rvd.official import import_official


def import_checkpoint(
    section: PretrainedConfig,
    checkpoint: Path,
    output: Path,
    *,
    size: int,
    channels: int,
    context: int,
) -> None:
    """Write the model in ``checkpoint`` as a predictor file.

    The checksum is compared before anything else is read from the file. A predictor file is copied
    unchanged, so that it keeps its provenance.

    Args:
        section: The model's section of the config.
        checkpoint: File of the model.
        output: Predictor file to write.
        size: Height and width of the dataset's frames, in pixels.
        channels: Number of channels of the dataset's frames.
        context: Number of known frames in the evaluation.

    Raises:
        UserError: The file is missing, has another checksum, is not of its ``format``, or holds a
            model that cannot forecast the dataset or be sampled by ``section.sampler``.
    """
    digest = _checksum(checkpoint)
    if section.sha256 not in (None, digest):
        raise UserError(
            f"{checkpoint}: its SHA-256 is {digest}, not {section.sha256}: damaged, or another file"
        )
    official = section.format == "official"
    model: VideoPredictor
    if official:
        average = section.weights == "average"
        model = import_official(checkpoint, average=average, size=section.size, otherwise=size)
    else:
        model = load(checkpoint)
    config: Any = model.config
    if (model.size, model.channels) != (size, channels):
        raise UserError(
            f"{checkpoint}: forecasts frames of {model.size} pixels and {model.channels} channels, "
            f"not of {size} and {channels}"
        )
    if problem := config.why_not_context(context):
        raise UserError(f"{checkpoint}: {problem}")
    with_sampler(config, section.sampler)
    if official:
        origin = {"imported": checkpoint.name, "sha256": digest, "weights": section.weights}
        save(model, output, origin)
        return
    with atomic_write(output) as partial:
        shutil.copyfile(checkpoint, partial)


def open_pretrained(section: PretrainedConfig, source: ForecastSource) -> VideoPredictor:
    """Return the model in a file of :func:`import_checkpoint`, with the config's sampler.

    Raises:
        UserError: The file is missing or damaged, or does not fit the videos, or the sampler does
            not fit the model.
    """
    path = predictor_of(source)
    config = with_sampler(stored_config(path), section.sampler)
    return fitting(load(path, config), path, source)


def with_sampler(config: Any, sampler: SamplerConfig | None) -> Any:
    """Return a model's section of the config with ``sampler`` instead of its own; None keeps it.

    Raises:
        UserError: The model has no sampler, or the sampler does not fit it.
    """
    if sampler is None:
        return config
    if not isinstance(config, RvdConfig):
        raise UserError(f"sampler: a model of kind '{config.kind}' has none; leave it out")
    if problem := config.why_not_sampler(sampler):
        raise UserError(problem)
    return config.model_copy(update={"sampler": sampler})


def _checksum(path: Path) -> str:
    """Return the file's SHA-256, in hexadecimal digits."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
