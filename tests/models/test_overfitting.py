"""The recurrent models can overfit eight clips of a flow."""

import numpy as np
import pytest
import torch

from lbm.analysis import pictures
from lbm.config import VortexStreetConfig
from lbm.runs.run_file import open_run
from lbm.vortex_street import simulate
from rvd.metrics.functional.crps import crps
from rvd.models.ivrnn.config import IvrnnConfig
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.models.svg_lp.config import SvgLpConfig
from tests.tiny import moving_squares

KNOWN, FUTURE, CLIPS = 3, 5, 8
TRAINING = {
    "context": KNOWN,
    "future": FUTURE,
    "steps": 1,
    "batch": {16: CLIPS},
    "learning_rate": {"initial": 1e-3},
}
MODELS = {
    "svg-lp": SvgLpConfig(
        kind="svg-lp",
        networks={16: {"widths": [16, 32], "depths": [2, 2]}},
        features=32,
        state_width=32,
        normalisation="group",
        divergence_weight=1e-6,
        training=TRAINING,
    ),
    "ivrnn": IvrnnConfig(
        kind="ivrnn",
        networks={16: {"widths": [16, 32, 32, 64], "latents": {1: 4, 8: 4}}},
        divergence_warmup=100,
        training=TRAINING,
    ),
}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Eight clips (frame, 1, 16, 16) in [0, 1] of a street behind a small circle."""
    street = VortexStreetConfig(
        width=64,
        height=32,
        diameter=5.0,
        center=10.0,
        interval=30,
        warmup=6000,
        reynolds=150.0,
        frames=CLIPS * (KNOWN + FUTURE),
    )
    path = tmp_path_factory.mktemp("flow") / "run.h5"
    simulate(street, path)
    with open_run(path) as run:
        vorticity = torch.from_numpy(pictures(run, (8, 40), 2)).float()
    return (vorticity / vorticity.abs().max() / 2 + 0.5).unflatten(0, (CLIPS, -1))[:, :, None]


def assert_learns(name, clips, steps, rate, part):
    """Assert that the loss falls, and that the CRPS is below a ``part`` of a still picture's."""
    torch.manual_seed(0)
    model = build(MODELS[name], 16, 1)
    optimiser = torch.optim.Adam(model.parameters(), rate)
    losses = []
    for step in range(steps):
        model.begin_step(step)
        found = model(clips)
        optimiser.zero_grad()
        found["loss"].backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0 if name == "svg-lp" else 1e9)
        optimiser.step()
        losses.append(float(found["loss"].detach()))
    future = clips[:, KNOWN:].numpy()
    forecast = model.eval().predict(clips[:, :KNOWN], FUTURE, 4, seeded_noise(range(len(clips))))
    score = crps(forecast.transpose(0, 1).numpy(), future).mean() * 255
    still = abs(clips[:, KNOWN - 1 : KNOWN].numpy() - future).mean() * 255
    print(f"{name}: loss {losses[0]:.4g} → {losses[-1]:.4g}, CRPS {score:.2f}, still {still:.2f}")
    assert losses[-1] < losses[0] / 5
    assert score < part * still


@pytest.mark.long
@pytest.mark.parametrize(("name", "steps"), [("svg-lp", 120), ("ivrnn", 100)])
def test_overfits_eight_clips(name, steps, clips):
    assert_learns(name, clips, steps, 3e-3, 1 / 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_learns_two_clips_of_a_moving_square(name):
    """The quick version of the test above."""
    squares = np.stack([moving_squares(KNOWN + FUTURE, seed=seed) for seed in (0, 1)])
    assert_learns(name, torch.from_numpy(squares).permute(0, 1, 4, 2, 3), 30, 5e-3, 0.7)
