"""I3D's features of clips, kept so that scoring again does not compute them again."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file
from torch import nn

from rvd.files import atomic_write
from rvd.metrics.functional.frechet import features
from rvd.metrics.networks.i3d import load_i3d
from rvd.metrics.networks.weights import checksum


class CachedFeatures:
    """Features of clips by what is in the clips: equal clips share them, whoever forecast them.

    Every scoring adds at most one file to the folder, so that several may run at once.

    Args:
        weights: I3D's.
        folder: of the kept features; None keeps none.

    Raises:
        UserError: the weights are missing or something else.
    """

    def __init__(self, weights: Path, folder: Path | None) -> None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network: nn.Module = load_i3d(weights, device)
        self.folder = folder
        self.identity = checksum(weights)
        self.known: dict[str, NDArray[np.float32]] = {}
        self.new: dict[str, NDArray[np.float32]] = {}
        for path in sorted(folder.glob("*.safetensors")) if folder else []:
            try:
                self.known |= load_file(path)
            except SafetensorError:
                path.unlink()  # of a disk that was full, say; what it held is computed again

    def of(self, clips: NDArray, white: float) -> NDArray[np.float32]:
        """(clip, 400) features of (clip, frame, height, width, channel) from 0 to ``white``."""
        keys = [self._key(clip) for clip in clips]
        missing = [
            place
            for place, key in enumerate(keys)
            if key not in self.known and key not in keys[:place]
        ]
        if missing:
            frames = np.moveaxis(clips[missing], -1, 2).astype(np.float32) / white
            for place, row in zip(
                missing, features(self.network, torch.from_numpy(frames)), strict=True
            ):
                self.known[keys[place]] = self.new[keys[place]] = row
        return np.stack([self.known[key] for key in keys])

    def keep(self) -> None:
        """Write what was computed."""
        if not (self.new and self.folder):
            return
        name = hashlib.sha256("".join(sorted(self.new)).encode()).hexdigest()[:16]
        with atomic_write(self.folder / f"{name}.safetensors") as partial:
            save_file(self.new, partial)
        self.new = {}

    def _key(self, clip: NDArray) -> str:
        about = f"{self.identity} {clip.dtype} {clip.shape}".encode()
        return hashlib.sha256(about + np.ascontiguousarray(clip).tobytes()).hexdigest()
