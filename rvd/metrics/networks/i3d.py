"""I3D (Carreira and Zisserman, 2017): the network whose logits FVD compares.

The RGB network trained on Kinetics-400 from scratch, as the original FVD uses it. Layers have the
names of the authors' code. Weights come from :mod:`rvd.metrics.networks.i3d_weights`.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

SIZE = 224
CLASSES = 400
# With fewer frames, three halvings of time leave less than the last pooling's two instants.
SHORTEST = 9

Shape = tuple[int, int, int]

# Output channels: branch 0; branch 1, reduced and 3×3×3; branch 2, the same; branch 3.
MIXED = {
    "Mixed_3b": (192, (64, 96, 128, 16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192, 32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208, 16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224, 24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256, 24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288, 32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320, 32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320, 32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384, 48, 128, 128)),
}


def same_padding(shape: Shape, kernel: Shape, stride: Shape) -> list[int]:
    """Return TensorFlow's SAME padding: (before, after) for width, height, depth, for ``F.pad``.

    The output has ⌈size/stride⌉ places; the larger half of an odd total comes after.
    """
    pads: list[int] = []
    for size, width, step in zip(reversed(shape), reversed(kernel), reversed(stride), strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        pads += [total // 2, total - total // 2]
    return pads


def _shape(x: Tensor) -> Shape:
    return x.shape[-3], x.shape[-2], x.shape[-1]


class Unit(nn.Conv3d):
    """A convolution with SAME padding and ReLU; the batch normalisation is in its weights."""

    def __init__(self, channels: int, out: int, width: int = 1, stride: int = 1) -> None:
        super().__init__(channels, out, width, stride)
        self.width, self.step = (width,) * 3, (stride,) * 3

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution and ReLU, (clip, channel, depth, height, width)."""
        return F.relu_(self.linear(x))

    def linear(self, x: Tensor) -> Tensor:
        """Return the convolution alone."""
        if self.width == (1, 1, 1):
            # A product of matrices, which with channels last copies nothing.
            product = F.linear(x.movedim(1, -1), self.weight.flatten(1), self.bias)
            return product.movedim(-1, 1)
        pads = same_padding(_shape(x), self.width, self.step)
        if len(set(pads)) == 1:
            return F.conv3d(x, self.weight, self.bias, self.step, pads[0])
        return F.conv3d(F.pad(x, pads), self.weight, self.bias, self.step)


def pool(x: Tensor, kernel: Shape, stride: Shape) -> Tensor:
    """Return the maximum over ``kernel`` with SAME padding.

    For these kernels SAME pads as much after as before, or one more, which is what ``ceil_mode``
    does without a padded copy.
    """
    width, height, depth = same_padding(_shape(x), kernel, stride)[::2]
    return F.max_pool3d(x, kernel, stride, (depth, height, width), ceil_mode=True)


def pool_neighbours(x: Tensor) -> Tensor:
    """Return :func:`pool` with a 3 × 3 × 3 kernel and stride 1, one dimension after the other.

    That takes 6 comparisons per place instead of 26.
    """
    for axis in (2, 3, 4):
        last = x.shape[axis] - 1
        if last:
            pairs = torch.maximum(x.narrow(axis, 0, last), x.narrow(axis, 1, last))
            x = torch.empty_like(x)
            x.narrow(axis, 0, 1).copy_(pairs.narrow(axis, 0, 1))
            x.narrow(axis, last, 1).copy_(pairs.narrow(axis, last - 1, 1))
            earlier, later = pairs.narrow(axis, 0, last - 1), pairs.narrow(axis, 1, last - 1)
            torch.maximum(earlier, later, out=x.narrow(axis, 1, last - 1))
    return x


def _units(*sizes: tuple[str, int, int, int]) -> nn.ModuleDict:
    return nn.ModuleDict({name: Unit(channels, out, width) for name, channels, out, width in sizes})


class Mixed(nn.Module):
    """An Inception module: four parallel branches."""

    def __init__(self, channels: int, out: tuple[int, ...]) -> None:
        super().__init__()
        first, second, third = "Conv3d_0a_1x1", "Conv3d_0b_3x3", "Conv3d_0b_1x1"
        self.Branch_0 = _units((first, channels, out[0], 1))
        self.Branch_1 = _units((first, channels, out[1], 1), (second, out[1], out[2], 3))
        self.Branch_2 = _units((first, channels, out[3], 1), (second, out[3], out[4], 3))
        self.Branch_3 = _units((third, channels, out[5], 1))

    def forward(self, x: Tensor) -> Tensor:
        """Return the branches' channels in order, (clip, channel, depth, height, width)."""
        branches = [x, x, x, pool_neighbours(x)]
        for index, name in enumerate(("Branch_0", "Branch_1", "Branch_2", "Branch_3")):
            for unit in getattr(self, name).values():
                branches[index] = unit(branches[index])
        return torch.cat(branches, 1)


class I3D(nn.Module):
    """The network from videos to the logits of 400 kinds of action, averaged over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1 = Unit(64, 64)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        for name, (channels, out) in MIXED.items():
            setattr(self, name, Mixed(channels, out))
        self.Logits = nn.ModuleDict({"Conv3d_0c_1x1": nn.Conv3d(1024, CLASSES, 1)})

    def forward(self, video: Float[Tensor, "clip 3 frame 224 224"]) -> Float[Tensor, "clip 400"]:
        """Return the logits of clips in [−1, 1] that have at least nine frames.

        Raises:
            ValueError: A clip is too short.
        """
        if video.shape[2] < SHORTEST:
            raise ValueError(f"I3D needs {SHORTEST} frames, not {video.shape[2]}")
        # ReLU and the maximum commute: after the pooling there is a quarter of the work. With
        # channels last poolings on a CPU take a fraction of the time.
        x = self.Conv3d_1a_7x7.linear(video)
        x = F.relu_(pool(x, (1, 3, 3), (1, 2, 2)))
        x = self.Conv3d_2c_3x3.linear(self.Conv3d_2b_1x1(x))
        x = F.relu_(pool(x, (1, 3, 3), (1, 2, 2)))
        x = self._mixed(x, "3b", "3c")
        x = self._mixed(pool(x, (3, 3, 3), (2, 2, 2)), "4b", "4c", "4d", "4e", "4f")
        x = self._mixed(pool(x, (2, 2, 2), (2, 2, 2)), "5b", "5c")
        x = self.Logits["Conv3d_0c_1x1"](F.avg_pool3d(x, (2, 7, 7), 1))
        return x.mean((2, 3, 4))

    def _mixed(self, x: Tensor, *names: str) -> Tensor:
        for name in names:
            x = getattr(self, f"Mixed_{name}")(x)
        return x
