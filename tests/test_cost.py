"""The predicted cost of an experiment, and the config that fits a day."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from benchmarks.cost import predicted, report
from benchmarks.counting import Cost, Counter, Machine
from benchmarks.work import Phase, phases, training_step
from rvd.experiment.loading import load_experiment
from tests import tiny

REPOSITORY = Path(__file__).parents[1]
CONFIG = REPOSITORY / "config"
H100 = Machine()
FREE = Machine(kernel=0, forward=0, backward=0)


class TestCounting:
    def test_a_convolution_is_counted_exactly(self):
        x = torch.empty(2, 3, 8, 8, device="meta")
        weight = torch.empty(5, 3, 3, 3, device="meta")
        with Counter(H100) as counter:
            F.conv2d(x, weight, padding=1)
        assert counter.cost.flops == 2 * (2 * 5 * 8 * 8) * (3 * 3 * 3)
        assert counter.cost.traffic == 4 * (x.numel() + weight.numel() + 2 * 5 * 8 * 8)
        assert (counter.cost.forward, counter.cost.backward) == (1, 0)

    def test_views_are_free_and_expanded_inputs_count_their_storage(self):
        x = torch.empty(4, 1, device="meta")
        with Counter(H100) as counter:
            wide = x.expand(4, 100)
            wide.transpose(0, 1)
        assert counter.cost == Cost()
        with Counter(H100) as counter:
            wide + 1
        assert counter.cost.traffic == 4 * (4 + 400)

    def test_backward_and_forward_operations_are_distinguished(self):
        weight = torch.empty(3, 3, device="meta", requires_grad=True)
        with Counter(H100) as counter:
            (torch.empty(2, 3, device="meta") @ weight).sum().backward()
        assert counter.cost.forward > 0
        assert counter.cost.backward > 0
        assert counter.cost.flops == 2 * (2 * 2 * 3 * 3)

    def test_the_slower_of_device_and_host_sets_the_time(self):
        work = Cost(flops=2e12, traffic=1e9, roofline=0.01, forward=1000)
        assert work.seconds(Machine()) == pytest.approx(0.0125)
        assert work.seconds(Machine(forward=20)) == pytest.approx(0.02)
        assert work.bound(Machine()) == pytest.approx(0.01)


def test_rvd_at_64_pixels_takes_the_published_codes_flops():
    section = load_experiment([CONFIG / "config.yaml"]).models["rvd"]
    step = training_step(section, 64, 3, 0, H100)
    # 2.22 TFLOP were counted on the published code (docs/reproduction.md).
    assert step.flops == pytest.approx(2.22e12, rel=0.01)


def test_a_growing_model_has_two_phases_for_each_resolution():
    section = load_experiment([CONFIG / "config.yaml"]).models["future-gan"]
    found = phases(section, 8)
    first, second = section.levels[4], section.levels[8]
    stable = first.stable + second.fading - 1
    assert found == [
        Phase(0, first.stable),
        Phase(first.stable, second.fading - 1),
        Phase(stable, section.training.steps - stable),
    ]


class TestTable:
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls):
        return list(predicted(tiny.experiment(), FREE))

    def test_there_is_one_row_per_dataset_and_model(self, rows):
        run = tiny.experiment().run
        assert [(row.dataset, row.model) for row in rows] == [
            (dataset, model) for dataset in run.datasets for model in run.models
        ]
        text = report(rows, FREE)
        assert "Predicted, not measured" in text
        for model in run.models:
            assert text.count(f"| simulation | {model} |") == 1

    def test_steps_scale_only_the_training(self, rows):
        experiment = tiny.experiment()
        section = experiment.models["rvd"]
        twice = section.training.model_copy(update={"steps": 12})
        models = experiment.models | {"rvd": section.model_copy(update={"training": twice})}
        longer = next(iter(predicted(experiment.model_copy(update={"models": models}), FREE)))
        assert longer.training.flops == pytest.approx(2 * rows[0].training.flops)
        assert longer.sampling.flops == rows[0].sampling.flops > 0

    def test_evaluations_scale_the_sampling(self):
        def sampled(steps):
            values = tiny.config()
            values["models"]["rvd"]["sampler"] = {"method": "ddim", "steps": steps}
            experiment = tiny.experiment(models=values["models"])
            return next(iter(predicted(experiment, FREE))).sampling.flops

        assert sampled(8) - sampled(5) == pytest.approx(3 * (sampled(5) - sampled(4)))

    def test_rates_scale_the_hours(self):
        machine = dataclasses.replace(FREE, bandwidth=1e9)
        slow, fast = (
            sum(
                row.hours(dataclasses.replace(machine, tflops=rate))
                for row in predicted(tiny.experiment(), dataclasses.replace(machine, tflops=rate))
            )
            for rate in (100, 200)
        )
        assert slow == pytest.approx(2 * fast, rel=1e-3)

    def test_a_rate_of_zero_is_refused(self):
        command = [sys.executable, "-m", "benchmarks.cost", "--tflops=0"]
        run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert run.returncode == 2
        assert run.stderr.splitlines()[-1].endswith("--tflops: must be above 0")


@pytest.mark.slow
class TestDay:
    @pytest.fixture(scope="class")
    @classmethod
    def rows(cls):
        experiment = load_experiment([CONFIG / "config.yaml", CONFIG / "gpu-day.yaml"])
        # The perturbed street costs the same as the plain one.
        run = experiment.run.model_copy(update={"datasets": ("simulation", "kth")})
        return list(predicted(experiment.model_copy(update={"run": run}), H100))

    def test_all_three_datasets_fit(self, rows):
        hours = {
            dataset: sum(row.hours(H100) for row in rows if row.dataset == dataset)
            for dataset in ("simulation", "kth")
        }
        assert 2 * hours["simulation"] + hours["kth"] < 24

    def test_trainings_have_equal_shares(self, rows):
        shares = [row.training.seconds(H100) for row in rows if row.steps]
        assert len(shares) == 18
        assert max(shares) < 1.25 * min(shares)
