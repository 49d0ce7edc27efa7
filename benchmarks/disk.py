"""Predicted (not measured) disk use of a config, by dataset and kind of file.

Weights are counted on models without values; frames, entries and pictures from the config. Numbers
of frames and sizes of archives that the config does not state are those of ``docs/data.md``. Not
included: HDF5's own structures, scores, tables, figures, logs, features, and damaged checkpoints,
which are renamed and remain until they are removed by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cost import CONFIG
from benchmarks.work import meta_model
from rvd.config.trained import TrainedModelConfig
from rvd.datasets.bair.config import BairConfig
from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.download.config import DownloadedDatasetConfig
from rvd.datasets.kth.config import KthConfig
from rvd.datasets.simulation.config import SimulationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import load_experiment
from rvd.training.checkpoint import KEPT
from rvd.training.validation import CLIPS, HORIZON, MEMBERS
from rvd.video.export import GAP
from rvd.workflow.plan import Plan

FLOAT = 4  # bytes
ADAM = 2  # tensors of a parameter's size
ENTRY = 600  # bytes of an entry, in the journal and the curve together
POINT = 1000  # bytes of an entry in TensorBoard's files
# Bytes of all archives and number of frames, where the config does not state them.
ARCHIVES = {KthConfig: 1.15e9, CityscapesConfig: 324e9}
KTH_FRAMES = 290_000
INSTALLATION = 7e9

KINDS = (
    "downloads",
    "simulated runs",
    "video file",
    "checkpoints",
    "journals and pictures",
    "predictors",
    "forecasts",
    "maps",
)


@dataclass(frozen=True)
class Use:
    """Bytes of one kind of file of a dataset."""

    dataset: str
    kind: str
    size: float


def frames_of(dataset: VideoDatasetConfig) -> int | None:
    """Return the number of frames of a dataset's video file; None where it is not known."""
    match dataset:
        case SimulationConfig():
            return sum(len(runs.reynolds) * runs.frames for runs in dataset.runs.values())
        case BairConfig() | CityscapesConfig() if dataset.videos:
            return dataset.frames * sum(dataset.videos.values())
        case KthConfig():
            return KTH_FRAMES
    return None


def data(name: str, dataset: VideoDatasetConfig) -> Iterator[Use]:
    """Yield the archives or runs of a dataset, and its video file."""
    if isinstance(dataset, DownloadedDatasetConfig):
        stated = [remote.bytes for remote in dataset.download.files.values()]
        known = sum(size for size in stated if size) if all(stated) else ARCHIVES[type(dataset)]
        yield Use(name, "downloads", known)
    if isinstance(dataset, SimulationConfig):
        cells = dataset.flow.width * dataset.flow.height
        yield Use(name, "simulated runs", (frames_of(dataset) or 0) * cells * FLOAT)
    if frames := frames_of(dataset):
        yield Use(name, "video file", frames * frame_bytes(dataset))


def frame_bytes(dataset: VideoDatasetConfig) -> int:
    """Return the bytes of a stored frame: float32 for simulations, uint8 for films."""
    pixel = FLOAT if isinstance(dataset, SimulationConfig) else 1
    return dataset.size**2 * dataset.channels * pixel


def checkpoint_bytes(section: TrainedModelConfig, size: int, channels: int) -> tuple[int, int]:
    """Return the bytes of a checkpoint, and of the predictor file."""
    model = meta_model(section, size, channels)
    tensors = model.state_dict()
    state = sum(tensor.nbytes for tensor in tensors.values())
    parameters = {id(p): p for module in model.players.values() for p in module.parameters()}
    trained = sum(parameter.nbytes for parameter in parameters.values())
    average = state if section.training.average is not None else 0
    kept = [n for n in tensors if n.split(".")[0] not in model.training_only]
    return state + ADAM * trained + average, sum(tensors[name].nbytes for name in kept)


def training(name: str, section: TrainedModelConfig, size: int, channels: int) -> Iterator[Use]:
    """Yield the files of one training: those kept, one more checkpoint while it is written."""
    checkpoint, predictor = checkpoint_bytes(section, size, channels)
    settings = section.training
    row = (settings.context + HORIZON) * (size + GAP) ** 2 * 3
    # Each picture is a file and in TensorBoard's; not compressed, so this is a bound.
    pictures = 2 * settings.pictures * CLIPS * (1 + MEMBERS) * row
    entries = min(settings.journal_entries, settings.steps // settings.journal_every)
    points = min(settings.tensorboard_entries, entries)
    yield Use(name, "checkpoints", (KEPT + 1) * checkpoint)
    yield Use(name, "journals and pictures", pictures + ENTRY * entries + POINT * points)
    yield Use(name, "predictors", predictor)


def predicted(experiment: ExperimentConfig) -> Iterator[Use]:
    """Yield the files of the whole run."""
    plan, protocol = Plan(experiment), experiment.evaluation
    for name in experiment.run.datasets:
        dataset = experiment.datasets[name]
        yield from data(name, dataset)
        frame = frame_bytes(dataset)
        horizon = dataset.horizon
        clip = protocol.context + horizon + protocol.ensemble * horizon
        for model in experiment.run.models:
            if not plan.tested_on(name, model):
                continue
            section = experiment.model(model, name)
            for _ in plan.seeds(model):
                if isinstance(section, TrainedModelConfig):
                    yield from training(name, section, dataset.size, dataset.channels)
                yield Use(name, "forecasts", protocol.clips * clip * frame)
                yield Use(name, "maps", protocol.clips * horizon * dataset.size**2 * FLOAT)


def table(uses: list[Use]) -> str:
    """Return Markdown: gigabytes of each kind of file by dataset, and sums."""
    datasets = list(dict.fromkeys(use.dataset for use in uses))

    def line(title: str, kinds: tuple[str, ...]) -> str:
        sizes = [
            sum(use.size for use in uses if use.dataset == dataset and use.kind in kinds)
            for dataset in datasets
        ]
        return f"| {title} | " + " | ".join(_gigabytes(s) for s in [*sizes, sum(sizes)]) + " |"

    found = {use.kind for use in uses}
    lines = ["| GB | " + " | ".join([*datasets, "total"]) + " |"]
    lines += ["|---" * (len(datasets) + 2) + "|"]
    lines += [line(kind, (kind,)) for kind in KINDS if kind in found]
    return "\n".join([*lines, line("total", KINDS)])


def _gigabytes(size: float) -> str:
    return "" if not size else f"{size / 1e9:.3g}"


def report(experiment: ExperimentConfig) -> str:
    """Return the table, and what it leaves out."""
    uses = list(predicted(experiment))
    total = sum(use.size for use in uses)
    lines = [
        "Predicted, not measured: weights counted on models without values, frames and records",
        f"from the config. Checkpoints: {KEPT} kept and one that is written, for each training.",
        "",
        table(uses),
        "",
        f"{total / 1e9:.0f} GB, and {INSTALLATION / 1e9:.0f} GB of installed packages. Archives "
        "(not their records) can be removed once they are converted, and a training's folder in "
        "`checkpoints/` once it is complete.",
    ]
    run, known = experiment.run.datasets, {use.dataset for use in uses if use.kind == "video file"}
    lines += [f"{name}: the size of its videos is not known." for name in run if name not in known]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, nargs="+", default=[CONFIG])
    print(report(load_experiment(parser.parse_args().config)))


if __name__ == "__main__":
    main()
