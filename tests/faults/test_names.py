"""Config values reach a shell only as single words, and secrets are never visible."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from rvd.config.merging import merge
from tests.datasets.archives import bair
from tests.datasets.sections import values
from tests.datasets.server import Site, served
from tests.test_workflow import snakemake
from tests.tiny import SIZE, config

NASTY = "; rm -rf x"
SECRET = "not-to-be-seen-either"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["datasets", "models"])
def test_a_name_with_shell_syntax_is_refused(tmp_path, kind):
    (tmp_path / "x").mkdir()
    named = config()[kind]["simulation" if kind == "datasets" else "persistence"]
    changes = {kind: {NASTY: named}, "run": {kind: [NASTY]}}
    run = snakemake(tmp_path, "all", **changes)
    said = run.stdout + run.stderr
    assert run.returncode != 0
    assert f"{kind}.{NASTY}" in said
    assert "Traceback" not in said
    assert (tmp_path / "x").exists()
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_a_folder_with_shell_syntax_is_one_word(tmp_path):
    root = "it's; touch seen; $(touch seen) & #"
    run = snakemake(tmp_path, f"{root}/data/simulation.h5", root=root)
    assert run.returncode == 0, run.stderr[-3000:]
    assert (tmp_path / root / "data" / "simulation.h5").exists()
    assert {path.name for path in tmp_path.iterdir()} == {root, "tiny.yaml", ".snakemake"}


@pytest.mark.parametrize("root", ["{dataset}", "a\nb", ""])
def test_an_invalid_folder_is_refused(tmp_path, root):
    run = snakemake(tmp_path, "all", root=root)
    assert run.returncode != 0
    assert "root: " in run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr


@pytest.mark.slow
def test_the_password_is_in_no_process_list_and_no_file(tmp_path):
    bair(tmp_path / "city.zip")  # any content: it is refused as it is not a zip
    described = values("cityscapes", size=SIZE, horizon=3)
    data = (tmp_path / "city.zip").read_bytes()
    with served(Site({"city.zip": data}, login=("me", SECRET))) as site:
        download = {"mirrors": [site.address], "login": "login", "files": {"city.zip": {}}}
        described["download"] = download
        text = yaml.safe_dump(merge(config(), {"datasets": {"city": described}}))
        (tmp_path / "c.yaml").write_text(text)
        seen, ended = [], threading.Event()
        watcher = threading.Thread(target=watch, args=(seen, ended))
        watcher.start()
        login = {"CITYSCAPES_USERNAME": "me", "CITYSCAPES_PASSWORD": SECRET}
        command = [sys.executable, "-m", "rvd", "--log", "log", "fetch", "city.zip"]
        command += ["--config=c.yaml", "--dataset=city", "--output=raw/city.zip.sha256"]
        run = subprocess.run(
            command, cwd=tmp_path, env=os.environ | login, capture_output=True, check=False
        )
        ended.set()
        watcher.join()
    assert len(seen) > 1  # the process list was read
    assert not any(SECRET.encode() in line for line in seen)
    assert SECRET.encode() not in run.stdout + run.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(SECRET.encode() in path.read_bytes() for path in files)


def watch(seen, ended):
    """Collect the command lines of all processes until ``ended`` is set."""
    while not ended.is_set():
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                seen.append(path.read_bytes())
            except OSError:
                continue
        time.sleep(0.02)
