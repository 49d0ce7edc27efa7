from pathlib import Path

import pytest
import yaml

from rvd.config.errors import ConfigError
from rvd.config.merging import merge
from rvd.config.trained import TrainedModelConfig
from rvd.experiment.loading import experiment_from_mapping, load_experiment
from rvd.workflow import rerun_keys
from rvd.workflow.captions import budget
from rvd.workflow.plan import Plan
from rvd.workflow.provenance import write_config
from tests.tiny import config, experiment

REPOSITORY = Path(__file__).parents[2]
PAPER = REPOSITORY / "config" / "config.yaml"
DEMO = REPOSITORY / "config" / "demo.yaml"

FILMS = {"reader": "folder", "path": "films", "size": 16}


def changed(path, value):
    """The tiny config with the key at a dotted ``path`` set to ``value``."""
    change = value
    for key in reversed(path.split(".")):
        change = {key: change}
    return merge(config(), change)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("evaluation.contxt", 3, "evaluation.contxt: there is no such key; did you mean 'context'"),
        ("models.rvd.objective.sgma", 1, "models.rvd.objective.sgma: .* did you mean 'sigma'"),
        ("datasets.simulation.size", "big", "datasets.simulation.size: .*given 'big'"),
        ("datasets.simulation.horizon", 0, "datasets.simulation.horizon: .*greater than 0"),
        ("evaluation.ensemble", 0, "evaluation.ensemble: .*greater than 0 .*given 0"),
        ("evaluation.context", 60, "evaluation.context: 60 context and 3 future frames are more"),
        (
            "evaluation.exceedance_thresholds",
            [64, 255],
            "evaluation.exceedance_thresholds.* less than",
        ),
        ("evaluation.exceedance_thresholds", [], "evaluation.exceedance_thresholds: .*at least 1"),
        ("evaluation.exceedance_thresholds", [64, 64], "a threshold is given twice"),
        ("run.models", ["rvd", "gan"], "run.models: 'gan' does not exist; there are analogue"),
        ("run.datasets", ["kth2"], "run.datasets: 'kth2' does not exist; there are simulation"),
        ("run.models", [], "run.models: .*at least 1"),
        ("models.rvd.kind", "gan", "models.rvd.kind: 'gan' is not one of 'rvd'"),
        ("models.vd.like", "vd2", "models.vd.like: 'vd2' is not another of the models"),
        ("models.rvd.like", "vd", "is not another of the models"),
        ("models.rvd-mean.of", "vd", "models.rvd-mean.of: 'vd' is not a model with"),
        (
            "models.rvd-1",
            {"kind": "resampled", "of": "persistence", "sampler": {}},
            "models.rvd-1.of: 'persistence' is not a model with a sampler",
        ),
        (
            "models.rvd-1",
            {"kind": "resampled", "of": "rvd", "sampler": {"method": "euler", "steps": 1}},
            "models.rvd-1.sampler.method: euler does not fit",
        ),
        ("models.rvd.training.future", 50, "models.rvd.training.*clips of 52 frames are longer"),
        ("models.rvd.training.steps", 1.5, "models.rvd.training.steps: .*given 1.5"),
        ("models.rvd.sampler.steps", None, "models.rvd.sampler: method: ddim needs a number"),
        ("datasets.simulation.size", 20, "size: 20 pixels, but columns"),
        ("datasets.simulation.pool", 3, "columns, flow.height and pool give 10.6667 × 10.6667"),
        ("datasets.simulation.flow.velocity", 0.3, "velocity.*Mach"),
        ("datasets.simulation.flow.solver", "magic", "flow.solver: .*'numba'"),
        ("datasets.simulation.columns", [0, 900], "columns: .*not a range within 0 and 64"),
        ("models.rvd.networks", {16: {"width": 9}}, "networks.16.width: .*multiple of 8"),
        ("datasets.simulation.reader", "kht", "datasets.simulation.reader: 'kht' is not one of"),
        ("datasets.simulation.colums", 3, "^datasets.simulation.colums: .* mean 'columns'"),
        ("datasets.new", {"size": 64}, "^datasets.new.reader: this key is required and missing"),
        ("datasets.new", FILMS | {"path": None}, "^datasets.new.path: .*string"),
        ("datasets.new", FILMS | {"crop": "left"}, "^datasets.new.crop"),
        ("datasets.new", FILMS | {"shares": {"val": 0.6, "test": 0.5}}, "leaves none to train on"),
        ("root", None, "root: .*string"),
        ("run.seeds", [-1], "run.seeds.0: .*given -1"),
        ("evaluation.clips_from", "first", "evaluation.clips_from: .*'spread' or 'authors'"),
        (
            "evaluation",
            {"clips_from": "authors", "clips": 7},
            r"^evaluation.clips_from: authors takes 7 clips .* of 'simulation' have 6;",
        ),
        (
            "models.rvd.training.micro_batch",
            {16: 3},
            r"^models.rvd.training: micro_batch.16: 3 clips do not divide the batch of 2; .* 1, 2$",
        ),
        (
            "models.rvd.training.micro_batch",
            {64: 2},
            r"^models.rvd.training: micro_batch.64: batch has no entry .* \(there are: 16\)$",
        ),
    ],
)
def test_an_error_is_one_line_that_names_the_key(path, value, said):
    with pytest.raises(ConfigError, match=said) as caught:
        experiment_from_mapping(changed(path, value))
    assert "\n" not in str(caught.value)


