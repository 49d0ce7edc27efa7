"""Settings of a model per dataset: ``models.<name>.on.<dataset>``."""

import json

import pytest

from rvd.config.errors import ConfigError
from rvd.config.merging import merge
from rvd.experiment.loading import experiment_from_mapping, load_experiment
from rvd.models.files import load, save
from rvd.models.registry import build
from rvd.workflow import rerun_keys
from rvd.workflow.captions import budget
from rvd.workflow.provenance import write_config
from tests.tiny import SIZE, config, experiment

TWO = {"simulation-2": {"like": "simulation"}}


def two_datasets(on=None, models=None):
    """The tiny config with a second dataset; ``on`` are the settings of ``rvd`` per dataset."""
    values = config(run=config()["run"] | {"datasets": ["simulation", "simulation-2"]})
    change = {"datasets": TWO, "models": {"rvd": {"on": on or {}}} | (models or {})}
    return merge(values, change)


LONGER = {"simulation-2": {"training": {"steps": 9, "batch": {SIZE: 1}}}}


def test_settings_are_laid_over_the_section_on_their_dataset_only():
    described = experiment_from_mapping(two_datasets(LONGER))
    here, there = (described.model("rvd", name) for name in ("simulation", "simulation-2"))
    assert (here.training.steps, there.training.steps) == (6, 9)
    assert (here.training.batch, there.training.batch) == ({SIZE: 2}, {SIZE: 1})
    assert here.training.average == there.training.average
    assert here.on == there.on == {}
    assert described.model("persistence", "simulation-2") == described.models["persistence"]


def test_like_inherits_them_and_may_lay_its_own_over():
    values = two_datasets(LONGER, {"vd": {"on": {"simulation-2": {"training": {"steps": 8}}}}})
    vd = experiment_from_mapping(values).model("vd", "simulation-2")
    assert (vd.residual, vd.training.steps, vd.training.batch) == (False, 8, {SIZE: 1})


def test_an_objective_in_a_word_is_one_here_too():
    described = experiment_from_mapping(two_datasets({"simulation": {"objective": "official"}}))
    assert described.model("rvd", "simulation").objective.loss == "absolute"
    assert described.model("rvd", "simulation-2").objective.loss == "squared"


@pytest.mark.parametrize(
    ("on", "said"),
    [
        (
            {"ktx": {}},
            r"models\.rvd\.on\.ktx: there is no such dataset; there are simulation, simulation-2",
        ),
        ({"simulation": {"kind": "svg-lp"}}, r"models\.rvd\.on\.simulation\.kind: a model's kind"),
        ({"simulation": {"like": "vd"}}, r"models\.rvd\.on\.simulation\.like: a model's like"),
        ({"simulation": {"on": {}}}, r"models\.rvd\.on\.simulation\.on: a model's on"),
        (
            {"simulation": {"training": {"stps": 3}}},
            r"models\.rvd\.on\.simulation\.training\.stps: there is no such key; did you mean 'st",
        ),
        (
            {"simulation": {"training": {"steps": 0}}},
            r"models\.rvd\.on\.simulation\.training\.steps: .*greater than 0 \(given 0\)",
        ),
        (
            {"simulation": {"sampler": {"steps": 11}}},
            r"models\.rvd\.on\.simulation\.sampler\.steps: 11 are more than the 10",
        ),
        (
            {"simulation": {"training": {"future": 50}}},
            r"models\.rvd\.training\.context: clips of 52 frames are longer .* 'simulation'",
        ),
        (
            {"simulation-2": {"residual": False}},
            r"models\.rvd-mean\.of: 'rvd' is not a model with .* on 'simulation-2'",
        ),
        ({"simulation": 3}, r"models\.rvd\.on\.simulation: .*\(given 3\)"),
    ],
)
def test_an_error_is_one_line_that_names_the_key(on, said):
    with pytest.raises(ConfigError, match=said) as caught:
        experiment_from_mapping(two_datasets(on))
    assert "\n" not in str(caught.value)


def test_a_model_that_is_not_trained_has_none():
    values = merge(config(), {"models": {"persistence": {"on": {}}}})
    with pytest.raises(ConfigError, match=r"models\.persistence\.on: there is no such key"):
        experiment_from_mapping(values)


def test_the_resolved_config_reads_back_the_same(tmp_path):
    described = experiment_from_mapping(two_datasets(LONGER))
    write_config(described, tmp_path / "config.json")
    again = load_experiment([tmp_path / "config.json"])
    assert again == described
    assert again.model("rvd", "simulation-2").training.batch == {SIZE: 1}


def test_they_rerun_the_trainings_of_their_dataset_only():
    before = experiment_from_mapping(two_datasets())
    after = experiment_from_mapping(two_datasets(LONGER))
    assert rerun_keys.training(after, "simulation", "rvd") == rerun_keys.training(
        before, "simulation", "rvd"
    )
    assert rerun_keys.training(after, "simulation-2", "rvd") != rerun_keys.training(
        before, "simulation-2", "rvd"
    )
    sampled = {"simulation-2": {"sampler": {"steps": 3}}}
    after = experiment_from_mapping(two_datasets(sampled))
    assert rerun_keys.training(after, "simulation-2", "rvd") == rerun_keys.training(
        before, "simulation-2", "rvd"
    )
    assert rerun_keys.sampling(after, "simulation", "rvd") == rerun_keys.sampling(
        before, "simulation", "rvd"
    )
    assert rerun_keys.sampling(after, "simulation-2", "rvd") != rerun_keys.sampling(
        before, "simulation-2", "rvd"
    )


def test_the_budget_names_datasets_where_it_differs():
    words = budget(experiment_from_mapping(two_datasets(LONGER)))
    assert words.startswith(
        "6 steps: rvd (simulation), vd (simulation); 9 steps: rvd (simulation-2), vd (simulation-2)"
    )
    assert "N = 10, ddim in 2 steps: rvd, vd;" in words


def test_stamps_and_predictor_files_have_no_trace_of_them(tmp_path):
    section = experiment().models["rvd"]
    assert "on" not in section.training_fingerprint()
    assert "on" not in section.model_dump(mode="json")
    assert '"on"' not in section.model_dump_json()
    described = experiment_from_mapping(two_datasets(LONGER))
    there = described.model("rvd", "simulation-2")
    save(build(there, SIZE, 1), tmp_path / "p.safetensors", {})
    assert load(tmp_path / "p.safetensors", there).config == there


def test_yaml_reads_the_key_without_quotes_as_true(tmp_path):
    """YAML 1.1 does, with quotes as text; both are laid over each other in the files' order."""
    (tmp_path / "config.json").write_text(json.dumps(two_datasets()))
    plain = "models: {rvd: {on: {simulation-2: {training: {steps: 9, workers: 1}}}}}"
    quoted = "models: {rvd: {'on': {simulation-2: {training: {steps: 8}}}}}"
    paths = [tmp_path / "config.json"]
    for number, text in enumerate((plain, quoted)):
        paths.append(tmp_path / f"{number}.yaml")
        paths[-1].write_text(text)
    described = load_experiment(paths)
    assert described.model("rvd", "simulation").training.steps == 6
    training = described.model("rvd", "simulation-2").training
    assert (training.steps, training.workers) == (8, 1)
    (tmp_path / "nested.yaml").write_text("models: {rvd: {on: {simulation: {on: {}}}}}")
    with pytest.raises(ConfigError, match=r"models\.rvd\.on\.simulation\.on: a model's on"):
        load_experiment([*paths, tmp_path / "nested.yaml"])
