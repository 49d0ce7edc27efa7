"""Models trained elsewhere: their config, import and sampling, and the errors."""

import os
import re
import shutil

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import save_file

from rvd.config.errors import ConfigError
from rvd.config.merging import merge
from rvd.diffusion.config import SamplerConfig
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.ensembles.sampling import forecaster, sample
from rvd.evaluation.status import progress_of
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.experiment.loading import experiment_from_mapping
from rvd.models.files import load, save
from rvd.models.noise import derived_seed, seeded_noise
from rvd.models.pretrained.importing import with_sampler
from rvd.models.registry import build
from rvd.models.rvd.official import import_official
from rvd.video.file import VideoFile
from rvd.workflow import rerun_keys
from rvd.workflow.captions import budget, not_trained_here
from rvd.workflow.plan import Plan
from tests.models.authors import DIGEST, OFFICIAL, REPOSITORY, imported, section, with_authors
from tests.tiny import SIZE, config, write_squares

DOCUMENT = REPOSITORY / "docs" / "reproduction.md"
WRONG = "0" * 64


class TestConfig:
    @pytest.mark.parametrize(
        ("keys", "said"),
        [
            ({"path": ""}, "models.authors: path: give either path or address, not neither"),
            (
                {"address": "https://a.org/x.pt", "path": "x.pt", "sha256": DIGEST},
                "models.authors: path: give either path or address, not both",
            ),
            ({"address": "https://a.org/x.pt"}, "models.authors: sha256: a file from an address"),
            ({"sha256": "12ab"}, "models.authors.sha256: string should match pattern"),
            ({"sha256": "g" * 64}, "models.authors.sha256: string should match pattern"),
            (
                {"address": "file:///etc/passwd", "sha256": DIGEST},
                "models.authors.address: string should match pattern",
            ),
            ({"format": "predictor", "weights": "average"}, "models.authors: weights: "),
            ({"format": "predictor", "size": 64}, "models.authors: size: "),
            (
                {"datasets": ["kht"]},
                "models.authors.datasets: 'kht' does not exist; there are simulation",
            ),
            ({"datasets": []}, "models.authors.datasets: tuple should have at least 1"),
            ({"steps": 3}, "models.authors.steps: there is no such key"),
        ],
    )
    def test_errors_are_one_line(self, keys, said):
        with pytest.raises(ConfigError) as error:
            experiment_from_mapping(with_authors(**keys))
        assert str(error.value).startswith(said)
        assert "\n" not in str(error.value)

    def test_a_missing_file_is_named_before_anything_starts(self):
        plan = Plan(experiment_from_mapping(with_authors(path="nowhere.pt")))
        with pytest.raises(ConfigError, match=r"models\.authors\.path: there is no file nowhere"):
            plan.check_local_checkpoints()

    def test_the_config_is_equal_after_writing_and_reading(self):
        values = with_authors(address="https://a.org/x.pt", sha256=DIGEST, sampler={"clip": 1.0})
        described = experiment_from_mapping(values)
        assert experiment_from_mapping(described.model_dump(mode="json")) == described

    @pytest.mark.parametrize(
        "address", ["https://a.org/x.pt", "http://a.org:8000//b/x.pt?download=1&at=/c"]
    )
    def test_the_download_is_of_the_address(self, address):
        values = with_authors(address=address, sha256=DIGEST)
        download = experiment_from_mapping(values).models["authors"].download()
        (mirror,) = download.mirrors
        assert f"{mirror}/{download.files[DIGEST].path}" == address
        assert download.files[DIGEST].sha256 == DIGEST


def test_the_example_of_the_documentation_is_a_config():
    _, _, text = DOCUMENT.read_text().partition("## Scoring the authors' checkpoint")
    example = re.search(r"```yaml\n(.*?)```", text, re.DOTALL).group(1)
    paper = yaml.safe_load((REPOSITORY / "config" / "config.yaml").read_text())
    described = experiment_from_mapping(merge(paper, yaml.safe_load(example)))
    plan = Plan(described)
    assert plan.tested_on("kth", "authors")
    assert plan.checkpoint_input("authors") == described.models["authors"].path


