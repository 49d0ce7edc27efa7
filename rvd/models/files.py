"""Predictor files: weights with the config that rebuilds the model."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig
from rvd.errors import UserError
from rvd.files import atomic_write, software
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource
from rvd.models.registry import Model, build

FORMAT, VERSION = "rvd-predictor", 1


def save(predictor: VideoPredictor, path: Path, provenance: dict[str, Any]) -> None:
    """Write weights and what rebuilds the model (``docs/data-format.md``).

    Args:
        predictor: a trained model.
        path: of the safetensors file.
        provenance: how it was trained; kept as JSON.

    Raises:
        UserError: the file cannot be written.
    """
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": predictor.config.model_dump_json(),
        "size": str(predictor.size),
        "channels": str(predictor.channels),
        "provenance": json.dumps(provenance | {"software": software()}, sort_keys=True),
    }
    tensors = {
        name: value.contiguous().cpu()
        for name, value in predictor.state_dict().items()
        if name.split(".")[0] not in predictor.critics
    }
    with atomic_write(path) as partial:
        partial.write_bytes(serialise(tensors, metadata))


def load(path: Path, config: Section | None = None) -> VideoPredictor:
    """The model in a predictor file, ready to predict.

    Args:
        path: of the safetensors file.
        config: the model's section as it is now; what decides the trained weights must be as it
            was, while the rest (the sampler, say) is taken from here. None takes the file's.

    Raises:
        UserError: the file is missing, damaged or foreign, or was trained under another config.
    """
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no dict)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: is not a readable safetensors file ({error})") from None
    if (metadata.get("format"), metadata.get("version")) != (FORMAT, str(VERSION)):
        raise UserError(f"{path}: is not a predictor file of version {VERSION}")
    try:
        stored: Any = TypeAdapter(Model).validate_json(metadata["config"])
        # Of untrained models, which have no ``training_fingerprint``, there are no files.
        if config is not None and stored.training_fingerprint() != config.training_fingerprint():  # type: ignore[attr-defined]
            raise UserError(f"{path}: was trained under another config; train the model again")
        predictor = build(config or stored, int(metadata["size"]), int(metadata["channels"]))
        for critic in predictor.critics:
            delattr(predictor, critic)
        predictor.load_state_dict(tensors)
    except (ValidationError, KeyError, ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"{path}: does not hold what its metadata say ({first_line})") from None
    return predictor.eval()


def open_trained(config: TrainedModelConfig, source: ForecastSource) -> VideoPredictor:
    """Return the trained model in ``source.predictor``, which must fit the videos.

    Raises:
        UserError: There is no predictor, or it was trained under another config, or for other
            frames.
    """
    path = predictor_of(source)
    return fitting(load(path, config), path, source)


def predictor_of(source: ForecastSource) -> Path:
    """Return the predictor file of ``source``.

    Raises:
        UserError: There is none.
    """
    if source.predictor is None:
        raise UserError(f"model '{source.name}' is trained; give its --predictor")
    return source.predictor


def fitting(model: VideoPredictor, path: Path, source: ForecastSource) -> VideoPredictor:
    """Return ``model``, read from ``path``, if it forecasts frames like those of the videos.

    Raises:
        UserError: Their size or channels differ.
    """
    size, _, channels = source.videos.frame_shape
    if (model.size, model.channels) != (size, channels):
        raise UserError(
            f"{path}: forecasts {model.size} pixels and {model.channels} channels, but "
            f"{source.videos.path} has {size} and {channels}"
        )
    return model


def provenance(path: Path) -> dict[str, Any]:
    """How the model in a predictor file was trained."""
    with safe_open(path, "pt") as file:
        return json.loads((file.metadata() or {}).get("provenance", "{}"))


def parameters(predictor: torch.nn.Module) -> int:
    """How many numbers are learned."""
    return sum(parameter.numel() for parameter in predictor.parameters())


def content_digest(path: Path) -> str:
    """Return the SHA-256 of what a predictor file holds, in hexadecimal digits.

    Not of its bytes: safetensors writes the metadata in an order that differs from process to
    process, so that two equal predictors have different files.

    Args:
        path: a predictor file that :func:`load` accepts.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        digest.update(json.dumps(header, sort_keys=True).encode())
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
