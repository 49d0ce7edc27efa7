"""Each GAN learns eight clips of a flow, with a CRPS far below persistence's.

The critics are trained too, but at this budget the reconstruction loss dominates.
"""

import subprocess
import sys

import numpy as np
import pytest
import torch

from lbm.analysis import pictures
from lbm.config import VortexStreetConfig
from lbm.runs.run_file import open_run
from rvd.metrics.functional.crps import crps
from rvd.models.noise import seeded_noise
from tests.models.tiny_models import built, section

SIZE, CLIPS, KNOWN, FUTURE = 32, 8, 4, 4
STREET = VortexStreetConfig(
    width=64, height=32, diameter=5, center=10, reynolds=150, warmup=3000, interval=20, frames=70
)
CYCLE = {
    "kind": "retrospective-cycle-gan",
    "width": 8,
    "residual_blocks": 1,
    "critic_widths": [8, 16],
}
DUAL = {
    "kind": "dvd-gan",
    "width": 3,
    "latent": 8,
    "multipliers": [8, 6, 4, 2],
    "recurrent_multipliers": [1],
    "recurrent_kernels": [3],
    "judged_frames": 2,
    "reconstruction": 100.0,
}
GROWING = {
    "kind": "future-gan",
    "levels": {
        4: {"width": 48, "batch": 8, "fading": 0, "stable": 10},
        8: {"width": 32, "batch": 8, "fading": 10, "stable": 10},
        16: {"width": 24, "batch": 8, "fading": 10, "stable": 20},
        32: {"width": 8, "batch": 8, "fading": 10, "stable": 1},
    },
    "reconstruction": 300.0,
    "transition_rate": 1.0,
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """(8, 8, 1, 32, 32) in [0, 1]."""
    path = tmp_path_factory.mktemp("flow") / "run.h5"
    command = [sys.executable, "-m", "lbm", "simulate", str(path), *STREET.flags()]
    subprocess.run(command, check=True, capture_output=True)
    with open_run(path) as run:
        frames = pictures(run, (8, 8 + SIZE), 1)
    frames = np.clip(frames / np.quantile(np.abs(frames), 0.99), -1, 1)
    starts = range(0, CLIPS * 8, 8)
    video = np.stack([frames[start : start + KNOWN + FUTURE] for start in starts])
    return torch.from_numpy(video[:, :, None]).float() / 2 + 0.5


@pytest.mark.long
@pytest.mark.parametrize(
    ("values", "future", "steps", "rate", "critic_every", "part"),
    [
        (CYCLE, 1, 150, 3e-3, 1, 0.5),
        (DUAL, 4, 150, 3e-3, 3, 0.5),
        (GROWING, 4, 250, 4e-2, 4, 0.7),
    ],
    ids=["cycle", "dual", "growing"],
)
def test_eight_clips_are_learnt(clips, values, future, steps, rate, critic_every, part):
    config = section(values, SIZE, future=future, steps=steps)
    model = built(config, SIZE)
    optimisers = {
        name: torch.optim.Adam(player.parameters(), rate, (0.5, 0.99))
        for name, player in model.players.items()
    }
    for step in range(steps):
        model.begin_step(step)
        for name, optimiser in optimisers.items():
            if name != "generator" and step % critic_every:
                continue
            slower = 1 if name == "generator" else 0.1
            for group in optimiser.param_groups:
                group["lr"] = slower * rate * min(1, 2 * (1 - step / steps))
            for other, player in model.players.items():
                player.requires_grad_(other == name)
            offset = step % (KNOWN + FUTURE - KNOWN - future + 1)
            loss = model(clips[:, offset : offset + KNOWN + future], name)["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    truth = clips[:, KNOWN:].numpy()
    forecast = model.eval().predict(clips[:, :KNOWN], FUTURE, 4, seeded_noise(range(CLIPS))).numpy()
    still = np.repeat(clips[:, None, KNOWN - 1 : KNOWN].numpy(), FUTURE, 2)
    error, reference = (crps(f.swapaxes(0, 1), truth).mean() for f in (forecast, still))
    print(f"CRPS {255 * error:.2f}, of persistence {255 * reference:.2f}")
    assert error < part * reference
