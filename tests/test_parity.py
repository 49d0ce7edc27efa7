"""Equality with the authors' network, recorded in float64 (``tests/fixtures/parity``)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from rvd.models.rvd.official import import_official
from rvd.models.rvd.official_names import from_official

FIXTURES = Path(__file__).parent / "fixtures" / "parity"


@pytest.fixture(scope="module")
def recorded():
    with np.load(FIXTURES / "expected.npz") as file:
        return {
            name: file[name] if file[name].dtype.kind == "U" else torch.from_numpy(file[name])
            for name in file.files
        }


@pytest.fixture(scope="module")
def model():
    return import_official(FIXTURES / "official_checkpoint.pt", size=16).double()


@pytest.fixture(scope="module")
def video(recorded):
    """Return the recorded frames clip first, in [0, 1], as the models take them."""
    return (recorded["video"].transpose(0, 1) + 1) / 2


def training_pass(model, video, recorded):
    noise = recorded["noise"].transpose(0, 1)
    return model(video, diffusion_step=recorded["n"], noise=noise)


def assert_close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-6, atol=1e-6)


def test_schedule(model, recorded):
    assert_close(model.schedule.beta, recorded["betas"])


def test_predicted_means(model, video, recorded):
    frames = (video * 2 - 1).transpose(0, 1)
    means = model._means(frames[:-1], known=2).unflatten(0, (6, 2))
    assert_close(means, recorded["mu"])


def test_loss(model, video, recorded):
    assert_close(training_pass(model, video, recorded)["loss"], recorded["loss"])


def test_predicted_noise(model, video, recorded):
    seen = []
    handle = model.denoiser.register_forward_hook(lambda *call: seen.append(call[2]))
    training_pass(model, video, recorded)
    handle.remove()
    assert_close(seen[0].unflatten(0, (6, 2)), recorded["predicted_noise"])


def test_gradient_of_every_parameter(model, video, recorded):
    model.zero_grad()
    training_pass(model, video, recorded)["loss"].backward()
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    # The official tensor of each of our values, by labels that the translation carries along.
    official = torch.load(FIXTURES / "official_checkpoint.pt", weights_only=True)["model"]
    names = list(recorded["grad_names"])
    labels = from_official(
        {name: torch.full_like(official[name], index) for index, name in enumerate(names)}
    )
    assert labels.keys() == gradients.keys()
    squares = torch.zeros(len(names), dtype=torch.float64)
    for name, gradient in gradients.items():
        squares.index_add_(0, labels[name].flatten().long(), gradient.flatten() ** 2)
    assert_close(squares.sqrt(), recorded["grad_norms"])


def test_sampled_frames(model, video, recorded):
    """The recording has noise for the last step too, where its weight is zero; ours has none."""
    context = video[:, :4]
    noises = iter(
        noise
        for prior, steps in zip(recorded["prior"], recorded["z"], strict=True)
        for noise in [prior, *steps[:-1]]
    )
    with torch.no_grad():
        frames = model.roll_out(context, 2, 1, lambda like: next(noises))
    assert next(noises, None) is None
    # The recording has frames before they are clamped to [-1, 1], as which they are fed back.
    assert_close(torch.stack(frames), recorded["sampled"][4:].clamp(-1, 1))
