import pandas as pd
import pytest
import torch
import yaml

from rvd.config.merging import merge
from rvd.diffusion.config import SamplerConfig
from rvd.errors import UserError
from rvd.evaluation.tuning import (
    Trial,
    TuningTask,
    choose,
    try_samplers,
    write_choice,
    write_costs,
)
from rvd.experiment.loading import experiment_from_mapping
from rvd.models.registry import build
from rvd.video import VideoFile
from tests.models.tiny_models import TINY, built
from tests.tiny import SIZE, config, experiment, write_squares

TASK = TuningTask(context=2, horizon=2, ensemble=3, clips=2, seed=0)


def trial(steps, value, method="ddim"):
    sampler = SamplerConfig(method=method, steps=steps if method != "ancestral" else None)
    return Trial(sampler, steps or 100, value, 1.0)


def test_the_cheapest_sampler_near_the_best_is_chosen():
    trials = [trial(2, 3.0), trial(5, 1.015), trial(20, 1.0), trial(0, 0.5, "ancestral")]
    assert choose(trials, most_steps=32).sampler.steps == 5
    assert choose(trials, most_steps=100).sampler.method == "ancestral"
    assert choose(trials, most_steps=2).sampler.steps == 2


def test_candidates_stay_within_the_schedule():
    section = experiment().models["rvd"]
    assert section.diffusion_steps == 10
    assert all(section.evaluations(s) <= 10 for s in section.sampler_candidates(32))
    methods = {sampler.method for sampler in section.sampler_candidates(32)}
    assert methods == {"ancestral", "ddim", "dpm-solver"}


def test_candidates_of_a_flow_follow_its_velocity():
    section = TINY["rvd"].section()
    values = section.model_dump(mode="json")
    values |= {"objective": {"sigma": 1.0, "target": "flow"}}
    values |= {"sampler": {"method": "euler", "steps": 1}}
    found = type(section).model_validate(values).sampler_candidates(4)
    assert {(sampler.method, sampler.steps) for sampler in found} == {
        ("euler", 1), ("euler", 2), ("heun", 2), ("euler", 3), ("heun", 3)
    }  # fmt: skip


def test_the_noise_of_a_model_with_one_evaluation_is_chosen(tmp_path):
    section = TINY["crps"].section()
    free = type(section).model_validate(section.model_dump(mode="json") | {"roll_out": None})
    model = built(free, SIZE)
    with VideoFile(write_squares(tmp_path / "v.h5")) as videos:
        trials = list(try_samplers(model, videos, TASK, free.sampler_candidates(1)))
    assert len({t.crps for t in trials}) > 1
    write_costs(tmp_path / "costs.csv", trials)
    assert set(pd.read_csv(tmp_path / "costs.csv").steps) == {1}
    best = choose(trials, 1)
    assert best.crps == min(t.crps for t in trials)
    assert section.sampler_candidates(1) == []  # trained on roll-outs of its own noise


def test_samplers_are_tried_on_the_same_clips_and_the_choice_is_a_config(tmp_path):
    torch.manual_seed(0)
    model = build(experiment().models["rvd"], SIZE, 1)
    samplers, before = model.config.sampler_candidates(5), model.config.model_copy()
    with VideoFile(write_squares(tmp_path / "v.h5")) as videos:
        trials = list(try_samplers(model, videos, TASK, samplers))
        again = list(try_samplers(model, videos, TASK, samplers))
    assert [t.sampler for t in trials] == samplers
    assert model.config == before
    assert [t.crps for t in trials] == [t.crps for t in again]
    chosen = choose(trials, 5)
    write_choice(tmp_path / "chosen.yaml", "rvd", "simulation", chosen)
    change = yaml.safe_load((tmp_path / "chosen.yaml").read_text())
    described = experiment_from_mapping(merge(config(), change))
    assert described.model("rvd", "simulation").sampler == chosen.sampler
    write_costs(tmp_path / "costs.csv", trials)
    table = pd.read_csv(tmp_path / "costs.csv")
    assert {"sampler", "steps", "clip", "crps", "seconds"} <= set(table)
    assert table.steps.iloc[-1] == 10


def test_validation_videos_that_are_too_short_are_refused(tmp_path):
    model = build(experiment().models["rvd"], SIZE, 1)
    with (
        VideoFile(write_squares(tmp_path / "v.h5", frames=3)) as videos,
        pytest.raises(UserError, match="no validation video has 4 frames"),
    ):
        list(try_samplers(model, videos, TASK, [SamplerConfig()]))