def test_a_size_without_a_network_is_refused():
    values = config()
    values["models"]["rvd"]["networks"] = {32: values["models"]["rvd"]["networks"][16]}
    with pytest.raises(ConfigError, match=r"models\.rvd\.networks: there is no entry for .* 16"):
        experiment_from_mapping(values)


def test_missing_keys_are_named():
    values = config()
    del values["evaluation"]
    with pytest.raises(ConfigError, match="evaluation: this key is required"):
        experiment_from_mapping(values)


def test_like_inherits_the_keys_that_are_not_given():
    described = experiment()
    assert described.models["vd"].residual is False
    assert described.models["vd"].training == described.models["rvd"].training
    assert described.models["vd"].objective.sigma == 1.0


def test_a_sampler_has_no_more_steps_than_the_diffusion():
    wrong = changed("models.rvd.sampler", {"method": "ddim", "steps": 11})
    with pytest.raises(ConfigError, match=r"sampler.steps: 11 are more than the 10 diffusion"):
        experiment_from_mapping(wrong)


def test_the_papers_objective_is_one_word():
    objective = experiment_from_mapping(changed("models.rvd.objective", "paper")).models["rvd"]
    assert objective.objective == load_experiment([PAPER]).models["rvd"].objective


def test_official_objective_is_one_word():
    described = experiment_from_mapping(changed("models.rvd.objective", "official"))
    assert described.models["rvd"].objective.loss == "absolute"
    assert described.models["rvd"].objective.sigma == 1.0
    assert described.models["vd"].objective.loss == "absolute"


def test_the_experiment_is_frozen():
    with pytest.raises(ValueError, match="frozen"):
        experiment().evaluation.context = 5


def test_default_config_is_the_paper():
    paper = load_experiment([PAPER])
    rvd = paper.models["rvd"]
    assert rvd.diffusion_steps == 1600
    assert rvd.objective.model_dump() == {
        "sigma": 2.0,
        "target": "noise",
        "loss": "squared",
        "mean_loss": 0.0,
        "step_of": "clip",
    }
    assert rvd.sampler.method == "ancestral"
    training = rvd.training
    assert (training.context, training.future, training.steps) == (2, 6, 1_000_000)
    assert training.batch == {64: 8, 128: 4}
    assert training.learning_rate.initial == 5e-5
    assert training.learning_rate.drops == {500_000: 2e-5}
    small, large = rvd.networks[64], rvd.networks[128]
    assert (small.width, small.denoiser_multipliers, small.transform_multipliers) == (
        48,
        (1, 2, 4, 8),
        (1, 2, 2, 4),
    )
    assert (large.width, large.denoiser_multipliers, large.transform_multipliers) == (
        64,
        (1, 1, 2, 2, 4, 4),
        (1, 2, 3, 4),
    )
    assert (paper.models["vd"].residual, paper.models["vd"].objective.sigma) == (False, 1.0)
    assert paper.models["rvd-2+3"].training.future == 3
    assert paper.evaluation.context == 4
    flow = paper.datasets["simulation"]
    assert (flow.size, flow.horizon, flow.flow.interval) == (128, 16, 128)
    frames = {split: len(runs.reynolds) * runs.frames for split, runs in flow.runs.items()}
    assert (frames["train"], frames["test"]) == (8000, 2000)


def test_the_papers_datasets():
    paper = load_experiment([PAPER])
    assert set(paper.run.datasets) == {"kth", "bair", "simulation", "cityscapes"}
    shapes = {name: (d.size, d.channels, d.horizon) for name, d in paper.datasets.items()}
    assert shapes == {
        "kth": (64, 1, 12),
        "bair": (64, 3, 16),
        "simulation": (128, 1, 16),
        "simulation-perturbed": (128, 1, 16),
        "cityscapes": (128, 3, 16),
    }
    assert len(paper.datasets["kth"].download.files) == 7
    tar = paper.datasets["bair"].download.files["bair_robot_pushing_dataset_v0.tar"]
    assert tar.bytes == 32_274_964_480
    assert paper.datasets["cityscapes"].shortest("test") == 30
    assert paper.datasets["kth"].shortest("test") is None


