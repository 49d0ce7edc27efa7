"""I3D's features of clips, stored so that scoring again does not compute them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from rvd.files import atomic_write
from rvd.metrics.networks.i3d import SIZE
from rvd.metrics.networks.i3d_weights import load_i3d
from rvd.metrics.networks.published import checksum
from rvd.runtime.device import best_device


class CachedFeatures:
    """Features of clips by the clips' content: equal clips share them, across forecasts and models.

    Each scoring adds at most one file to the folder, so that several may run at once.

    Args:
        weights: The file of I3D's weights.
        folder: Folder of the stored features; None stores none.

    Raises:
        UserError: The weights are missing or something else.
    """

    def __init__(self, weights: Path, folder: Path | None) -> None:
        self.network: nn.Module = load_i3d(weights, best_device())
        self.folder = folder
        self.identity = checksum(weights)
        self.known: dict[str, NDArray[np.float32]] = {}
        self.new: dict[str, NDArray[np.float32]] = {}
        for path in sorted(folder.glob("*.safetensors")) if folder else []:
            try:
                self.known |= load_file(path)
            except SafetensorError:
                path.unlink()  # cut short, as by a full disk; its features are computed again

    def extract(self, clips: NDArray, white: float) -> NDArray[np.float32]:
        """Return (clip, 400) features, computed or looked up.

        Args:
            clips: Clips as stored, (clip, frame, height, width, channel).
            white: Stored value of white.
        """
        keys = [self._key(clip) for clip in clips]
        missing = [
            place
            for place, key in enumerate(keys)
            if key not in self.known and key not in keys[:place]
        ]
        if missing:
            frames = np.moveaxis(clips[missing], -1, 2).astype(np.float32) / white
            for place, row in zip(
                missing, logits(self.network, torch.from_numpy(frames)), strict=True
            ):
                self.known[keys[place]] = self.new[keys[place]] = row
        return np.stack([self.known[key] for key in keys])

    def store(self) -> None:
        """Write the features that were computed."""
        if not (self.new and self.folder):
            return
        name = hashlib.sha256("".join(sorted(self.new)).encode()).hexdigest()[:16]
        with atomic_write(self.folder / f"{name}.safetensors") as partial:
            save_file(self.new, partial)
        self.new = {}

    def _key(self, clip: NDArray) -> str:
        about = f"{self.identity} {clip.dtype} {clip.shape}".encode()
        return hashlib.sha256(about + np.ascontiguousarray(clip).tobytes()).hexdigest()


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
