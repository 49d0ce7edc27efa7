"""From the names of metrics in the config to metrics, or to the reasons why they cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from lbm.config import VortexStreetConfig
from rvd.datasets.simulation.config import SimulationConfig
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.experiment.experiment import ExperimentConfig
from rvd.metrics.base import (
    GREY_LEVELS,
    ByFrame,
    Clip,
    Metric,
    Missing,
    SpreadSkill,
    Values,
    of_members,
)
from rvd.metrics.flow import SHORTEST_RECORD, StrouhalError, enstrophy_error, spectrum_error
from rvd.metrics.functional.crps import fair_crps
from rvd.metrics.functional.frechet import PROTOCOLS, FvdProtocol
from rvd.metrics.functional.image_quality import psnr, ssim
from rvd.metrics.functional.lpips import SMALLEST, load_lpips, perceptual_distance
from rvd.metrics.fvd import VideoDistances
from rvd.metrics.networks.features import CachedFeatures
from rvd.metrics.networks.weights import LpipsNet


@dataclass(frozen=True)
class ScoreSettings:
    """What is scored, and with what.

    Attributes:
        metrics: names, as ``evaluation.metrics`` of the config.
        weights: the folder that ``rvd fetch-weights`` filled.
        lpips_network: beneath LPIPS.
        fvd_protocols: of :data:`rvd.metrics.functional.frechet.PROTOCOLS`.
        features: folder where I3D's features are kept; None keeps none.
        flow: of the simulated data, for its Strouhal number.
    """

    metrics: tuple[str, ...]
    weights: Path = Path("data/weights")
    lpips_network: LpipsNet = "alex"
    fvd_protocols: tuple[str, ...] = ("paper",)
    features: Path | None = None
    flow: VortexStreetConfig | None = None


def settings_for(
    experiment: ExperimentConfig, file: EnsembleFile, features: Path | None
) -> ScoreSettings:
    """What ``experiment`` wants of an ensemble file.

    Raises:
        UserError: the file is of another dataset, or of other context or future frames.
    """
    evaluation, name = experiment.evaluation, file.info.dataset
    if name not in experiment.datasets:
        known = ", ".join(sorted(experiment.datasets))
        raise UserError(f"{file.path}: is of the dataset '{name}'; the config has {known}")
    dataset = experiment.datasets[name]
    found, wanted = (file.shape.context, file.shape.horizon), (evaluation.context, dataset.horizon)
    if found != wanted:
        raise UserError(
            f"{file.path}: has {found[0]} context and {found[1]} future frames, but the config "
            f"has {wanted[0]} and {wanted[1]} for '{name}'"
        )
    return ScoreSettings(
        evaluation.metrics,
        Path(experiment.root) / evaluation.weights,
        evaluation.lpips_network,
        evaluation.fvd_protocols,
        features,
        dataset.flow if isinstance(dataset, SimulationConfig) else None,
    )


def metrics_for(settings: ScoreSettings, file: EnsembleFile) -> Iterator[Metric]:
    """The metrics that ``settings`` name, in their order, ready for the clips of ``file``."""
    makers: dict[str, Callable[[], Iterator[Metric]]] = {
        "crps": partial(_crps, file, fair=False),
        "crps_fair": partial(_crps, file, fair=True),
        "psnr": lambda: iter([of_members("psnr", file.shape, psnr, _largest)]),
        "ssim": lambda: iter([of_members("ssim", file.shape, ssim, _largest)]),
        "lpips": partial(_lpips, file, settings),
        "fvd": partial(_fvd, file, settings),
        "spread_skill": partial(_spread_skill, file),
        "enstrophy": partial(_flow, "enstrophy", file, settings),
        "spectrum": partial(_flow, "spectrum", file, settings),
        "strouhal": partial(_flow, "strouhal", file, settings),
    }
    for name in settings.metrics:
        yield from makers[name]()


def _largest(values: torch.Tensor) -> torch.Tensor:
    return values.amax(0)


def _smallest(values: torch.Tensor) -> torch.Tensor:
    return values.amin(0)


def _crps(file: EnsembleFile, fair: bool) -> Iterator[Metric]:
    name, kind = ("crps_fair", "fair") if fair else ("crps", "biased")
    if fair and file.shape.ensemble < 2:
        yield Missing(name, "needs two members, there is one", file.shape)
        return
    words = f"{kind} ensemble estimator per pixel on the 0-255 scale, mean over pixels and clips"

    def values(clip: Clip) -> list[Values]:
        if not fair:
            return [clip.crps.mean((1, 2, 3))]
        maps = fair_crps(clip.samples, clip.truth)
        return [maps.mean((1, 2, 3)) * GREY_LEVELS / clip.white]

    yield ByFrame({name: words}, file.shape, values)


def _lpips(file: EnsembleFile, settings: ScoreSettings) -> Iterator[Metric]:
    net, shape = settings.lpips_network, file.shape
    smallest = min(shape.frame[:2])
    if smallest < SMALLEST[net]:
        note = f"the network '{net}' needs {SMALLEST[net]} pixels, a frame has {smallest}"
        yield Missing("lpips", note, shape)
        return
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        network = load_lpips(settings.weights / f"lpips-{net}.safetensors", net, device)
    except UserError as error:
        yield Missing("lpips", str(error), shape)
        return
    about = f"v0.1, {net}, frames as they are; "
    score = partial(perceptual_distance, network)
    yield of_members("lpips", shape, score, _smallest, about)


def _fvd(file: EnsembleFile, settings: ScoreSettings) -> Iterator[Metric]:
    possible: list[FvdProtocol] = []
    shape = file.shape
    for name, protocol in PROTOCOLS.items():
        if name.partition(",")[0] not in settings.fvd_protocols:
            continue
        if problem := protocol.problem(shape.clips, shape.context, shape.horizon):
            yield Missing(protocol.name, problem, shape)
        else:
            possible.append(protocol)
    if not possible:
        return
    try:
        features = CachedFeatures(settings.weights / "i3d.safetensors", settings.features)
    except UserError as error:
        for protocol in possible:
            yield Missing(protocol.name, str(error), shape)
        return
    yield VideoDistances(possible, shape, features)


def _spread_skill(file: EnsembleFile) -> Iterator[Metric]:
    if file.shape.ensemble < 2:
        yield Missing("spread_skill", "one member has no spread", file.shape)
    else:
        yield SpreadSkill(file.shape)


def _flow(name: str, file: EnsembleFile, settings: ScoreSettings) -> Iterator[Metric]:
    shape, flow = file.shape, settings.flow
    if not file.info.video.signed:
        yield Missing(name, "is of vorticity; these frames are not signed", shape)
    elif name == "enstrophy":
        yield enstrophy_error(shape)
    elif name == "spectrum":
        yield spectrum_error(shape)
    elif flow is None:
        yield Missing(name, "the config describes no simulated flow", shape)
    elif shape.horizon < SHORTEST_RECORD:
        note = f"needs {SHORTEST_RECORD} future frames, there are {shape.horizon}"
        yield Missing(name, note, shape)
    else:
        yield StrouhalError(shape, flow.diameter, flow.velocity * flow.interval)
