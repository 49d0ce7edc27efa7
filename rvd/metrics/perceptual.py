"""LPIPS (Zhang et al., 2018): the mean over the ensemble, and the best member."""

from __future__ import annotations

from functools import partial

from rvd.metrics.entry import EvaluationSettings, LpipsNet, MetricEntry, ScoredEnsemble
from rvd.metrics.labels import ScoreLabel
from rvd.metrics.means import FrameMeans, member_means, smallest

# Smallest shorter edge of a frame, in pixels: the poolings leave nothing of smaller frames.
SHORTEST_EDGE: dict[LpipsNet, int] = {"alex": 31, "vgg": 16}


def perceptual_similarity(ensemble: ScoredEnsemble) -> FrameMeans:
    """Return LPIPS by the network of the settings.

    Raises:
        UserError: The network's weights are missing or faulty.
    """
    from rvd.metrics.functional.lpips import perceptual_distance
    from rvd.metrics.networks.lpips import load_lpips
    from rvd.runtime.device import best_device

    net, folder = ensemble.settings.lpips_network, ensemble.settings.weights
    network = load_lpips(folder / f"lpips-{net}.safetensors", net, best_device())
    score = partial(perceptual_distance, network)
    about = f"v0.1, {net}, frames as they are; "
    return member_means("lpips", ensemble.shape, score, smallest, about)


def _why_not(ensemble: ScoredEnsemble) -> str | None:
    net, edge = ensemble.settings.lpips_network, min(ensemble.shape.frame[:2])
    needed = SHORTEST_EDGE[net]
    return (
        f"the network '{net}' needs {needed} pixels, a frame has {edge}" if edge < needed else None
    )


def _networks(settings: EvaluationSettings) -> tuple[str, ...]:
    return (f"lpips-{settings.lpips_network}",)


ENTRIES = (
    MetricEntry(
        name="lpips",
        scores={
            "lpips": ScoreLabel("LPIPS", 3, paper_column=2),
            "lpips_best": ScoreLabel("LPIPS (best)", 3),
        },
        build=perceptual_similarity,
        why_not=_why_not,
        networks=_networks,
        fetchers={
            "lpips-alex": "rvd.metrics.networks.lpips:fetch_alex",
            "lpips-vgg": "rvd.metrics.networks.lpips:fetch_vgg",
        },
    ),
)
