"""The dependencies of each rule besides its input files, as text: a change reruns the rule.

The texts are in the rules' params, which Snakemake records with each output. Keep them stable:
where one changes, finished work is done again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rvd.experiment.experiment import ExperimentConfig
from rvd.metrics.entry import EXCEEDANCE_THRESHOLDS
from rvd.workflow.captions import budget
from rvd.workflow.parameters import simulation_parameters

# The keys of `evaluation` that say how forecasts are scored, not how they are made.
SCORING = {"metrics", "weights", "lpips_network", "fvd_protocols"}


def conversion(experiment: ExperimentConfig, dataset: str) -> str:
    """Return the section of a dataset without horizon, augmentation and download.

    Of a folder that is read, names, sizes and times of the files count as well, so that a new film
    is noticed.
    """
    described = experiment.datasets[dataset]
    text = _text(described, exclude={"horizon", "augmentation", "download"})
    return text + _listings(described.local_files())


def training(experiment: ExperimentConfig, dataset: str, model: str) -> str:
    """Return what the trained weights depend on: model, augmentation and revision."""
    described: Any = experiment.model(model, dataset)
    return json.dumps(
        {
            "model": described.training_fingerprint(),
            "augmentation": experiment.datasets[dataset].augmentation,
            "revision": experiment.revision,
        }
    )


def pretrained_import(experiment: ExperimentConfig, model: str) -> str:
    """Return the section of a pretrained model without its sampler and its test datasets."""
    return _text(experiment.models[model], exclude={"sampler", "datasets"})


def sampling(experiment: ExperimentConfig, dataset: str, model: str) -> str:
    """Return what forecasts depend on besides the weights: sampler, protocol and horizon.

    Of a folder that they are read from, names, sizes and times of the files count as well.
    """
    described = experiment.model(model, dataset)
    values = json.dumps(
        {
            "model": described.sampling_fingerprint(),
            "evaluation": experiment.evaluation.recorded(exclude=SCORING),
            "horizon": experiment.datasets[dataset].horizon,
        }
    )
    return values + _listings(described.local_files(dataset))


def scoring(experiment: ExperimentConfig) -> str:
    """Return the metrics and their protocols."""
    evaluation = experiment.evaluation
    include = set(SCORING)
    # Left out at its default, so that scores from before that key stay up to date.
    if evaluation.exceedance_thresholds != EXCEEDANCE_THRESHOLDS:
        include.add("exceedance_thresholds")
    return json.dumps(evaluation.model_dump(mode="json", include=include))


def table(experiment: ExperimentConfig) -> str:
    """Return datasets, models and seeds of the run, and the budget of each training."""
    run = experiment.run
    # Left out where it is empty, so that tables from before that key stay up to date.
    exclude = set() if run.seeds_of else {"seeds_of"}
    values = run.model_dump(mode="json", exclude=exclude)
    return json.dumps({"run": values, "budget": budget(experiment)})


def flow(experiment: ExperimentConfig, dataset: str, runs: Sequence[str]) -> str:
    """Return what the figures of a simulated dataset's runs depend on besides the runs' content."""
    return json.dumps(simulation_parameters(experiment, dataset, runs))


def _listings(paths: Iterable[str]) -> str:
    """Return a digest of each folder's files. Snakemake itself notices a file that changes."""
    return "".join(_listing(Path(path)) for path in paths if not Path(path).is_file())


def _listing(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        digest.update(
            f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode()
        )
    return digest.hexdigest()


def _text(section: Any, exclude: set[str]) -> str:
    return json.dumps(section.model_dump(mode="json", exclude=exclude))
