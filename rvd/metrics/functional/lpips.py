"""LPIPS (Zhang et al., 2018): the distance of images in the layers of a network that sees."""

from __future__ import annotations

import warnings
from pathlib import Path

import lpips
import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rvd.errors import UserError
from rvd.metrics.networks.weights import CONVOLUTIONS, LpipsNet

# Smaller frames do not survive the networks' poolings.
SMALLEST: dict[LpipsNet, int] = {"alex": 31, "vgg": 16}
BATCH = 64  # frames at once


def load_lpips(path: Path, net: LpipsNet = "alex", device: torch.device | str = "cpu") -> nn.Module:
    """LPIPS v0.1 over the network ``net``, whose weights are at ``path``.

    The package ``lpips`` brings its heads; the network's weights, which it would download, come
    from :func:`rvd.metrics.networks.weights.fetch_lpips`.

    Raises:
        UserError: there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise UserError(
            f"{path}: there are no weights; `rvd fetch-weights lpips-{net}` fetches them"
        )
    try:
        tensors = load_file(path)
    except SafetensorError:
        raise UserError(f"{path}: is not a readable safetensors file") from None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of torchvision about how lpips calls it
        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    kinds = ("weight", "bias")
    wanted = {f"features.{place}.{kind}" for place in CONVOLUTIONS[net] for kind in kinds}
    if tensors.keys() != wanted:
        raise UserError(f"{path}: does not hold the weights of '{net}'")
    # `lpips` cuts torchvision's `features` into slices, but keeps each layer's number.
    state = network.state_dict()
    for key in [key for key in state if key.startswith("net.slice")]:
        state[key] = tensors[f"features.{key.split('.', 2)[2]}"]
    network.load_state_dict(state)
    return network.to(device).eval().requires_grad_(False)


@torch.inference_mode()
def perceptual_distance(
    network: nn.Module,
    ensemble: Float[Tensor, "member frame channel height width"],
    truth: Float[Tensor, "frame channel height width"],
) -> Float[Tensor, "member frame"]:
    """LPIPS of every member's frames; smaller is better, 0 for equal frames.

    Grey frames are repeated to RGB.

    Args:
        network: from :func:`load_lpips`.
        ensemble: in [0, 1], grey or colour.
        truth: in [0, 1].
    """
    device = next(network.parameters()).device
    forecast = ensemble.flatten(0, 1).to(device)
    truths = truth.expand_as(ensemble).flatten(0, 1).to(device)
    values = [
        network(_colour(part), _colour(other), normalize=True).flatten()
        for part, other in zip(forecast.split(BATCH), truths.split(BATCH), strict=True)
    ]
    return torch.cat(values).cpu().unflatten(0, ensemble.shape[:2])


def _colour(frames: Tensor) -> Tensor:
    return frames.expand(-1, 3, -1, -1)
