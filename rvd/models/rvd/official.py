"""Reading the authors' published checkpoints: their names and shapes, translated into ours.

Their recurrent and conditioned layers convolve concatenations, where ours keep the two halves apart
(the convolution of a concatenation is a sum of two), so some of their tensors are cut in two here.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rvd.errors import UserError
from rvd.models.rvd.config import RvdConfig, RvdNetworkConfig
from rvd.models.rvd.model import ResidualVideoDiffusion

# Buffers of the schedule, which follows from the number of steps.
_BUFFERS = re.compile(r"^(betas|alphas_|sqrt_|log_one_minus|posterior_)")

_MODULES = {
    "denoise_fn": (
        (r"^time_mlp\.1\.", "embedding.layers.0."),
        (r"^time_mlp\.3\.", "embedding.layers.2."),
        (r"^downs\.(\d+)\.0\.", r"down_first.\1."),
        (r"^downs\.(\d+)\.1\.", r"down_second.\1."),
        (r"^downs\.(\d+)\.2\.", r"down_attention.\1."),
        (r"^downs\.(\d+)\.3\.conv\.", r"halvings.\1."),
        (r"^mid_block1\.", "middle_first."),
        (r"^mid_attn\.", "middle_attention."),
        (r"^mid_block2\.", "middle_second."),
        (r"^ups\.(\d+)\.0\.", r"up_first.\1."),
        (r"^ups\.(\d+)\.1\.", r"up_second.\1."),
        (r"^ups\.(\d+)\.2\.", r"up_attention.\1."),
        (r"^ups\.(\d+)\.3\.conv\.", r"doublings.\1."),
        (r"^final_conv\.0\.block\.", "output.0."),
        (r"^final_conv\.1\.", "output.1."),
    ),
    "history_fn": (
        (r"^downs\.(\d+)\.0\.", r"blocks.\1."),
        (r"^downs\.(\d+)\.1\.", r"recurrences.\1."),
        (r"^downs\.(\d+)\.2\.conv\.", r"halvings.\1."),
    ),
    "transform_fn": (
        (r"^downs\.(\d+)\.0\.", r"down.blocks.\1."),
        (r"^downs\.(\d+)\.1\.", r"down.recurrences.\1."),
        (r"^downs\.(\d+)\.2\.conv\.", r"down.halvings.\1."),
        (r"^ups\.(\d+)\.0\.", r"blocks.\1."),
        (r"^ups\.(\d+)\.1\.conv\.", r"doublings.\1."),
        (r"^mu\.", "output."),
    ),
}
_NETWORKS = {
    "denoise_fn": "denoiser",
    "history_fn": "context_encoder",
    "transform_fn": "next_frame",
}
_LAYERS = (
    (r"(down_second\.\d+)\.block1\.block\.0\.", r"\1.first."),
    (r"(down_second\.\d+)\.block1\.block\.1\.", r"\1.norm."),
    (r"block1\.block\.", "first."),
    (r"block2\.block\.", "second."),
    (r"mlp\.1\.", "step.linear."),
    (r"res_conv\.", "shortcut."),
    (r"fn\.fn\.to_qkv\.", "queries_keys_values."),
    (r"fn\.fn\.to_out\.", "output."),
    (r"fn\.norm\.g$", "norm.gain"),
    (r"fn\.norm\.b$", "norm.bias"),
)


def from_official(official: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The authors' tensors by our names (of :class:`ResidualVideoDiffusion`); buffers are dropped.

    Raises:
        UserError: a tensor has a name that theirs do not have.
    """
    ours: dict[str, Tensor] = {}
    recurrent: dict[str, Tensor] = {}
    for name, tensor in official.items():
        if _BUFFERS.match(name):
            continue
        translated = _translate(name)
        if ".conv_" in translated:
            recurrent[translated] = tensor
        elif re.search(r"down_second\.\d+\.(first|shortcut)\.weight$", translated):
            half = len(tensor)
            ours[translated] = tensor[:, :half]
            ours[translated.replace(".weight", "_context.weight")] = tensor[:, half:]
        else:
            ours[translated] = tensor.flatten() if ".norm." in translated else tensor
    ours.update(_recurrences(recurrent))
    return ours


def _translate(name: str) -> str:
    network, _, rest = name.partition(".")
    for pattern, ours in _MODULES.get(network, ()):
        translated, matches = re.subn(pattern, ours, rest)
        if matches:
            for layer, our_layer in _LAYERS:
                translated, found = re.subn(layer, our_layer, translated)
                if found:
                    break
            return f"{_NETWORKS[network]}.{translated}"
    raise UserError(f"'{name}' is not a name of the authors' checkpoints")


def _recurrences(tensors: Mapping[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    """Gates and candidate, of (input, state) concatenated, as convolutions of each."""
    for prefix in {name.partition(".conv_")[0] for name in tensors}:
        gates = tensors[f"{prefix}.conv_gates.0.weight"]
        candidate = tensors[f"{prefix}.conv_cans.0.weight"]
        inputs = candidate.shape[1] - len(candidate)
        yield f"{prefix}.of_input.weight", torch.cat([gates[:, :inputs], candidate[:, :inputs]])
        yield f"{prefix}.gates_of_state.weight", gates[:, inputs:]
        yield f"{prefix}.candidate_of_state.weight", candidate[:, inputs:]
        biases = [tensors[f"{prefix}.conv_{part}.0.bias"] for part in ("gates", "cans")]
        yield f"{prefix}.of_input.bias", torch.cat(biases)


def import_official(
    path: Path, *, average: bool = False, size: int | None = None, otherwise: int | None = None
) -> ResidualVideoDiffusion:
    """The model in one of the authors' checkpoint files, with their code's choices (L1, σ = 1).

    Args:
        path: ``{"step": int, "model": tensors, "ema": tensors}``, saved by ``torch.save``.
        average: take the moving average of the weights instead of the weights.
        size: height and width of the frames; None takes that of Table 3 for the width found.
        otherwise: height and width of the frames where Table 3 does not have that width.

    Raises:
        UserError: the file is not such a checkpoint; missing and unknown names are listed.
    """
    tensors = _read(path, "ema" if average else "model")
    try:
        config, channels = _config(path, tensors, size, otherwise)
        model = ResidualVideoDiffusion(config, next(iter(config.networks)), channels)
        outcome = model.load_state_dict(from_official(tensors), strict=False)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        # A shape or a part of a name that theirs do not have.
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