class TestPlan:
    def test_other_datasets_are_left_out_and_one_seed_is_run(self, tmp_path):
        values = with_authors(run_on=("simulation", "other"))
        values["datasets"]["other"] = values["datasets"]["simulation"]
        values["models"]["authors"]["datasets"] = ["simulation"]
        values["run"]["seeds"] = [0, 1]
        plan = Plan(experiment_from_mapping(values))
        assert plan.results("scores.csv") == [
            "results/simulation/persistence/seed0/scores.csv",
            "results/simulation/authors/seed0/scores.csv",
            "results/other/persistence/seed0/scores.csv",
        ]
        assert plan.excluded() == [("authors", "other")]
        assert plan.curves() == []
        assert [(p.dataset, p.model) for p in progress_of(plan)].count(("other", "authors")) == 0
        run = plan.experiment.run
        wanted = Wanted(run.datasets, plan.tabulated("table1"), [0], excluded=plan.excluded())
        table = tabulate([], "table1", wanted, tmp_path / "table1.csv", budget(plan.experiment))
        notes = table[table["model"] == "authors"].groupby("dataset")["note"].agg(set)
        assert notes["other"] == {"not tested on this dataset"}
        assert notes["simulation"] == {"no scores yet"}
        assert not_trained_here(plan.experiment) == [f"not trained here: authors, from {OFFICIAL}"]

    def test_a_sampler_changes_forecasts_and_not_the_import(self):
        before = experiment_from_mapping(with_authors())
        after = experiment_from_mapping(with_authors(sampler={"clip": 1.0}))
        imports = [rerun_keys.pretrained_import(e, "authors") for e in (before, after)]
        assert imports[0] == imports[1]
        samplings = [rerun_keys.sampling(e, "simulation", "authors") for e in (before, after)]
        assert samplings[0] != samplings[1]


