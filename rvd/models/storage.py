"""The table of models, and their files: weights with the config that rebuilds them."""

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

from rvd.config import Model, Section
from rvd.errors import UserError
from rvd.files import software, written_whole
from rvd.models.dvd_gan import DvdGan
from rvd.models.future_gan import FutureGan
from rvd.models.ivrnn import ImprovedVariationalRecurrent
from rvd.models.predictor import VideoPredictor
from rvd.models.retrospective_cycle_gan import RetrospectiveCycleGan
from rvd.models.rvd import ResidualVideoDiffusion
from rvd.models.svg_lp import StochasticVideoGeneration

FORMAT, VERSION = "rvd-predictor", 1

# Every trained kind of model. A new one is a class here and a section in rvd.config.models.
MODELS: dict[str, type[VideoPredictor]] = {
    "rvd": ResidualVideoDiffusion,
    "svg-lp": StochasticVideoGeneration,
    "ivrnn": ImprovedVariationalRecurrent,
    "retrospective-cycle-gan": RetrospectiveCycleGan,
    "dvd-gan": DvdGan,
    "future-gan": FutureGan,
}


def build(config: Any, size: int, channels: int) -> VideoPredictor:
    """The untrained model that ``config`` (a section of the config's models) describes."""
    return MODELS[config.kind](config, size, channels)


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
    with written_whole(path) as partial:
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
        # Of untrained models, which have no ``decisive``, there are no files.
        if config is not None and stored.decisive() != config.decisive():  # type: ignore[attr-defined]
            raise UserError(f"{path}: was trained under another config; train the model again")
        predictor = build(config or stored, int(metadata["size"]), int(metadata["channels"]))
        for critic in predictor.critics:
            delattr(predictor, critic)
        predictor.load_state_dict(tensors)
    except (ValidationError, KeyError, ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"{path}: does not hold what its metadata say ({first_line})") from None
    return predictor.eval()


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
