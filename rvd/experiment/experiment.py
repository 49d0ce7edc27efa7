"""The whole experiment: its datasets, models, runs and evaluation."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from pydantic import PositiveInt, model_validator

from rvd.config.compute import ComputeConfig
from rvd.config.section import Folder, Name, Section
from rvd.config.tracking import TrackingConfig
from rvd.config.trained import TrainedModelConfig
from rvd.datasets.registry import Dataset
from rvd.experiment.evaluation import EvaluationConfig
from rvd.experiment.gallery import GalleryConfig
from rvd.experiment.inheritance import errors_on, resolve_like, with_text_on_of_models
from rvd.experiment.run import RunConfig
from rvd.models.registry import MODELS, Model


class ExperimentConfig(Section):
    """The whole config."""

    root: Folder
    """Folder that contains `data/`, `checkpoints/`, `results/` and `logs/`."""
    revision: PositiveInt = 1
    """Number to increase after a change of the code for which all trainings should be repeated."""
    run: RunConfig
    """Datasets, models and seeds that are run."""
    datasets: dict[Name, Dataset]
    """Datasets by name."""
    models: dict[Name, Model]
    """Models by name."""
    evaluation: EvaluationConfig
    """Test protocol."""
    compute: ComputeConfig
    """Part of the machine that trainings use."""
    gallery: GalleryConfig = GalleryConfig()
    """Page of moving forecasts."""
    tracking: TrackingConfig = TrackingConfig()
    """Programs that record trainings."""

    @model_validator(mode="before")
    @classmethod
    def _resolve_inheritance(cls, value: Any) -> Any:
        """Lay each dataset or model with ``like: other`` over that other one."""
        if not isinstance(value, Mapping):
            return value
        resolved = copy.deepcopy(dict(value))
        models = with_text_on_of_models(resolved).get("models")
        if isinstance(models, Mapping):
            resolved["models"] = {name: _expanded(section) for name, section in models.items()}
        for kind in ("datasets", "models"):
            if isinstance(resolved.get(kind), Mapping):
                sections = resolved[kind]
                resolved[kind] = {name: resolve_like(kind, name, sections) for name in sections}
        return resolved

    @model_validator(mode="after")
    def _names_exist(self) -> Self:
        for kind in ("datasets", "models"):
            known = getattr(self, kind)
            for name in getattr(self.run, kind):
                if name not in known:
                    raise ValueError(
                        f"run.{kind}: '{name}' does not exist; there are {', '.join(sorted(known))}"
                    )
        for name in self.compute.compile if isinstance(self.compute.compile, dict) else ():
            if name not in self.models:
                known_models = ", ".join(sorted(self.models))
                raise ValueError(
                    f"compute.compile: '{name}' does not exist; there are {known_models}"
                )
        return self

    @model_validator(mode="after")
    def _settings_on_datasets_are_valid(self) -> Self:
        if errors := errors_on(self.models, self.datasets):
            raise ValueError("\n".join(errors))
        return self

    @model_validator(mode="after")
    def _seeds_are_of_trainings(self) -> Self:
        trained = [name for name, model in self.models.items() if model.is_trained]
        for name, seeds in self.run.seeds_of.items():
            owner = self.models[name].predictor_of(name) if name in self.models else None
            if owner not in trained:
                raise ValueError(
                    f"run.seeds_of: '{name}' is not a model that is trained, nor does it use the "
                    f"weights of one; trained are {', '.join(sorted(trained))}"
                )
            untrained = sorted(set(seeds) - set(self.run.seeds_of.get(owner, self.run.seeds)))
            if untrained:
                raise ValueError(
                    f"run.seeds_of.{name}: the weights are those of '{owner}', which is not "
                    f"trained with the seed {untrained[0]}"
                )
        return self

    @model_validator(mode="after")
    def _references_exist(self) -> Self:
        lines = [
            f"models.{name}.{line}"
            for name, model in self.models.items()
            for line in model.errors(self.models, self.datasets)
        ]
        if lines:
            raise ValueError("\n".join(lines))
        return self

    @model_validator(mode="after")
    def _clips_fit(self) -> Self:
        """Refuse clips that are longer than a video, and sizes that a model cannot take."""
        for dataset_name in self.run.datasets:
            dataset = self.datasets[dataset_name]
            test_length = self.evaluation.context + dataset.horizon
            shortest = {split: dataset.shortest(split) for split in ("train", "test")}
            if shortest["test"] is not None and test_length > shortest["test"]:
                raise ValueError(
                    f"evaluation.context: {self.evaluation.context} context and "
                    f"{dataset.horizon} future frames are more than the "
                    f"{shortest['test']} frames of a test video of '{dataset_name}'"
                )
            if problem := self._too_few_clips(dataset_name, test_length):
                raise ValueError(problem)
            for model_name in self.run.models:
                model = self.model(model_name, dataset_name)
                if not isinstance(model, TrainedModelConfig):
                    continue
                problem = model.why_not_size(dataset.size)
                problem = problem or model.why_not_context(self.evaluation.context)
                if problem:
                    raise ValueError(f"models.{model_name}.{problem} (dataset '{dataset_name}')")
                if shortest["train"] is not None and model.training.clip_length > shortest["train"]:
                    raise ValueError(
                        f"models.{model_name}.training.context: clips of "
                        f"{model.training.clip_length} frames are longer than the "
                        f"{shortest['train']} frames of a training video of "
                        f"'{dataset_name}'"
                    )
        return self

    def _too_few_clips(self, dataset: str, length: int) -> str | None:
        """Return the reason why the authors' choice of clips is impossible, if known already."""
        wanted, known = self.evaluation.clips, self.datasets[dataset].authors_clips(length)
        if self.evaluation.clips_from == "spread" or known is None or wanted <= known:
            return None
        return (
            f"evaluation.clips_from: authors takes {wanted} clips (evaluation.clips) of {length} "
            f"frames, but the test runs of '{dataset}' have {known}; lower evaluation.clips, or "
            f"take spread"
        )

    def model(self, name: str, dataset: str) -> Model:
        """Return the section of a model on a dataset: its ``on`` applied, and empty.

        Args:
            name: Name of the model in ``models``.
            dataset: Name of the dataset in ``datasets``.

        Raises:
            KeyError: There is no such model.
        """
        return self.models[name].on_dataset(dataset)


def _expanded(model: Any) -> Any:
    """Return a model's section, and its settings per dataset, with shorthands written out."""
    if not isinstance(model, Mapping):
        return model
    # A section that inherits its kind by `like` has none yet, so all kinds expand it.
    section = dict(model)
    for entry in MODELS.values():
        section = dict(entry.config.expand(section))
    if isinstance(section.get("on"), Mapping):
        section["on"] = {key: _expanded(inner) for key, inner in section["on"].items()}
    return section
