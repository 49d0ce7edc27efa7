"""I3D's features of clips, stored so that scoring again does not compute them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.metrics.networks.i3d import SIZE
from rvd.metrics.networks.i3d_weights import load_i3d
from rvd.metrics.networks.published import checksum
from rvd.metrics.networks.stored_features import load_features, store_features
from rvd.runtime.device import best_device

# Of the code that computes features. Raise it with each change of `preprocess` or of `i3d.py` that
# can change a bit of them: stored features of other versions are not used.
VERSION = 1


class CachedFeatures:
    """Features of clips by the clips' content: equal clips share them, across forecasts and models.

    Each clip passes the network alone, since the network rounds differently in a batch: a clip's
    features do not depend on the clips next to it, nor on which features are already stored. Each
    scoring adds at most one file to the folder, so that several may run at once.

    Args:
        weights: The file of I3D's weights.
        folder: Folder of the stored features; None stores none.

    Raises:
        UserError: The weights are missing or something else.
    """

    def __init__(self, weights: Path, folder: Path | None) -> None:
        device = best_device()
        self.network: nn.Module = load_i3d(weights, device)
        self.folder = folder
        self.identity = f"{VERSION} {checksum(weights)} {_arithmetic(device)}"
        self.known = load_features(folder) if folder else {}
        self.new: dict[str, NDArray[np.float32]] = {}

    def extract(self, clips: NDArray, white: float) -> NDArray[np.float32]:
        """Return (clip, 400) features, computed or looked up.

        Args:
            clips: Clips as stored, (clip, frame, height, width, channel).
            white: Stored value of white.
        """
        return np.stack([self._of_clip(clip, white) for clip in clips])

    def store(self) -> None:
        """Write the features that were computed.

        Raises:
            UserError: The file cannot be written.
        """
        if self.new and self.folder:
            store_features(self.folder, self.new)
            self.new = {}

    def _of_clip(self, clip: NDArray, white: float) -> NDArray[np.float32]:
        key = self._key(clip, white)
        if key not in self.known:
            frames = np.moveaxis(clip, -1, 1).astype(np.float32) / np.float32(white)
            (row,) = logits(self.network, torch.from_numpy(frames)[None])
            self.known[key] = self.new[key] = row
        return self.known[key]

    def _key(self, clip: NDArray, white: float) -> str:
        about = f"{self.identity} {clip.dtype} {clip.shape} {float(white)}".encode()
        return hashlib.sha256(about + np.ascontiguousarray(clip).tobytes()).hexdigest()


def _arithmetic(device: torch.device) -> str:
    """Return what rounding depends on: torch's version, and the GPU or the number of threads."""
    if device.type == "cuda":
        tf32 = " tf32" if torch.backends.cudnn.allow_tf32 else ""
        return f"{torch.__version__} {torch.cuda.get_device_name(device)}{tf32}"
    return f"{torch.__version__} {device.type} {torch.get_num_threads()}"


def preprocess(
    clips: Float[Tensor, "clip frame channel height width"],
) -> Float[Tensor, "clip 3 frame 224 224"]:
    """Return clips in [0, 1], grey or colour, as I3D takes them: resized, RGB, in [−1, 1]."""
    resized = F.interpolate(clips.flatten(0, 1), (SIZE, SIZE), mode="bilinear", align_corners=False)
    colour = resized.expand(-1, 3, -1, -1).unflatten(0, clips.shape[:2])
    return 2 * colour.transpose(1, 2) - 1


@torch.inference_mode()
def logits(
    network: nn.Module, clips: Float[Tensor, "clip frame channel height width"]
) -> Float[np.ndarray, "clip 400"]:
    """Return I3D's logits, float32, of clips in [0, 1] that have at least nine frames."""
    device = next((p.device for p in network.parameters()), torch.device("cpu"))
    return network(preprocess(clips.to(device, torch.float32))).float().cpu().numpy()
