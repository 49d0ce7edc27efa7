"""Models trained elsewhere in the workflow: download, import and missing files."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
import yaml

from rvd.experiment.loading import experiment_from_mapping
from rvd.files import sha256_of
from rvd.models.files import load, save
from rvd.models.registry import build
from tests import prefork
from tests.datasets.server import Site, served
from tests.models.authors import DIGEST, OFFICIAL, REPOSITORY, with_authors
from tests.tiny import SIZE, config

pytestmark = pytest.mark.slow


def snakemake(folder, values, *arguments, python=None):
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values))
    command = [python or prefork.python(), "-m", "snakemake"]
    command += [f"--snakefile={REPOSITORY / 'Snakefile'}"]
    command += [f"--directory={folder}", "--cores=2", "--configfile", str(folder / "tiny.yaml")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *arguments], capture_output=True, text=True, check=False, env=environment
    )


class TestWorkflow:
    def test_a_checkpoint_is_downloaded_checked_and_imported(self, tmp_path):
        site = Site({"models/best.pt": OFFICIAL.read_bytes()}, cuts=[500_000])
        with served(site):
            address = f"{site.address}/models/best.pt"
            values = with_authors(root="out", address=address, sha256=DIGEST)
            target = "out/results/simulation/authors/seed0/predictor.safetensors"
            run = snakemake(tmp_path, values, "--", target, python=sys.executable)
        assert run.returncode == 0, run.stderr[-2000:]
        # The connection that broke was resumed from where it ended.
        assert [asked for _, asked in site.requests] == [None, "bytes=500000-"]
        assert load(tmp_path / target).size == SIZE
        # Nothing of it is trained, and the tables wait for its scores.
        whole = snakemake(tmp_path, values, "--dry-run", "--", "out/results/ablation.csv")
        assert whole.returncode == 0, whole.stderr[-2000:]
        said = whole.stdout + whole.stderr
        assert "results/simulation/authors/seed0/scores.csv" in said
        assert "rule train:" not in said
        assert "rule import_pretrained:" not in said

    def test_a_predictor_file_from_an_address_is_a_row_of_the_table(self, tmp_path):
        """Downloaded and checked, it forecasts as the model that was saved does."""
        experiment = experiment_from_mapping(config())
        torch.manual_seed(0)
        given = tmp_path / "given.safetensors"
        save(build(experiment.models["rvd"], SIZE, 1), given, {"trained": "elsewhere"})
        digest = sha256_of(given)
        with served(Site({"rvd.safetensors": given.read_bytes()})) as site:
            address = f"{site.address}/rvd.safetensors"
            values = with_authors(root="out", address=address, sha256=digest, format="predictor")
            values["evaluation"]["metrics"] = ["crps"]
            run = snakemake(tmp_path, values, "--", "out/results/table1.csv")
        assert run.returncode == 0, run.stderr[-2000:]
        predictor = tmp_path / "out/results/simulation/authors/seed0/predictor.safetensors"
        assert predictor.read_bytes() == given.read_bytes()
        table = pd.read_csv(tmp_path / "out/results/table1.csv")
        row = table[(table["model"] == "authors") & (table["metric"] == "crps")]
        assert row["ours"].notna().all()
        caption = (tmp_path / "out/results/table1.md").read_text()
        assert f"not trained here: authors, from {address} (SHA-256 {digest[:12]}…)" in caption

    def test_a_local_file_that_is_missing_stops_before_anything_starts(self, tmp_path):
        run = snakemake(tmp_path, with_authors(root="out", path="nowhere.pt"), "--", "all")
        said = run.stdout + run.stderr
        assert run.returncode != 0
        assert "models.authors.path: there is no file nowhere.pt" in said
        assert "Traceback" not in said
        assert not (tmp_path / "out").exists()
