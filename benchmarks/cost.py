"""Predicted (not measured) GPU hours of each training, sampling and scoring of a config.

FLOPs and memory traffic are counted on tensors without values (:mod:`benchmarks.counting`), which
takes minutes and no GPU; the assumed rates of the GPU are options. Not included: reading clips,
writing checkpoints, moving averages of weights, and metrics other than FVD, LPIPS and CRPS.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.counting import Cost, Machine
from benchmarks.work import sampling, sampling_mean, scoring, training
from rvd.config.model import ModelConfig
from rvd.config.trained import TrainedModelConfig
from rvd.experiment.experiment import ExperimentConfig
from rvd.experiment.loading import load_experiment
from rvd.models.baselines.config import MeanConfig
from rvd.workflow.plan import Plan

CONFIG = Path(__file__).parents[1] / "config" / "config.yaml"
KINDS = ("training", "sampling", "scoring")


@dataclass(frozen=True)
class Row:
    """One model on one dataset: the cost of one seed, and the number of seeds."""

    dataset: str
    model: str
    size: int
    steps: int
    seeds: int
    training: Cost
    sampling: Cost
    scoring: Cost

    def hours(self, machine: Machine, *kinds: str) -> float:
        """Return the GPU hours of all seeds, for some of ``KINDS`` or for all."""
        each = [getattr(self, kind).seconds(machine) for kind in kinds or KINDS]
        return self.seeds * sum(each) / 3600


def predicted(experiment: ExperimentConfig, machine: Machine) -> Iterator[Row]:
    """Yield a row per dataset and model of the run."""
    known: dict[tuple[object, ...], Cost] = {}

    def once(count: Callable[..., Cost], section: ModelConfig | None, *shape: int) -> Cost:
        """Return the cost of some work, counting equal work once."""
        key = count, section and section.model_dump_json(), *shape
        if key not in known:
            given = () if section is None else (section,)
            known[key] = count(*given, *shape, machine)
        return known[key]

    plan = Plan(experiment)
    protocol = experiment.evaluation
    scored, sampled = partial(scoring, protocol), partial(sampling, protocol)
    mean = partial(sampling_mean, protocol)
    for name in experiment.run.datasets:
        dataset = experiment.datasets[name]
        shape = dataset.size, dataset.channels
        for model in experiment.run.models:
            section = experiment.model(model, name)
            # The forecast of a mean uses the networks of its model.
            whole = experiment.model(section.of, name) if isinstance(section, MeanConfig) else None
            trained = isinstance(section, TrainedModelConfig)
            yield Row(
                name,
                model,
                dataset.size,
                section.training.steps if isinstance(section, TrainedModelConfig) else 0,
                len(plan.seeds(model)),
                once(training, section, *shape) if trained else Cost(),
                once(mean if whole else sampled, whole or section, *shape, dataset.horizon),
                once(scored, None, *shape, dataset.horizon),
            )


def table(rows: list[Row], machine: Machine) -> str:
    """Return Markdown with one line per row, then hours by model and dataset with sums."""
    lines = [
        "| dataset | model | px | steps | TFLOP per step | GB per step | ms per step | training h "
        "| sampling h | scoring h |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        share = 1 / row.steps * row.training if row.steps else Cost()
        step = [f"{row.steps:,}", f"{share.flops / 1e12:.3g}", f"{share.traffic / 1e9:.3g}",
                f"{1e3 * share.seconds(machine):.3g}"]  # fmt: skip
        hours = [_rounded(row.hours(machine, kind)) for kind in KINDS]
        if not row.steps:
            step, hours[0] = [""] * 4, ""
        cells = [row.dataset, row.model, str(row.size), *step, *hours]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_sums(rows, machine)])


def _rounded(hours: float) -> str:
    return "< 0.01" if 0 < hours < 0.005 else f"{hours:.2f}"


def _sums(rows: list[Row], machine: Machine) -> Iterator[str]:
    datasets = list(dict.fromkeys(row.dataset for row in rows))
    yield "| GPU hours | " + " | ".join([*datasets, "together"]) + " |"
    yield "|---" * (len(datasets) + 2) + "|"

    def line(name: str, chosen: list[Row], *kinds: str) -> str:
        found = [
            sum(row.hours(machine, *kinds) for row in chosen if row.dataset == dataset)
            for dataset in datasets
        ]
        return f"| {name} | " + " | ".join(f"{h:.1f}" for h in [*found, sum(found)]) + " |"

    for model in dict.fromkeys(row.model for row in rows):
        yield line(model, [row for row in rows if row.model == model])
    for kind in KINDS:
        yield line(f"all {kind}", rows, kind)
    yield line("together", rows)


def report(rows: list[Row], machine: Machine) -> str:
    """Return the table with its assumptions."""
    trainings = sum(row.seeds for row in rows if row.steps)
    others = sum(row.seeds for row in rows)
    bound = sum(row.seeds * getattr(row, kind).bound(machine) for row in rows for kind in KINDS)
    total = sum(row.hours(machine) for row in rows)
    return "\n".join(
        [
            "Predicted, not measured: counted FLOPs and memory traffic (nothing fused, float32) at "
            f"an assumed {machine.tflops:g} TFLOP/s and {machine.bandwidth:g} TB/s, each operation "
            f"the longer of the two and {machine.kernel:g} µs to launch; a host that needs "
            f"{machine.forward:g} µs for each operation of a forward pass and "
            f"{machine.backward:g} µs for one of a backward pass sets the time where it is slower.",
            "",
            table(rows, machine),
            "",
            f"{trainings} trainings, {others} samplings and scorings: {total:.0f} GPU hours; "
            f"{bound / 3600:.0f} if computing and moving overlapped and launching took no time.",
        ]
    )


def main() -> None:
    machine = Machine()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--config", type=Path, nargs="+", default=[CONFIG])
    parser.add_argument(
        "--tflops", type=float, default=machine.tflops, help="rate of products, 10¹² FLOP/s"
    )
    parser.add_argument(
        "--bandwidth", type=float, default=machine.bandwidth, help="memory bandwidth, TB/s"
    )
    given = parser.parse_args()
    for name in ("tflops", "bandwidth"):
        if not getattr(given, name) > 0:
            parser.error(f"--{name}: must be above 0")
    machine = Machine(given.tflops, given.bandwidth)
    print(report(list(predicted(load_experiment(given.config), machine)), machine))


if __name__ == "__main__":
    main()