def test_test_flows_are_never_trained_on():
    for paths in ([PAPER], [PAPER, DEMO]):
        runs = load_experiment(paths).datasets["simulation"].runs
        seen = {*runs["train"].reynolds, *runs["val"].reynolds}
        assert not seen & set(runs["test"].reynolds)
        seeds = [
            s.seed for s in load_experiment(paths).datasets["simulation"].simulations().values()
        ]
        assert len(seeds) == len(set(seeds))


def test_demo_holds_only_what_differs():
    paper, demo = yaml.safe_load(PAPER.read_text()), yaml.safe_load(DEMO.read_text())

    def same(one, other, path=""):
        for key, value in other.items():
            if isinstance(value, dict) and isinstance(one.get(key), dict):
                yield from same(one[key], value, f"{path}{key}.")
            elif key in one and one[key] == value:
                yield f"{path}{key}"

    assert list(same(paper, demo)) == []
    assert load_experiment([PAPER, DEMO]).root == "demo"


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.yaml: cannot be read"):
        load_experiment([tmp_path / "absent.yaml"])
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(ConfigError, match=r"bad.yaml, line \d: is not valid YAML"):
        load_experiment([tmp_path / "bad.yaml"])
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="not a mapping"):
        load_experiment([tmp_path / "list.yaml"])


def test_the_resolved_config_reads_back_the_same(tmp_path):
    for paths in ([PAPER], [PAPER, DEMO]):
        described = load_experiment(paths)
        write_config(described, tmp_path / "config.json")
        assert load_experiment([tmp_path / "config.json"]) == described


def test_svg_lp_has_its_sources_values_on_kth():
    paper = load_experiment([PAPER])
    kth, bair = (paper.model("svg-lp", name) for name in ("kth", "bair"))
    assert (kth.divergence_weight, bair.divergence_weight) == (1e-6, 1e-4)
    assert (kth.training.learning_rate.initial, bair.training.learning_rate.initial) == (8e-4, 2e-3)
    assert (kth.training.context, bair.training.context) == (10, 2)
    assert kth.training.future == bair.training.future == 10
    assert kth.why_not_context(paper.evaluation.context) is None


def test_all_models_of_the_paper_have_its_million_steps():
    paper = load_experiment([PAPER])
    for dataset in paper.datasets:
        sections = [paper.model(name, dataset) for name in paper.models]
        trained = [section for section in sections if isinstance(section, TrainedModelConfig)]
        assert {section.training.steps for section in trained} == {1_000_000}


def test_future_gan_has_grown_within_its_budget():
    """To 128 pixels in equal numbers of clips, of which half fade a resolution in."""
    section = load_experiment([PAPER]).models["future-gan"]
    levels = section.levels
    assert sum(level.fading + level.stable for level in levels.values()) == section.training.steps
    assert {level.batch * level.stable for level in levels.values()} == {256_000}
    assert {level.fading for size, level in levels.items() if size > 4} == {
        level.stable for size, level in levels.items() if size > 4
    }
    assert section.growth(section.training.steps - 1, 128)[:2] == (128, 1.0)


