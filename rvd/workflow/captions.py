"""The budget of an experiment in words, for the captions of its tables."""

from __future__ import annotations

from collections.abc import Sequence

from rvd.experiment.experiment import ExperimentConfig

# The choice of the test clips.
CLIPS_FROM = {
    "spread": "{} clips at the most, spread over the test videos",
    "authors": "the first {} clips of the authors' loader",
}


def budget(experiment: ExperimentConfig) -> str:
    """Return training steps, diffusion steps N and the ensemble, in words.

    A dataset is named only where a model's budget differs between datasets. The text is part of a
    rerun key (:func:`rvd.workflow.rerun_keys.table`): another wording makes finished tables again.
    """
    run = experiment.run
    # By the kind of cost: training steps first, then diffusion steps.
    kinds: dict[int, dict[str, dict[str, list[str]]]] = {}
    for name in run.models:
        for dataset in run.datasets:
            for kind, words in enumerate(experiment.model(name, dataset).budget()):
                models = kinds.setdefault(kind, {}).setdefault(words, {})
                models.setdefault(name, []).append(dataset)
    budgets = [
        f"{words}: {', '.join(_on(name, some, run.datasets) for name, some in models.items())}"
        for _, costs in sorted(kinds.items())
        for words, models in costs.items()
    ]
    protocol = experiment.evaluation
    clips = CLIPS_FROM[protocol.clips_from].format(protocol.clips)
    ensemble = f"{protocol.ensemble} members, {clips}"
    return "; ".join([*budgets, *not_trained_here(experiment), ensemble])


def not_trained_here(experiment: ExperimentConfig) -> list[str]:
    """Return one line for each pretrained model of the run, with its origin."""
    models = experiment.models
    return [
        f"not trained here: {name}, from {model.origin}"
        for name, model in models.items()
        if model.is_imported and name in experiment.run.models
    ]


def _on(model: str, some: Sequence[str], datasets: Sequence[str]) -> str:
    """Name ``model``, with the datasets in brackets where they are not all ``datasets``."""
    return model if len(some) == len(datasets) else f"{model} ({', '.join(some)})"
