"""The runs of an experiment: models on datasets with seeds, and the files that each needs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rvd.config.errors import ConfigError
from rvd.datasets.download.config import DownloadedDatasetConfig
from rvd.datasets.simulation.config import SimulationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.metrics.registry import weights_needed
from rvd.models.pretrained.config import PretrainedConfig
from rvd.workflow.layout import CURVE, PREDICTOR, SCORES, Layout

# The rows of the paper's Table 2.
ABLATION = ("vd", "rvd", "rvd-2+3", "ivrnn", "ivrnn-4+4")


class Plan:
    """The runs of ``experiment`` and the files that each reads and writes.

    Args:
        experiment: The config.
    """

    def __init__(self, experiment: ExperimentConfig) -> None:
        self.experiment = experiment
        self.layout = Layout(experiment.root)

    # Data.

    def raw_files(self, dataset: str) -> list[str]:
        """Return what a video file is converted from: runs, records of archives, or local files."""
        described = self.experiment.datasets[dataset]
        if isinstance(described, SimulationConfig):
            return [self.layout.simulation(dataset, run) for run in described.simulations()]
        if isinstance(described, DownloadedDatasetConfig):
            return [self.layout.archive_record(dataset, name) for name in described.download.files]
        return list(described.local_files())

    def simulated(self, datasets: Iterable[str]) -> list[str]:
        """Return those of ``datasets`` that are simulated."""
        known = self.experiment.datasets
        return [name for name in datasets if isinstance(known[name], SimulationConfig)]

    def simulation_flags(self, dataset: str, run: str) -> str:
        """Return a simulated run as options of ``python -m lbm simulate``.

        Raises:
            TypeError: The dataset is not simulated.
        """
        described = self.experiment.datasets[dataset]
        if not isinstance(described, SimulationConfig):
            raise TypeError(f"{dataset} is not simulated")
        return " ".join(described.simulations()[run].flags())

    def archives(self) -> list[str]:
        """Return the name of each file that is downloaded for a dataset."""
        downloads = [
            described.download
            for described in self.experiment.datasets.values()
            if isinstance(described, DownloadedDatasetConfig)
        ]
        return sorted({name for download in downloads for name in download.files})

    # Models.

    def trained_by(self, model: str) -> str | None:
        """Return the model whose training ``model`` needs: itself, another, or None."""
        described = self.experiment.models[model]
        return None if described.is_imported else described.predictor_of(model)

    def trained(self) -> list[str]:
        """Return the models that can be trained here."""
        return [model for model in self.experiment.models if self.trained_by(model) == model]

    def predictor(self, dataset: str, model: str, seed: str | int) -> list[str]:
        """Return the predictor file that sampling needs; none for a model without weights."""
        owner = self.experiment.models[model].predictor_of(model)
        return [self.layout.result(dataset, owner, seed, PREDICTOR)] if owner else []

    def stored(self, dataset: str, model: str) -> list[str]:
        """Return the files or folders that the forecasts of ``model`` are read from, if any."""
        return list(self.experiment.models[model].local_files(dataset))

    def pretrained(self) -> dict[str, PretrainedConfig]:
        """Return the models that were trained elsewhere, by name."""
        models = self.experiment.models.items()
        return {name: model for name, model in models if isinstance(model, PretrainedConfig)}

    def digests(self) -> list[str]:
        """Return the SHA-256 of each checkpoint that is downloaded; it names the file."""
        models = self.pretrained().values()
        return sorted({model.sha256 for model in models if model.address and model.sha256})

    def downloading(self, digest: str) -> str:
        """Return the first model whose checkpoint is downloaded and has the SHA-256 ``digest``."""
        models = self.pretrained().items()
        return next(name for name, m in models if m.address and m.sha256 == digest)

    def checkpoint(self, model: str) -> str:
        """Return the file that a pretrained model is imported from, local or downloaded."""
        described = self.pretrained()[model]
        return described.path or self.layout.pretrained(str(described.sha256))

    def checkpoint_input(self, model: str) -> str:
        """Return the input of a pretrained model's import: its file, or its download's record."""
        described = self.pretrained()[model]
        return described.path or self.layout.pretrained_record(str(described.sha256))

    def check_local_checkpoints(self) -> None:
        """Refuse a model of the run whose local file, weights or forecasts, is missing.

        Raises:
            ConfigError: One line for each missing file.
        """
        missing = [
            f"models.{name}.path: there is no file {model.path}"
            for name, model in self.pretrained().items()
            if name in self.experiment.run.models and model.path and not Path(model.path).is_file()
        ]
        run = self.experiment.run
        absent = {
            f"models.{name}.path: there is no file or folder {path}"
            for name in run.models
            for dataset in run.datasets
            if self.tested_on(dataset, name)
            for path in self.stored(dataset, name)
            if not Path(path).exists()
        }
        missing += sorted(absent)
        if missing:
            raise ConfigError("\n".join(missing))

    # Results.

    def tested_on(self, dataset: str, model: str) -> bool:
        """Return whether ``model`` is sampled and scored on ``dataset``."""
        return self.experiment.models[model].is_tested_on(dataset)

    def excluded(self) -> list[tuple[str, str]]:
        """Return the (model, dataset) of the run that are left out: a checkpoint fits only some."""
        run = self.experiment.run
        pairs = [(model, dataset) for dataset in run.datasets for model in run.models]
        return [(model, dataset) for model, dataset in pairs if not self.tested_on(dataset, model)]

    def seeds(self, model: str) -> tuple[int, ...]:
        """Return the seeds of ``model``: those of the training it needs, or the first of all."""
        run, trained = self.experiment.run, self.trained_by(model)
        if trained is None:
            return run.seeds[:1]
        return run.seeds_of.get(model) or run.seeds_of.get(trained, run.seeds)

    def results(self, name: str, models: Iterable[str] | None = None) -> list[str]:
        """Return the file ``name`` of each dataset, model and seed of the run.

        Args:
            name: File name of :mod:`rvd.workflow.layout`.
            models: Models to which the list is restricted.
        """
        run = self.experiment.run
        return [
            self.layout.result(dataset, model, seed, name)
            for dataset in run.datasets
            for model in (run.models if models is None else models)
            for seed in self.seeds(model)
            if self.tested_on(dataset, model)
        ]

    def curves(self) -> list[str]:
        """Return the curve of each training of the run."""
        trained = [m for m in self.experiment.run.models if self.trained_by(m) == m]
        return self.results(CURVE, trained)

    def tabulated(self, table: str) -> list[str]:
        """Return the models of a table: Table 2 leaves out trained models that only Table 1 has."""
        models = self.experiment.run.models
        if table == "table1":
            return list(models)
        return [m for m in models if m in ABLATION or self.trained_by(m) != m]

    def scores(self, table: str) -> list[str]:
        """Return the scores that a table contains."""
        return self.results(SCORES, self.tabulated(table))

    def weights(self) -> list[str]:
        """Return the files of the networks' weights that the metrics need."""
        evaluation = self.experiment.evaluation
        folder = evaluation.weights
        return [self.layout.weights(folder, name) for name in weights_needed(evaluation)]