class TestImport:
    def test_official_weights_are_those_of_the_checkpoint(self, tmp_path):
        for weights in ("raw", "average"):
            output = imported(tmp_path, section(weights=weights, sha256=DIGEST))
            expected = import_official(OFFICIAL, average=weights == "average", size=SIZE)
            found = load(output).state_dict()
            for name, tensor in expected.state_dict().items():
                torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)

    def test_a_predictor_file_is_copied_byte_for_byte(self, tmp_path):
        first = imported(tmp_path, section())
        given = tmp_path / "given.safetensors"
        shutil.move(first, given)
        described = section(path=str(given), format="predictor")
        assert imported(tmp_path, described, given).read_bytes() == given.read_bytes()

    def test_a_predictor_of_a_kind_that_is_not_installed_is_refused(self, tmp_path):
        given = tmp_path / "given.safetensors"
        metadata = {"format": "rvd-predictor", "version": "1", "config": '{"kind": "trend"}'}
        save_file({}, given, metadata)
        described = section(path=str(given), format="predictor")
        with pytest.raises(
            UserError, match="is of the kind 'trend'; install the package that adds"
        ):
            imported(tmp_path, described, given)
        assert not (tmp_path / "predictor.safetensors").exists()

    @pytest.mark.parametrize(
        ("keys", "task", "said"),
        [
            ({"sha256": WRONG}, {}, f"its SHA-256 is {DIGEST}, not {WRONG}"),
            ({"format": "predictor"}, {}, "is not a readable safetensors file"),
            ({"size": 32}, {}, "forecasts frames of 32 pixels and 1 channels, not of 16 and 1"),
            ({}, {"channels": 3}, "forecasts frames of 16 pixels and 1 channels, not of 16 and 3"),
            ({"sampler": SamplerConfig(method="ddim", steps=21)}, {}, "21 are more than the 20"),
        ],
    )
    def test_unfit_checkpoints_are_refused(self, tmp_path, keys, task, said):
        with pytest.raises(UserError, match=said):
            imported(tmp_path, section(**keys), **task)
        assert not (tmp_path / "predictor.safetensors").exists()

    def test_a_wrong_checksum_is_seen_before_the_file_is_read(self, tmp_path, monkeypatch):
        monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("the file was loaded"))
        with pytest.raises(UserError, match="its SHA-256 is"):
            imported(tmp_path, section(sha256=WRONG))

    def test_code_in_a_checkpoint_is_not_run(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return (os.mkdir, (str(tmp_path / "run"),))

        bad = tmp_path / "bad.pt"
        torch.save({"step": 1, "model": Evil(), "ema": {}}, bad)
        with pytest.raises(UserError, match="is not a safe PyTorch checkpoint"):
            imported(tmp_path, section(path=str(bad)), bad)
        assert not (tmp_path / "run").exists()

    @pytest.mark.parametrize(
        "change",
        [
            lambda content: content.update(model=[1, 2]),
            lambda content: content.update(model={"betas": 3}),
            lambda content: content["model"].pop("denoise_fn.final_conv.1.bias"),
            lambda content: content["model"].update(
                {"denoise_fn.final_conv.1.bias": torch.zeros(5)}
            ),
            lambda content: content["model"].update(betas=torch.zeros(1)),
        ],
    )
    def test_a_checkpoint_of_something_else_is_refused_in_one_line(self, tmp_path, change):
        content = torch.load(OFFICIAL, weights_only=True)
        change(content)
        bad = tmp_path / "bad.pt"
        torch.save(content, bad)
        with pytest.raises(UserError) as error:
            imported(tmp_path, section(path=str(bad)), bad)
        assert "\n" not in str(error.value)

    def test_a_model_without_a_sampler_takes_none(self, tmp_path):
        values = {
            "kind": "retrospective-cycle-gan",
            "training": config()["models"]["rvd"]["training"] | {"context": 4, "future": 1},
        }
        gan = experiment_from_mapping(config(models=config()["models"] | {"gan": values}))
        path = tmp_path / "gan.safetensors"
        save(build(gan.models["gan"], SIZE, 1), path, {})
        described = section(path=str(path), format="predictor")
        with pytest.raises(UserError, match=r"training\.context: the generator sees 4 frames"):
            imported(tmp_path, described, path)
        with pytest.raises(UserError, match="sampler: a model of kind 'retrospective-cycle-gan'"):
            with_sampler(load(path).config, SamplerConfig(clip=1.0))


def test_forecasts_by_the_sampler_of_the_config(tmp_path):
    """The same file forecasts as the official model does under that sampler."""
    sampler = {"method": "ddim", "steps": 2, "eta": 0.0}
    experiment = experiment_from_mapping(with_authors(sampler=sampler))
    predictor = imported(tmp_path, experiment.models["authors"])
    output = tmp_path / "samples.h5"
    with VideoFile(write_squares(tmp_path / "squares.h5")) as videos:
        model = forecaster(experiment, "authors", videos, predictor, dataset="simulation")
        sample(
            model, videos, experiment, dataset="simulation", model="authors", seed=0, output=output
        )
    with EnsembleFile(output) as file:
        samples, context = file.samples[0], file.context[0]
        stored = yaml.safe_load(file.info.config)["model"]
    assert stored["path"] == str(OFFICIAL)
    assert samples.shape == (3, 3, SIZE, SIZE, 1)
    plain = import_official(OFFICIAL, size=SIZE)
    given = torch.from_numpy(np.moveaxis(context, -1, 1))[None]
    noise = seeded_noise([derived_seed(0, 0, 0)], given.device)
    expected = plain.eval().predict(given, 3, 3, noise, SamplerConfig(**sampler))
    np.testing.assert_allclose(samples, np.moveaxis(expected[0].numpy(), 2, -1), atol=1e-6)
