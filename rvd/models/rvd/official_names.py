"""The names and shapes of the authors' tensors, translated into ours.

Their recurrent and conditioned layers convolve concatenations, where ours have one convolution for
each half (the convolution of a concatenation is a sum of two), so some tensors are split here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from rvd.errors import UserError

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
    """Return the authors' tensors by the names of our model, without buffers.

    Raises:
        UserError: A name is not one of theirs.
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
    """Split gates and candidate over (input, state) concatenated into convolutions of each."""
    for prefix in {name.partition(".conv_")[0] for name in tensors}:
        gates = tensors[f"{prefix}.conv_gates.0.weight"]
        candidate = tensors[f"{prefix}.conv_cans.0.weight"]
        inputs = candidate.shape[1] - len(candidate)
        yield f"{prefix}.of_input.weight", torch.cat([gates[:, :inputs], candidate[:, :inputs]])
        yield f"{prefix}.gates_of_state.weight", gates[:, inputs:]
        yield f"{prefix}.candidate_of_state.weight", candidate[:, inputs:]
        biases = [tensors[f"{prefix}.conv_{part}.0.bias"] for part in ("gates", "cans")]
        yield f"{prefix}.of_input.bias", torch.cat(biases)
