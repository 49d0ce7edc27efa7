"""What the workflow makes of an experiment: paths, patterns, and what each rule depends on."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from rvd.config.section import ConfigError
from rvd.config.trained import TrainedModelConfig
from rvd.datasets.download.config import DownloadedDatasetConfig
from rvd.datasets.folder.config import FolderConfig
from rvd.datasets.simulation.config import SimulationConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.files import atomic_write
from rvd.metrics.registry import weights_needed
from rvd.models.pretrained.config import PretrainedConfig
from rvd.models.rvd.config import RvdConfig

# The rows of the paper's Table 2.
ABLATION = ("vd", "rvd", "rvd-2+3", "ivrnn", "ivrnn-4+4")

# The keys of `evaluation` that say how forecasts are scored, not how they are made.
SCORING = {"metrics", "weights", "lpips_network", "fvd_protocols"}

# How the test clips are chosen, as captions say it.
CLIPS = {
    "spread": "{} clips at the most, spread over the test videos",
    "authors": "the first {} clips of the authors' loader",
}


def growing(amount: int) -> Callable[[Any, int], int]:
    """A rule's resource: ``amount`` at the first attempt, twice and thrice that at later ones."""

    def at(wildcards: Any, attempt: int) -> int:
        return amount * min(attempt, 3)

    return at


