"""Models that were trained elsewhere: checked, imported, and sampled as the config says."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from rvd.diffusion.config import SamplerConfig
from rvd.errors import UserError
from rvd.files import atomic_write, reason, sha256_of
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource
from rvd.models.files import fitting, load, predictor_of, save
from rvd.models.pretrained.config import PretrainedConfig
from rvd.models.rvd.model import ResidualVideoDiffusion
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

    The checksum is compared before anything is read from the file. A predictor file is copied as it
    is, so that it keeps how it was trained.

    Args:
        section: the config's section.
        checkpoint: the model's file.
        output: predictor file to write.
        size: height and width of the dataset's frames.
        channels: of the dataset's frames.
        context: number of frames that the model is given in the test.

    Raises:
        UserError: the file is missing, has another checksum, is not of its ``format``, or holds a
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
    use_sampler(model, section.sampler)
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
    model = fitting(load(path), path, source)
    use_sampler(model, section.sampler)
    return model


def use_sampler(model: VideoPredictor, sampler: SamplerConfig | None) -> None:
    """Replace how ``model`` is sampled; None leaves it.

    Raises:
        UserError: the model has no sampler, or fewer diffusion steps than the sampler takes.
    """
    if sampler is None:
        return
    if not isinstance(model, ResidualVideoDiffusion):
        config: Any = model.config
        raise UserError(f"sampler: a model of kind '{config.kind}' has none; leave it out")
    steps = model.config.diffusion_steps
    if (sampler.steps or 0) > steps:
        raise UserError(
            f"sampler.steps: {sampler.steps} are more than the {steps} diffusion steps of the model"
        )
    model.config = model.config.model_copy(update={"sampler": sampler})


def _checksum(path: Path) -> str:
    """The file's SHA-256, in hexadecimal digits."""
    try:
        return sha256_of(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None
