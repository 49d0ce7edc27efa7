"""Predictor files: weights with the config that rebuilds the model."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as serialise
from torch import Tensor

from rvd.config.section import Section
from rvd.config.trained import TrainedModelConfig
from rvd.errors import UserError
from rvd.files import atomic_write, commit, software
from rvd.models.base import VideoPredictor
from rvd.models.entry import ForecastSource
from rvd.models.registry import MODELS, Model, build, package_of
from rvd.plugins import plugin_faults

FORMAT, VERSION = "rvd-predictor", 1


def save(predictor: VideoPredictor, path: Path, provenance: dict[str, Any]) -> None:
    """Write the weights, and the config that rebuilds the model (``docs/data-format.md``).

    Args:
        predictor: The trained model.
        path: Path of the safetensors file.
        provenance: Origin of the weights, kept as JSON.

    Raises:
        UserError: The file cannot be written.
    """
    origin = provenance | {"software": software(), "commit": commit()}
    if package := package_of(predictor.config):
        origin["package"] = package
    metadata = {
        "format": FORMAT,
        "version": str(VERSION),
        "config": predictor.config.model_dump_json(),
        "size": str(predictor.size),
        "channels": str(predictor.channels),
        "provenance": json.dumps(origin, sort_keys=True),
    }
    tensors = {
        name: value.contiguous().cpu()
        for name, value in predictor.state_dict().items()
        if name.split(".")[0] not in predictor.training_only
    }
    with atomic_write(path) as partial:
        partial.write_bytes(serialise(tensors, metadata))


def load(path: Path, config: Section | None = None) -> VideoPredictor:
    """Return the model in a predictor file, ready to forecast.

    Args:
        path: Path of the safetensors file.
        config: The model's current section. The settings that training depends on must equal those
            in the file; the others (such as the sampler) are taken from it. None takes the file's.

    Raises:
        UserError: The file is missing, damaged or foreign, or was trained under another config.
    """
    metadata, tensors = _read(path)
    with _consistent(path):
        stored = _config(metadata)
        if isinstance(config, TrainedModelConfig):
            # The precision that ``auto`` was on the machine of the training.
            config = config.with_precision(stored.training.precision)
        # Untrained models, which have no ``training_fingerprint``, have no files.
        if config is not None and stored.training_fingerprint() != config.training_fingerprint():  # type: ignore[attr-defined]
            raise UserError(f"{path}: was trained under another config; train the model again")
        predictor = build(config or stored, int(metadata["size"]), int(metadata["channels"]))
        for name in predictor.training_only:
            delattr(predictor, name)
        predictor.load_state_dict(tensors)
    return predictor.eval()


def stored_config(path: Path) -> Any:
    """Return the model's section of the config in a predictor file.

    Args:
        path: Path of the safetensors file.

    Raises:
        UserError: The file is missing, damaged or foreign.
    """
    metadata, _ = _read(path, with_tensors=False)
    with _consistent(path):
        return _config(metadata)


def _read(path: Path, *, with_tensors: bool = True) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: is not a readable safetensors file ({error})") from None
    if (metadata.get("format"), metadata.get("version")) != (FORMAT, str(VERSION)):
        raise UserError(f"{path}: is not a predictor file of version {VERSION}")
    _require_kind(path, metadata)
    return metadata, tensors


def _require_kind(path: Path, metadata: Mapping[str, str]) -> None:
    """Refuse a predictor of a kind that no installed package has.

    Raises:
        UserError: There is no such kind; the message names the package that saved the file.
    """
    try:
        kind = json.loads(metadata["config"])["kind"]
        package = json.loads(metadata.get("provenance", "{}")).get("package")
    except (KeyError, TypeError, ValueError, AttributeError):
        return  # reported with what else is wrong with the metadata
    if isinstance(kind, str) and kind not in MODELS:
        what = f"the package '{package}'" if package else "the package that adds this kind"
        words = "; ".join([f"{path}: is of the kind '{kind}'; install {what}", *plugin_faults()])
        raise UserError(words)


def _config(metadata: Mapping[str, str]) -> Any:
    return TypeAdapter(Model).validate_json(metadata["config"])


@contextmanager
def _consistent(path: Path) -> Iterator[None]:
    """Report metadata that are invalid, or that the tensors do not fit, as a ``UserError``."""
    try:
        yield
    except (ValidationError, KeyError, ValueError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise UserError(f"{path}: does not hold what its metadata say ({first_line})") from None


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
    """Return the origin of the weights in a predictor file, as :func:`save` stored it."""
    with safe_open(path, "pt") as file:
        return json.loads((file.metadata() or {}).get("provenance", "{}"))


def parameters(predictor: torch.nn.Module) -> int:
    """Return the number of learned values."""
    return sum(parameter.numel() for parameter in predictor.parameters())


def content_digest(path: Path) -> str:
    """Return the SHA-256 of the content of a predictor file, in hexadecimal digits.

    The commit does not count: a predictor trained again by another commit may be equal.
    The bytes would not do: safetensors writes the metadata in an order that differs between
    processes, so that equal predictors have different files.

    Args:
        path: Predictor file that :func:`load` accepts.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        digest.update(json.dumps(_without_commit(header), sort_keys=True).encode())
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def _without_commit(header: dict[str, Any]) -> dict[str, Any]:
    """Return the header of a safetensors file without the commit in its provenance."""
    metadata = header.get("__metadata__", {})
    try:
        origin = json.loads(metadata["provenance"])
        del origin["commit"]
    except (KeyError, TypeError, ValueError):
        return header  # of an earlier version, or of another program
    text = json.dumps(origin, sort_keys=True)
    return header | {"__metadata__": metadata | {"provenance": text}}
