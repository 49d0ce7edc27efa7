"""Import of the authors' published checkpoints."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.models.rvd.config import RvdConfig, RvdNetworkConfig
from rvd.models.rvd.model import ResidualVideoDiffusion
from rvd.models.rvd.official_names import from_official


def import_official(
    path: Path, *, average: bool = False, size: int | None = None, otherwise: int | None = None
) -> ResidualVideoDiffusion:
    """Return the model in an official checkpoint, with the objective of their code (L1, σ = 1).

    Args:
        path: File by ``torch.save`` with ``{"step": int, "model": tensors, "ema": tensors}``.
        average: Choice of the moving average of the weights instead of the weights.
        size: Height and width of the frames; None takes that of Table 3 for the width found.
        otherwise: Height and width of the frames where Table 3 does not have that width.

    Raises:
        UserError: The file is not such a checkpoint; missing and unknown names are listed.
    """
    tensors = _read(path, "ema" if average else "model")
    try:
        config, channels = _config(path, tensors, size, otherwise)
        model = ResidualVideoDiffusion(config, next(iter(config.networks)), channels)
        outcome = model.load_state_dict(from_official(tensors), strict=False)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        # A shape, or part of a name, that the authors' network does not have.
        said = str(error).splitlines()[-1].strip() if str(error) else type(error).__name__
        raise UserError(f"{path}: is not a checkpoint of the authors' network ({said})") from None
    if outcome.missing_keys or outcome.unexpected_keys:
        raise UserError(
            f"{path}: does not fit; missing: {', '.join(outcome.missing_keys) or 'none'}; "
            f"unknown: {', '.join(outcome.unexpected_keys) or 'none'}"
        )
    return model


def _read(path: Path, part: str) -> Mapping[str, Tensor]:
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: is not a safe PyTorch checkpoint ({first_line})") from None
    if not isinstance(content, dict) or part not in content:
        raise UserError(f"{path}: has no entry '{part}', as the authors' checkpoints have")
    tensors = content[part]
    if not isinstance(tensors, dict) or not all(isinstance(t, Tensor) for t in tensors.values()):
        raise UserError(f"{path}: its entry '{part}' does not hold tensors by name")
    return tensors


def _config(
    path: Path, tensors: Mapping[str, Tensor], size: int | None, otherwise: int | None
) -> tuple[RvdConfig, int]:
    try:
        channels = tensors["denoise_fn.downs.0.0.block1.block.0.weight"].shape[1]
        width = tensors["denoise_fn.time_mlp.1.weight"].shape[1]
        steps = len(tensors["betas"])
    except KeyError as error:
        raise UserError(f"{path}: has no {error}, as the authors' checkpoints have") from None
    size = size or {48: 64, 64: 128}.get(width, otherwise)
    if size is None:
        raise UserError(f"{path}: width {width} is not in Table 3; give the frames' --size")
    residual = any(name.startswith("transform_fn.") for name in tensors)
    network = RvdNetworkConfig(
        width=width,
        denoiser_multipliers=_multipliers(tensors, "denoise_fn", width),
        transform_multipliers=_multipliers(tensors, "transform_fn", width) if residual else (1, 1),
    )
    config = RvdConfig.model_validate(
        {
            "kind": "rvd",
            "residual": residual,
            "networks": {size: network},
            "diffusion_steps": steps,
            "objective": "official",
            "training": {
                "context": 2,
                "future": 6,
                "steps": 1_000_000,
                "batch": {size: 1},
                "learning_rate": {"initial": 5e-5},
            },
        }
    )
    return config, channels


def _multipliers(tensors: Mapping[str, Tensor], network: str, width: int) -> tuple[int, ...]:
    pattern = re.compile(rf"^{network}\.downs\.(\d+)\.0\.block1\.block\.0\.weight$")
    levels = {int(m[1]): len(tensors[name]) for name in tensors if (m := pattern.match(name))}
    return tuple(levels[level] // width for level in sorted(levels))
