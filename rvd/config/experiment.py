"""The whole experiment: what is run, on what, and how it is scored."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    StringConstraints,
    ValidationError,
    model_validator,
)

from rvd.config.datasets import Dataset
from rvd.config.models import Model
from rvd.config.residual_diffusion import ResidualDiffusion, named_objective
from rvd.config.section import ConfigError, Section, describe
from rvd.config.trained import TrainedModel
from rvd.config.untrained import MeanOf

# A name is a folder: no separators, nothing hidden.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
Metric = Literal[
    "crps",
    "crps_fair",
    "psnr",
    "ssim",
    "lpips",
    "fvd",
    "spread_skill",
    "enstrophy",
    "spectrum",
    "strouhal",
]


class Run(Section):
    """What is run: names of ``datasets`` and ``models``, and the seeds of training."""

    datasets: tuple[Name, ...] = Field(min_length=1)
    models: tuple[Name, ...] = Field(min_length=1)
    seeds: tuple[NonNegativeInt, ...] = Field(min_length=1)


class Evaluation(Section):
    """The test protocol (section 3.2 and 3.4)."""

    context: PositiveInt
    clips: PositiveInt
    ensemble: PositiveInt
    batch: PositiveInt = 1
    metrics: tuple[Metric, ...] = Field(min_length=1)
    seed: NonNegativeInt = 0
    weights: str = "data/weights"
    lpips_network: Literal["alex", "vgg"] = "alex"
    fvd_protocols: tuple[Literal["paper", "standard"], ...] = Field(("paper",), min_length=1)


class Compute(Section):
    """What a training takes of the machine, and how it computes there.

    ``gpus`` (0 trains on the CPU) and CPU ``threads``; ``tf32`` lets a GPU round the inputs of
    float32 products to 10 bits of mantissa; ``channels_last`` lays images out with channels
    together; ``compile`` names a mode of torch.compile, of which ``reduce-overhead`` and
    ``max-autotune`` use CUDA graphs.
    """

    gpus: NonNegativeInt
    threads: PositiveInt
    tf32: bool = True
    channels_last: bool = False
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = "none"


class Gallery(Section):
    """The page of moving forecasts: ``megabytes`` bounds its films; what does not fit is named."""

    megabytes: PositiveFloat = 12.0


class Experiment(Section):
    """The config as a whole, as ``config/README.md`` documents it."""

    root: str
    revision: PositiveInt = 1
    run: Run
    datasets: dict[Name, Dataset]
    models: dict[Name, Model]
    evaluation: Evaluation
    compute: Compute
    gallery: Gallery = Gallery()

    @model_validator(mode="before")
    @classmethod
    def _resolve_likeness(cls, value: Any) -> Any:
        """A dataset or model with ``like: other`` is that other but for the keys it gives."""
        if not isinstance(value, Mapping):
            return value
        resolved = copy.deepcopy(dict(value))
        for model in (resolved.get("models") or {}).values():
            if isinstance(model, dict) and "objective" in model:
                model["objective"] = named_objective(model["objective"])
        for kind in ("datasets", "models"):
            if isinstance(resolved.get(kind), Mapping):
                sections = resolved[kind]
                resolved[kind] = {name: _likened(kind, name, sections) for name in sections}
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
        return self

    @model_validator(mode="after")
    def _means_have_a_model(self) -> Self:
        for name, model in self.models.items():
            if isinstance(model, MeanOf):
                other = self.models.get(model.of)
                if not (isinstance(other, ResidualDiffusion) and other.residual):
                    raise ValueError(
                        f"models.{name}.of: '{model.of}' is not a model with a next-frame predictor"
                    )
        return self

    @model_validator(mode="after")
    def _clips_fit(self) -> Self:
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
            for model_name in self.run.models:
                model = self.models[model_name]
                if not isinstance(model, TrainedModel):
                    continue
                problem = model.problem_at(dataset.size)
                problem = problem or model.problem_given(self.evaluation.context)
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


def _likened(kind: str, name: str, sections: Mapping[str, Any]) -> Any:
    section, chain = sections[name], [name]
    while isinstance(section, Mapping) and "like" in section:
        other = section["like"]
        if other in chain or other not in sections:
            raise ValueError(f"{kind}.{name}.like: '{other}' is not another of the {kind}")
        chain.append(other)
        own = {key: value for key, value in section.items() if key != "like"}
        section = merge(sections[other], own)
    return section


def merge(base: Any, change: Any) -> Any:
    """``change`` laid over ``base``: mappings merge, all else is replaced (as Snakemake does)."""
    if not (isinstance(base, Mapping) and isinstance(change, Mapping)):
        return copy.deepcopy(change)
    merged = {key: copy.deepcopy(value) for key, value in base.items()}
    for key, value in change.items():
        merged[key] = merge(merged[key], value) if key in merged else copy.deepcopy(value)
    return merged


def experiment_from_mapping(values: Mapping[str, Any]) -> Experiment:
    """The experiment that ``values`` describe.

    Raises:
        ConfigError: with one line for each mistake.
    """
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        raise ConfigError(describe(error, Experiment)) from None


def load_experiment(paths: Sequence[Path]) -> Experiment:
    """The experiment described by YAML (or JSON) files, each laid over the ones before it.

    Raises:
        ConfigError: a file is missing or not YAML, or the config is wrong; one line a mistake.
    """
    values: Any = {}
    for path in paths:
        try:
            part = yaml.safe_load(path.read_text())
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f", line {where.line + 1}" if where else ""
            raise ConfigError(f"{path}{line}: is not valid YAML") from None
        if not isinstance(part, dict):
            raise ConfigError(f"{path}: is not a mapping of keys to values")
        values = merge(values, part)
    return experiment_from_mapping(values)
