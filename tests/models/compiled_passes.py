"""Compares compiled training passes and forecasts with those of the plain models.

Run as a program, since the checks of shapes that tests install cannot be traced. Its arguments are
``<case>=<backend>``, with a name of :data:`CASES` and a backend of :func:`torch.compile`. It prints
one line of JSON per case: its name, its processor time in seconds, and the largest relative
difference or the error.
"""

from __future__ import annotations

import copy
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial

import torch
from torch import Tensor
from torch.nn.utils.parametrize import is_parametrized, remove_parametrizations

from rvd.models.base import VideoPredictor
from rvd.models.noise import seeded_noise
from tests.models.tiny_models import TINY, TRACED


def training_pass(model: VideoPredictor, player: str, video: Tensor) -> Tensor:
    """Return a player's losses and gradients."""
    for name, module in model.players.items():
        module.requires_grad_(name == player)
    model.zero_grad()
    torch.manual_seed(0)
    losses = model(video, player)
    losses["loss"].backward()
    slopes = [p.grad.flatten() for p in model.players[player].parameters() if p.grad is not None]
    return torch.cat([*(value.detach().view(1) for value in losses.values()), *slopes])


def differences(plain: VideoPredictor, players: Iterable[str], backend: str) -> Iterator[float]:
    """Yield the difference of the training pass of each player."""
    compiled, settings = copy.deepcopy(plain), plain.config.training
    frames = settings.context + settings.future
    video = torch.rand(2, frames, plain.channels, plain.size, plain.size)
    for module in compiled.compiled_in_training:
        module.compile(fullgraph=True, backend=backend)
    for player in players:
        one, other = (training_pass(model, player, video) for model in (plain, compiled))
        yield float((one - other).abs().max() / one.abs().max())


def training(kind: str, backend: str) -> Iterator[float]:
    """Yield the differences of a model's training passes."""
    model = TRACED[kind].model()
    yield from differences(model, model.players, backend)


def pass_of_dvd_gan(player: str, backend: str, plain: bool = False) -> Iterator[float]:
    """Yield the difference of one player's pass; the critics' uses the generator too.

    ``plain``: without spectral normalisation, whose trace is most of the time.
    """
    model = TRACED["dvd-gan"].model()
    if plain:
        for layer in list(model.modules()):
            if is_parametrized(layer, "weight"):
                remove_parametrizations(layer, "weight")
    yield from differences(model, [player], backend)


def forecast(backend: str) -> Iterator[float]:
    """Yield the difference of a forecast, whose steps all use one graph."""
    plain = TINY["rvd"].model().eval()
    compiled = copy.deepcopy(plain)
    (module,) = compiled.inner
    module.compile(fullgraph=True, backend=backend)
    context = torch.rand(2, 2, 1, plain.size, plain.size)
    one, other = (m.predict(context, 2, 2, seeded_noise([0, 1])) for m in (plain, compiled))
    yield float((one - other).abs().max())


def blending(_: str) -> Iterator[float]:
    """Yield the differences of a growing generator; more than two graphs are an error."""
    generator, graphs = TINY["future-gan"].model().generator, []

    def counting(graph: Callable[..., object], inputs: object) -> Callable[..., object]:
        graphs.append(graph)
        return graph

    compiled = torch.compile(generator, fullgraph=True, backend=counting)
    clip = torch.rand(1, 1, 4, 8, 8)
    for alpha in (0.1, 0.2, 0.3, 0.4, 0.5):
        yield float((compiled(clip, alpha) - generator(clip, alpha)).detach().abs().max())
    # One for a number that is always the same, and one for a number that varies.
    assert len(graphs) == 2, f"{len(graphs)} graphs"


CASES: dict[str, Callable[[str], Iterator[float]]] = {
    **{f"training {kind}": partial(training, kind) for kind in TINY},
    "critics of dvd-gan": partial(pass_of_dvd_gan, "critics"),
    "plain generator of dvd-gan": partial(pass_of_dvd_gan, "generator", plain=True),
    "forecast": forecast,
    "blending": blending,
}


def main() -> None:
    """Print the cases that are named."""
    for argument in sys.argv[1:]:
        name, _, backend = argument.partition("=")
        torch._dynamo.reset()
        found: dict[str, object] = {"case": name}
        start = time.process_time()
        try:
            found["difference"] = max(CASES[name](backend))
        except Exception as error:
            found["error"] = f"{type(error).__name__}: {error}"
        found["seconds"] = time.process_time() - start
        json.dump(found, sys.stdout)
        print(flush=True)


if __name__ == "__main__":
    main()
