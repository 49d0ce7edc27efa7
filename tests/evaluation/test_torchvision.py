"""torchvision next to a torch for which it was not compiled."""

import subprocess
import sys

import pytest

# What happens next to a torch without CUDA: the compiled part cannot be loaded.
SCRIPT = """
import torch
def load_library(path):
    raise OSError("libtorch_cuda.so: cannot open shared object file")
torch.ops.load_library = load_library
from {module} import {name}
import torchvision
assert not torchvision.extension._has_ops()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("rvd.metrics.functional.image_quality", "ssim"),
        ("rvd.metrics.networks.lpips", "load_lpips"),
    ],
)
def test_scores_need_none_of_its_compiled_operators(module, name):
    script = SCRIPT.format(module=module, name=name)
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