class Plan:
    """Where the artefacts of ``experiment`` land, and which values each depends on."""

    def __init__(self, experiment: ExperimentConfig) -> None:
        self.experiment = experiment

    def at(self, path: str) -> str:
        """``path`` below the experiment's root."""
        return path if self.experiment.root == "." else f"{self.experiment.root}/{path}"

    @staticmethod
    def pattern(names: Iterable[str]) -> str:
        """A regular expression that matches just these names."""
        return "|".join(re.escape(name) for name in names)

    def write_config(self, path: str) -> None:
        """Write the resolved config as JSON (which is YAML, too)."""
        text = json.dumps(self.experiment.model_dump(mode="json"), indent=2)
        with atomic_write(Path(path)) as partial:
            partial.write_text(text + "\n")

    def raw_files(self, dataset: str) -> list[str]:
        """What the video file of ``dataset`` is made from: runs, archives' records, a folder."""
        described = self.experiment.datasets[dataset]
        if isinstance(described, SimulationConfig):
            return [self.at(f"data/{dataset}/{run}.h5") for run in described.simulations()]
        if isinstance(described, FolderConfig):
            return [described.path]
        assert isinstance(described, DownloadedDatasetConfig)
        return [self.at(f"data/raw/{dataset}/{name}.sha256") for name in described.download.files]

    def conversion_threads(self, dataset: str) -> int:
        """Threads that decode; a simulated flow needs none. Snakemake lowers it to its cores."""
        simulated = isinstance(self.experiment.datasets[dataset], SimulationConfig)
        return 1 if simulated else 16

    def simulated(self, datasets: Iterable[str]) -> list[str]:
        """Those of ``datasets`` that are simulated."""
        known = self.experiment.datasets
        return [name for name in datasets if isinstance(known[name], SimulationConfig)]

    def runs(self, dataset: str) -> dict[str, Any]:
        """The runs of a simulated dataset and how they are compared, for the notebook of them.

        ``pool`` makes pictures of some 32 pixels a side, since every clip is compared with every
        other, and ``clip`` is the length of a clip that is tested on.
        """
        described = self.experiment.datasets[dataset]
        if not isinstance(described, SimulationConfig):
            raise TypeError(f"{dataset} is not simulated")
        coarser = math.gcd(described.size, max(described.size // 32, 1))
        return {
            "runs": self.raw_files(dataset),
            "columns": list(described.columns),
            "pool": described.pool * coarser,
            "clip": self.experiment.evaluation.context + described.horizon,
        }

    def archives(self) -> list[str]:
        """The name of every file that is downloaded."""
        downloads = [
            described.download
            for described in self.experiment.datasets.values()
            if isinstance(described, DownloadedDatasetConfig)
        ]
        return sorted({name for download in downloads for name in download.files})

    def street_flags(self, dataset: str, run: str) -> str:
        """The simulated run as options of ``python -m lbm simulate``."""
        described = self.experiment.datasets[dataset]
        if not isinstance(described, SimulationConfig):
            raise TypeError(f"{dataset} is not simulated")
        return " ".join(described.simulations()[run].flags())

    def trained_by(self, model: str) -> str | None:
        """The model whose predictor file ``model`` reads: its own, another's, or none."""
        described = self.experiment.models[model]
        return None if described.is_imported else described.predictor_of(model)

    def predictor(self, dataset: str, model: str, seed: str | int) -> list[str]:
        """The predictor file that sampling needs; none for a model that has no weights."""
        owner = self.experiment.models[model].predictor_of(model)
        return [self.result(dataset, owner, seed, "predictor.safetensors")] if owner else []

    def trained(self) -> list[str]:
        """The models that can be trained here."""
        return [model for model in self.experiment.models if self.trained_by(model) == model]

    def pretrained(self) -> dict[str, PretrainedConfig]:
        """The models that were trained elsewhere, by name."""
        models = self.experiment.models.items()
        return {name: model for name, model in models if isinstance(model, PretrainedConfig)}

    def tested_on(self, dataset: str, model: str) -> bool:
        """Return whether ``model`` is sampled and scored on ``dataset``."""
        return self.experiment.models[model].is_tested_on(dataset)

    def excluded(self) -> list[tuple[str, str]]:
        """The (model, dataset) of what is run that are left out: a checkpoint's other datasets."""
        run = self.experiment.run
        pairs = [(model, dataset) for dataset in run.datasets for model in run.models]
        return [(model, dataset) for model, dataset in pairs if not self.tested_on(dataset, model)]

    def not_trained_here(self) -> list[str]:
        """The pretrained models of the run, and where each comes from, in words."""
        models = self.pretrained().items()
        run = self.experiment.run.models
        return [f"not trained here: {name}, from {m.origin}" for name, m in models if name in run]

    def digests(self) -> list[str]:
        """The SHA-256 of every checkpoint that is downloaded; each is a file's name."""
        models = self.pretrained().values()
        return sorted({model.sha256 for model in models if model.address and model.sha256})

    def downloading(self, digest: str) -> str:
        """The first model whose checkpoint is downloaded and has the SHA-256 ``digest``."""
        models = self.pretrained().items()
        return next(name for name, m in models if m.address and m.sha256 == digest)

    def checkpoint(self, model: str) -> str:
        """The file that a pretrained model is imported from, local or to be downloaded."""
        described = self.pretrained()[model]
        return described.path or self.at(f"data/pretrained/{described.sha256}")

    def checkpoint_input(self, model: str) -> str:
        """The input of a pretrained model's import: its file, or the record of its download."""
        local = self.pretrained()[model].path
        return local or f"{self.checkpoint(model)}.sha256"

    def check_local_checkpoints(self) -> None:
        """Refuse a pretrained model of the run whose local file is missing.

        Raises:
            ConfigError: with one line for each missing file.
        """
        missing = [
            f"models.{name}.path: there is no file {model.path}"
            for name, model in self.pretrained().items()
            if name in self.experiment.run.models and model.path and not Path(model.path).is_file()
        ]
        if missing:
            raise ConfigError("\n".join(missing))

    def result(self, dataset: str, model: str, seed: str | int, name: str) -> str:
        """A file of one trained or untrained model."""
        return self.at(f"results/{dataset}/{model}/seed{seed}/{name}")

    def checkpoints(self, dataset: str, model: str, seed: str | int) -> str:
        """The folder of a training's state and journal."""
        return self.at(f"checkpoints/{dataset}/{model}/seed{seed}")

    def seeds(self, model: str) -> tuple[int, ...]:
        """The seeds of ``model``: those of the training it needs, or the first of all."""
        run, trained = self.experiment.run, self.trained_by(model)
        return run.seeds_of.get(trained, run.seeds) if trained else run.seeds[:1]

    def results(self, name: str, models: Iterable[str] | None = None) -> list[str]:
        """The file ``name`` of everything that is run; models that learn nothing have one seed."""
        run = self.experiment.run
        return [
            self.result(dataset, model, seed, name)
            for dataset in run.datasets
            for model in (run.models if models is None else models)
            for seed in self.seeds(model)
            if self.tested_on(dataset, model)
        ]

    def curves(self) -> list[str]:
        """The training curves of everything that is trained."""
        trained = [m for m in self.experiment.run.models if self.trained_by(m) == m]
        return self.results("curve.csv", trained)

    def tabulation(self) -> str:
        """What is run, and the budget of each training."""
        run = self.experiment.run
        # Left out where it says nothing, so that older tables are not made again.
        values = _values(run, exclude=set() if run.seeds_of else {"seeds_of"})
        return json.dumps({"run": values, "budget": self.budget()})

    def tabulated(self, table: str) -> list[str]:
        """The models of a table: the ablation leaves out the trained ones of Table 1 alone."""
        models = self.experiment.run.models
        if table == "table1":
            return list(models)
        return [m for m in models if m in ABLATION or self.trained_by(m) != m]

    def scores(self, table: str) -> list[str]:
        """The scores that a table holds."""
        return self.results("scores.csv", self.tabulated(table))

    def weights(self) -> list[str]:
        """The networks' weights that the metrics need."""
        evaluation = self.experiment.evaluation
        folder = self.at(evaluation.weights)
        return [f"{folder}/{name}.safetensors" for name in weights_needed(evaluation)]

    def scoring(self) -> str:
        """What is scored, by which protocols."""
        return json.dumps(_values(self.experiment.evaluation, include=SCORING))

    def budget(self) -> str:
        """Training steps, diffusion steps N, and the ensemble, in words."""
        run = self.experiment.run
        steps: dict[str, dict[str, list[str]]] = {}
        diffusion: dict[str, dict[str, list[str]]] = {}
        for name in run.models:
            for dataset in run.datasets:
                model = self.experiment.model(name, dataset)
                if isinstance(model, TrainedModelConfig):
                    budget = f"{model.training.steps:,} steps"
                    steps.setdefault(budget, {}).setdefault(name, []).append(dataset)
                if isinstance(model, RvdConfig):
                    words = _diffusion(model)
                    diffusion.setdefault(words, {}).setdefault(name, []).append(dataset)
        protocol = self.experiment.evaluation
        budgets = [
            f"{words}: {', '.join(_on(name, among, run.datasets) for name, among in names.items())}"
            for words, names in (*steps.items(), *diffusion.items())
        ]
        ensemble = (
            f"{protocol.ensemble} members, {CLIPS[protocol.clips_from].format(protocol.clips)}"
        )
        return "; ".join([*budgets, *self.not_trained_here(), ensemble])

    def periods(self) -> dict[str, float]:
        """The expected shedding period of each simulated dataset's test runs, in frames."""
        found = {}
        for name in self.experiment.run.datasets:
            dataset = self.experiment.datasets[name]
            if isinstance(dataset, SimulationConfig):
                tests = [s for r, s in dataset.simulations().items() if r.startswith("test-")]
                found[name] = sum(s.shedding_period / s.interval for s in tests) / len(tests)
        return found

    # What each rule depends on, as text: a change of it reruns the rule.

    def conversion(self, dataset: str) -> str:
        """The dataset but for what is forecast of it, how it is augmented, and where it is fetched.

        Of a folder the names, sizes and times of its files, too, so that a new film counts.
        """
        described = self.experiment.datasets[dataset]
        text = _text(described, exclude={"horizon", "augmentation", "download"})
        if isinstance(described, FolderConfig):
            text += _listing(Path(described.path))
        return text

    def training(self, dataset: str, model: str) -> str:
        """Model, augmentation and revision."""
        described: Any = self.experiment.model(model, dataset)
        return json.dumps(
            {
                "model": described.training_fingerprint(),
                "augmentation": self.experiment.datasets[dataset].augmentation,
                "revision": self.experiment.revision,
            }
        )

    def importing(self, model: str) -> str:
        """A pretrained model but for where it is tested, and how it is sampled."""
        return _text(self.pretrained()[model], exclude={"sampler", "datasets"})

    def sampling(self, dataset: str, model: str) -> str:
        """What forecasting adds to the weights (or a model that has none), protocol, horizon."""
        described = self.experiment.model(model, dataset)
        protocol = self.experiment.evaluation
        return json.dumps(
            {
                "model": described.sampling_fingerprint(),
                "evaluation": protocol.recorded(exclude=SCORING),
                "horizon": self.experiment.datasets[dataset].horizon,
            }
        )


def _diffusion(model: RvdConfig) -> str:
    """N, and how it is sampled."""
    sampler = model.sampler
    steps = f" in {sampler.steps} steps" if sampler.steps else ""
    return f"N = {model.diffusion_steps:,}, {sampler.method}{steps}"


def _on(model: str, among: Sequence[str], datasets: Sequence[str]) -> str:
    """``model``, and ``among`` which datasets where that is not all of them."""
    return model if len(among) == len(datasets) else f"{model} ({', '.join(among)})"


def _listing(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        status = path.stat()
        digest.update(
            f"{path.relative_to(folder)}\0{status.st_size}\0{status.st_mtime_ns}\0".encode()
        )
    return digest.hexdigest()


def _values(
    section: Any, exclude: set[str] | None = None, include: set[str] | None = None
) -> dict[str, Any]:
    return section.model_dump(mode="json", exclude=exclude, include=include)


def _text(section: Any, exclude: set[str]) -> str:
    return json.dumps(_values(section, exclude))