class TestPlan:
    """A change reruns what it touches and nothing else."""

    def test_the_budget_in_words(self):
        assert budget(experiment()) == (
            "6 steps: rvd, vd; N = 10, ddim in 2 steps: rvd, vd; 3 members, 2 clips at the most, "
            "spread over the test videos"
        )

    def test_sampler_and_protocol_do_not_touch_training(self):
        before = experiment()
        for path, value in (
            ("models.rvd.sampler.steps", 3),
            ("evaluation.ensemble", 5),
            ("datasets.simulation.horizon", 4),
            ("models.rvd.training.workers", 2),
        ):
            after = experiment_from_mapping(changed(path, value))
            assert rerun_keys.training(after, "simulation", "rvd") == rerun_keys.training(
                before, "simulation", "rvd"
            )
            assert rerun_keys.conversion(after, "simulation") == rerun_keys.conversion(
                before, "simulation"
            )
        for path, value in (("models.rvd.training.steps", 7), ("revision", 2)):
            after = experiment_from_mapping(changed(path, value))
            assert rerun_keys.training(after, "simulation", "rvd") != rerun_keys.training(
                before, "simulation", "rvd"
            )
            assert rerun_keys.sampling(after, "simulation", "rvd") == rerun_keys.sampling(
                before, "simulation", "rvd"
            )

    def test_the_choice_of_clips_reruns_sampling_and_its_default_is_that_of_before(self):
        before = rerun_keys.sampling(experiment(), "simulation", "rvd")
        assert "clips_from" not in before
        other = experiment_from_mapping(changed("evaluation.clips_from", "authors"))
        assert rerun_keys.sampling(other, "simulation", "rvd") != before
        assert "the first 2 clips of the authors' loader" in budget(other)

    def test_thresholds_rerun_scoring_alone_and_their_default_is_that_of_before(self):
        before = experiment()
        assert "thresholds" not in rerun_keys.scoring(before)
        assert "exceedance_thresholds" not in before.evaluation.recorded()
        other = experiment_from_mapping(changed("evaluation.exceedance_thresholds", [100]))
        assert rerun_keys.scoring(other) != rerun_keys.scoring(before)
        assert rerun_keys.sampling(other, "simulation", "rvd") == rerun_keys.sampling(
            before, "simulation", "rvd"
        )

    def test_new_films_are_converted_and_other_mirrors_are_not(self, tmp_path):
        (tmp_path / "a.gif").write_bytes(b"a")
        films = FILMS | {"path": str(tmp_path)}
        described = experiment_from_mapping(changed("datasets.new", films))
        before = rerun_keys.conversion(described, "new")
        assert rerun_keys.conversion(described, "new") == before
        (tmp_path / "b.gif").write_bytes(b"b")
        assert rerun_keys.conversion(described, "new") != before
        paper = yaml.safe_load(PAPER.read_text())
        other = merge(paper, {"datasets": {"kth": {"download": {"mirrors": ["http://here"]}}}})
        first, second = (experiment_from_mapping(values) for values in (paper, other))
        assert rerun_keys.conversion(first, "kth") == rerun_keys.conversion(second, "kth")
        assert Plan(first).raw_files("kth")[-1] == "data/raw/kth/00sequences.txt.sha256"

    def test_the_order_of_keys_stays_as_the_text_is_compared(self):
        text = rerun_keys.conversion(experiment(), "simulation")
        assert text.startswith('{"size": 16, "channels": 1, "frame_rate": ')
        assert list(experiment().models["rvd"].model_dump())[:2] == ["training", "kind"]

    def test_means_read_the_predictor_of_their_model(self):
        plan = Plan(experiment(root="out"))
        expected = ["out/results/simulation/rvd/seed0/predictor.safetensors"]
        assert plan.predictor("simulation", "rvd-mean", 0) == expected
        assert plan.predictor("simulation", "rvd", 0) == expected
        assert plan.predictor("simulation", "persistence", 0) == []

    def test_non_learned_baselines_have_one_seed(self):
        run = {"datasets": ["simulation"], "models": ["rvd", "persistence"], "seeds": [3, 4]}
        assert Plan(experiment(run=run)).results("scores.csv") == [
            "./results/simulation/rvd/seed3/scores.csv".removeprefix("./"),
            "results/simulation/rvd/seed4/scores.csv",
            "results/simulation/persistence/seed3/scores.csv",
        ]


def test_seeds_of_one_model_replace_the_common_ones():
    values = config()
    values["run"] |= {"seeds": [3, 4], "seeds_of": {"rvd": [0, 1, 2]}}
    plan = Plan(experiment_from_mapping(values))
    assert plan.seeds("rvd") == plan.seeds("rvd-mean") == (0, 1, 2)
    assert plan.seeds("vd") == (3, 4)
    assert plan.seeds("persistence") == (3,)
    scores = plan.results("scores.csv", ["rvd", "vd"])
    assert len(scores) == 5
    assert scores[2].endswith("simulation/rvd/seed2/scores.csv")


def test_a_model_with_the_weights_of_another_can_have_some_of_its_seeds():
    values = config()
    values["run"] |= {"seeds": [3, 4], "seeds_of": {"rvd-mean": [4]}}
    plan = Plan(experiment_from_mapping(values))
    assert plan.seeds("rvd-mean") == (4,)
    assert plan.seeds("rvd") == (3, 4)
    values["run"]["seeds_of"] = {"rvd-mean": [5]}
    with pytest.raises(ConfigError, match=r"^run.seeds_of.rvd-mean: .* 'rvd', .* the seed 5$"):
        experiment_from_mapping(values)


def test_seeds_of_no_model_leave_older_tables_as_they_are():
    assert "seeds_of" not in rerun_keys.table(experiment_from_mapping(config()))


@pytest.mark.parametrize("name", ["rvdd", "persistence"])
def test_seeds_of_what_is_not_trained_are_refused(name):
    values = config()
    values["run"] |= {"seeds_of": {name: [0]}}
    with pytest.raises(
        ConfigError, match=rf"^run.seeds_of: '{name}' is not a model that is trained"
    ):
        experiment_from_mapping(values)
