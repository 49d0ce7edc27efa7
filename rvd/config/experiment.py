"""The whole experiment: what is run, on what, and how it is scored."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence, Set
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
from rvd.config.inheritance import merge, mistakes_on, resolve_like, section_on, with_text_on
from rvd.config.models import Model
from rvd.config.pretrained import Pretrained
from rvd.config.residual_diffusion import ResidualDiffusion, named_objective
from rvd.config.section import ConfigError, Section, describe
from rvd.config.trained import TrainedModel
from rvd.config.untrained import MeanOf

# A name is a folder: no separators, nothing hidden.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
# A folder of the workflow: braces would be wildcards of Snakemake's.
Folder = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f{}]+$")]
Seeds = Annotated[tuple[NonNegativeInt, ...], Field(min_length=1)]
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
    """The scope of a run: names of ``datasets`` and ``models``, and the seeds of training.

    ``seeds_of`` gives models seeds of their own in place of ``seeds``.
    """

    datasets: tuple[Name, ...] = Field(min_length=1)
    models: tuple[Name, ...] = Field(min_length=1)
    seeds: Seeds
    seeds_of: dict[Name, Seeds] = Field(default_factory=dict)


class Evaluation(Section):
    """The test protocol (section 3.2 and 3.4).

    ``clips_from`` says which clips are tested on: ``spread`` over the test videos, without overlap,
    or the first ones of the loader in the authors' test script (``authors``).
    """

    context: PositiveInt
    clips: PositiveInt
    clips_from: Literal["spread", "authors"] = "spread"
    ensemble: PositiveInt
    batch: PositiveInt = 1
    metrics: tuple[Metric, ...] = Field(min_length=1)
    seed: NonNegativeInt = 0
    weights: Folder = "data/weights"
    lpips_network: Literal["alex", "vgg"] = "alex"
    fvd_protocols: tuple[Literal["paper", "standard"], ...] = Field(("paper",), min_length=1)

    def recorded(self, exclude: Set[str] = frozenset()) -> dict[str, Any]:
        """The values as forecasts record them and depend on them.

        Without ``clips_from: spread``, so that forecasts from before that key stay up to date.
        """
        default = {"clips_from"} if self.clips_from == "spread" else set()
        return self.model_dump(mode="json", exclude={*exclude, *default})


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

    root: Folder
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
        models = _with_text_on(resolved).get("models")
        if isinstance(models, Mapping):
            resolved["models"] = {name: _spelled_out(section) for name, section in models.items()}
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
        return self

    @model_validator(mode="after")
    def _settings_on_datasets_are_valid(self) -> Self:
        if mistakes := mistakes_on(self.models, self.datasets):
            raise ValueError("\n".join(mistakes))
        return self

    @model_validator(mode="after")
    def _seeds_are_of_trainings(self) -> Self:
        trained = [n for n, model in self.models.items() if isinstance(model, TrainedModel)]
        for name in self.run.seeds_of:
            if name not in trained:
                raise ValueError(
                    f"run.seeds_of: '{name}' is not a model that is trained; there are "
                    f"{', '.join(sorted(trained))}"
                )
        return self

    @model_validator(mode="after")
    def _means_have_a_model(self) -> Self:
        for name, model in self.models.items():
            if isinstance(model, MeanOf):
                problem = (
                    f"models.{name}.of: '{model.of}' is not a model with a next-frame predictor"
                )
                other = self.models.get(model.of)
                if not (isinstance(other, ResidualDiffusion) and other.residual):
                    raise ValueError(problem)
                for dataset in other.on:
                    if not getattr(self.model(model.of, dataset), "residual", False):
                        raise ValueError(f"{problem} on '{dataset}'")
        return self

    @model_validator(mode="after")
    def _pretrained_have_datasets(self) -> Self:
        for name, model in self.models.items():
            for dataset in (isinstance(model, Pretrained) and model.datasets) or ():
                if dataset not in self.datasets:
                    raise ValueError(
                        f"models.{name}.datasets: '{dataset}' does not exist; "
                        f"there are {', '.join(sorted(self.datasets))}"
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
            if problem := self._too_few_clips(dataset_name, test_length):
                raise ValueError(problem)
            for model_name in self.run.models:
                model = self.model(model_name, dataset_name)
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

    def _too_few_clips(self, dataset: str, length: int) -> str | None:
        """The reason why the authors' choice of clips cannot be made, where it is known already."""
        wanted, known = self.evaluation.clips, self.datasets[dataset].authors_clips(length)
        if self.evaluation.clips_from == "spread" or known is None or wanted <= known:
            return None
        return (
            f"evaluation.clips_from: authors takes {wanted} clips (evaluation.clips) of {length} "
            f"frames, but the test runs of '{dataset}' have {known}; lower evaluation.clips, or "
            f"take spread"
        )

    def model(self, name: str, dataset: str) -> Model:
        """The section of model ``name`` as it is on ``dataset``: its ``on`` applied, and empty.

        Args:
            name: of ``models``.
            dataset: of ``datasets``.

        Raises:
            KeyError: there is no such model.
        """
        section = self.models[name]
        if not isinstance(section, TrainedModel):
            return section
        resolved: Any = section_on(section, dataset)
        return resolved


def _with_text_on(values: Mapping[str, Any]) -> Mapping[str, Any]:
    models = values.get("models")
    if not isinstance(models, Mapping):
        return values
    return {**values, "models": {name: with_text_on(section) for name, section in models.items()}}


def _spelled_out(model: Any) -> Any:
    """The section of a model with objectives that are named in a word in full."""
    if not isinstance(model, Mapping):
        return model
    section = dict(model)
    if "objective" in section:
        section["objective"] = named_objective(section["objective"])
    if isinstance(section.get("on"), Mapping):
        section["on"] = {key: _spelled_out(inner) for key, inner in section["on"].items()}
    return section


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
            text = path.read_text()
            # YAML 1.1 takes JSON's 1e-06 for text.
            part = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        except OSError as error:
            raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
        except (UnicodeDecodeError, ValueError, RecursionError) as error:
            # YAML's own loader lets these through: a 13th month, a thousand brackets.
            raise ConfigError(f"{path}: is not valid YAML ({error})") from None
        except yaml.YAMLError as error:
            where = getattr(error, "problem_mark", None)
            line = f", line {where.line + 1}" if where else ""
            raise ConfigError(f"{path}{line}: is not valid YAML") from None
        if not isinstance(part, dict):
            raise ConfigError(f"{path}: is not a mapping of keys to values")
        values = merge(values, _with_text_on(part))
    return experiment_from_mapping(values)
