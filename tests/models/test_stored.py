"""Forecasts made elsewhere: export of the clips, their forms, their scores, and the errors."""

import json
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from rvd.config.errors import ConfigError
from rvd.datasets.external.films import read_film
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.ensembles.export import export_clips
from rvd.evaluation.ensembles.sampling import forecaster, sample
from rvd.evaluation.scores.scoring import score
from rvd.evaluation.scores.settings import settings_for
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.experiment.loading import experiment_from_mapping
from rvd.video.file import VideoFile
from rvd.workflow import rerun_keys
from rvd.workflow.captions import not_trained_here
from rvd.workflow.plan import Plan
from tests.tiny import SIZE, config, write_squares

MEMBERS, HORIZON, CLIPS = 3, 3, 2


def described(path, **changes):
    """The tiny experiment with a row of stored forecasts; ``path`` is text or a mapping."""
    values = config()
    values["models"] = {
        "persistence": {"kind": "persistence"},
        "theirs": {"kind": "stored", "path": path},
    }
    values["run"]["models"] = list(values["models"])
    return experiment_from_mapping(values | changes)


@pytest.fixture(params=[np.uint8, np.float32])
def exported(request, tmp_path):
    """Exported clips: (folder, video file)."""
    videos = write_squares(tmp_path / "squares.h5", dtype=request.param)
    with VideoFile(videos) as file:
        words = export_clips(described("x.npy"), file, "simulation", tmp_path / "clips", True)
    assert words.endswith(f"= {(CLIPS, MEMBERS, HORIZON, SIZE, SIZE, 1)}")
    return tmp_path / "clips", videos


def some_forecasts(folder):
    """Forecasts of each member, uint8, whose every frame differs."""
    truth = np.load(folder / "truth.npy")
    levels = np.arange(truth.size * MEMBERS) % 251
    return levels.reshape(len(truth), MEMBERS, *truth.shape[1:]).astype(np.uint8)


def sampled(path, videos, output, **changes):
    """Sample the stored forecasts at ``path``; return the experiment."""
    experiment = described(str(path), **changes)
    with VideoFile(videos) as file:
        model = forecaster(experiment, "theirs", file, None, dataset="simulation")
        about = {"dataset": "simulation", "model": "theirs", "seed": 0}
        sample(model, file, experiment, output=output, **about)
    return experiment


def refused(path, videos, **changes):
    """Return the one line by which the forecasts at ``path`` are refused; nothing is written."""
    output = videos.parent / "samples.h5"
    with pytest.raises(UserError) as error:
        sampled(path, videos, output, **changes)
    assert not list(videos.parent.glob("*samples.h5*"))
    assert "\n" not in str(error.value)
    return str(error.value)


class TestExport:
    def test_the_clips_are_those_that_models_forecast(self, exported):
        folder, videos = exported
        output = folder.parent / "samples.h5"
        experiment = described("x.npy")
        with VideoFile(videos) as file:
            model = forecaster(experiment, "persistence", file, None, dataset="simulation")
            about = {"dataset": "simulation", "model": "persistence", "seed": 0}
            sample(model, file, experiment, output=output, **about)
        with EnsembleFile(output) as file:
            np.testing.assert_array_equal(np.load(folder / "context.npy"), file.context[:])
            np.testing.assert_array_equal(np.load(folder / "truth.npy"), file.truth[:])
            places = list(zip(file.videos, file.starts, strict=True))
        listed = json.loads((folder / "clips.json").read_text())["clips"]
        assert [(clip["video"], clip["start"]) for clip in listed] == places

    def test_films_are_lossless(self, exported):
        folder, _ = exported
        for name in ("context", "truth"):
            clips = np.load(folder / f"{name}.npy")
            levels = clips if clips.dtype == np.uint8 else (255 * clips).round().astype(np.uint8)
            for number, clip in enumerate(levels):
                film = read_film(folder / name / f"{number:04d}.mkv", 1)
                np.testing.assert_array_equal(film, clip)


def written(folder, form):
    """Write the forecasts of :func:`some_forecasts` in one of the accepted forms."""
    samples = some_forecasts(folder)
    path = folder.parent / f"theirs{form}"
    if form == ".npy":
        np.save(path, samples)
    elif form == "-floats.npy":
        np.save(path, samples.astype(np.float64) / 255)
    elif form == "-channels-first.npy":
        np.save(path, np.moveaxis(samples, -1, 3))
    elif form == "-grey.npy":
        np.save(path, samples[..., 0])
    elif form == ".npz":
        np.savez(path, samples=samples, context=np.load(folder / "context.npy"))
    elif form == ".h5":
        with h5py.File(path, "w") as file:
            file["samples"], file["context"] = samples, np.load(folder / "context.npy")
    else:
        write_films(path, samples)
        shutil.copy(folder / "clips.json", path)
    return path


def write_films(folder, samples):
    """Write (clip, member, …) as folders of PNG pictures, whose names have no leading zeros."""
    import cv2

    for clip, members in enumerate(samples):
        for member, film in enumerate(members):
            where = folder / f"clip{clip}" / f"member{member}"
            where.mkdir(parents=True)
            for number, frame in enumerate(film):
                cv2.imwrite(str(where / f"{number}.png"), frame)


@pytest.mark.parametrize(
    "form",
    [".npy", "-floats.npy", "-channels-first.npy", "-grey.npy", ".npz", ".h5", "-films"],
)
def test_each_form_holds_the_same_forecasts(exported, form):
    folder, videos = exported
    output = folder.parent / "samples.h5"
    sampled(written(folder, form), videos, output)
    with EnsembleFile(output) as file:
        samples = file.samples[:]
        assert "stored" in json.loads(file.made_by)
    white = 1 if samples.dtype == np.uint8 else 255
    np.testing.assert_allclose(samples * white, some_forecasts(folder), atol=1e-4)


def test_films_with_more_than_ten_members_are_in_their_natural_order(tmp_path):
    videos = write_squares(tmp_path / "squares.h5")
    protocol = config()["evaluation"] | {"ensemble": 11}
    samples = np.zeros((CLIPS, 11, HORIZON, SIZE, SIZE, 1), np.uint8)
    samples += np.arange(11, dtype=np.uint8)[:, None, None, None, None] * 20
    write_films(tmp_path / "films", samples)
    sampled(tmp_path / "films", videos, tmp_path / "samples.h5", evaluation=protocol)
    with EnsembleFile(tmp_path / "samples.h5") as file:
        found = (255 * file.samples[0, :, 0, 0, 0, 0]).round()
    assert found.tolist() == [20 * member for member in range(11)]


def test_a_single_member_is_repeated_and_the_truth_has_no_error(exported):
    """The recorded future, as its own forecast, has CRPS 0; and the row is in the table."""
    folder, videos = exported
    output = folder.parent / "samples.h5"
    experiment = sampled(folder / "truth.npy", videos, output)
    with EnsembleFile(output) as file:
        assert file.shape.ensemble == MEMBERS
        scores = score(file, settings_for(experiment, file, None), folder.parent / "scores.csv")
    assert (scores[scores["metric"] == "crps"]["value"] == 0).all()
    wanted = Wanted(["simulation"], ["theirs"], [0])
    table = tabulate([folder.parent / "scores.csv"], "table1", wanted, folder.parent / "t.csv")
    row = table[(table["model"] == "theirs") & (table["metric"] == "crps")]
    assert row["ours"].tolist() == [0]


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda a: a[:1], "has 1 clips, not 2; expected (clip, member, frame, height, width"),
            (lambda a: a[:, :2], "has 2 members of each clip, not the 3 of evaluation.ensemble"),
            (lambda a: a[:, :, :2], "has the shape (2, 3, 2, 16, 16, 1), expected"),
            (lambda a: a[..., :8, :, :], "has the shape (2, 3, 3, 8, 16, 1), expected"),
            (lambda a: a.repeat(3, -1), "has the shape (2, 3, 3, 16, 16, 3), expected"),
            (lambda a: a[0, 0, 0, 0, 0, 0], "has the shape (), expected"),
            (lambda a: a.astype(np.int64), "clip 0 has values of type int64, expected uint8"),
            (lambda a: a.astype(np.float32), "clip 0 has values from 0 to 250, expected floats"),
            (lambda a: a / 127.5 - 1, "clip 0 has values from -1 to 0.96"),
            (lambda a: np.where(a == 250, np.nan, a / 255), "clip 0 has values that are not finit"),
        ],
    )
    def test_arrays_of_another_shape_number_or_range(self, tmp_path, change, said):
        videos = write_squares(tmp_path / "squares.h5")
        good = np.arange(CLIPS * MEMBERS * HORIZON * SIZE * SIZE) % 251
        good = good.reshape(CLIPS, MEMBERS, HORIZON, SIZE, SIZE, 1).astype(np.uint8)
        path = tmp_path / "theirs.npy"
        np.save(path, change(good))
        message = refused(path, videos)
        assert message.startswith(str(path))
        assert said in message

    def test_another_dataset_or_order_where_the_file_tells(self, exported):
        folder, videos = exported
        record = json.loads((folder / "clips.json").read_text())
        path = written(folder, ".npy")
        copied = path.with_suffix(".json")
        copied.write_text(json.dumps(record | {"dataset": "kth"}))
        assert "of the dataset 'kth'" in refused(path, videos)
        copied.write_text(json.dumps(record | {"digest": "0"}))
        assert "forecasts of other clips of 'simulation'" in refused(path, videos)
        copied.write_text("[]")
        assert f"{copied}: is not a clips.json" in refused(path, videos)
        copied.unlink()
        context = np.load(folder / "context.npy")
        packed = folder.parent / "p.npz"
        np.savez(packed, samples=some_forecasts(folder), context=context[::-1])
        assert "its context of clip 0 is not that of the test clip" in refused(packed, videos)
        np.savez(packed, samples=some_forecasts(folder), context=context[:, 1:])
        assert "its context has the shape (2, 1, 16, 16, 1)" in refused(packed, videos)

    def test_films_of_another_length_size_or_number(self, tmp_path):
        videos = write_squares(tmp_path / "squares.h5")
        folder = tmp_path / "films"
        good = np.zeros((CLIPS, MEMBERS, HORIZON, SIZE, SIZE, 1), np.uint8)
        write_films(folder, good)
        (folder / "clip1" / "member2" / "2.png").unlink()
        said = refused(folder, videos)
        assert f"{folder}/clip1/member2: has 2 frames of 16×16 pixels, expected 3" in said
        shutil.rmtree(folder / "clip1" / "member2")
        assert f"{folder}/clip1: has 2 films, " in refused(folder, videos)
        shutil.rmtree(folder)
        write_films(folder, good[..., :8, :])
        assert "has 3 frames of 8×16 pixels, expected 3 frames of 16×16" in refused(folder, videos)
        shutil.rmtree(folder)
        folder.mkdir()
        assert f"{folder}: contains no film" in refused(folder, videos)

    def test_what_is_no_array(self, tmp_path):
        videos = write_squares(tmp_path / "squares.h5")
        for name in ("a.npy", "a.npz", "a.h5"):
            (tmp_path / name).write_bytes(b"\x93NUMPY nothing")
            assert f"{tmp_path / name}: cannot be read" in refused(tmp_path / name, videos)
        (tmp_path / "a.txt").write_text("1")
        assert "is neither an array (.npy" in refused(tmp_path / "a.txt", videos)
        np.save(tmp_path / "objects.npy", np.array([{}], object), allow_pickle=True)
        assert "cannot be read" in refused(tmp_path / "objects.npy", videos)
        np.savez(tmp_path / "two.npz", a=np.zeros(2), b=np.zeros(2))
        assert "has the arrays a, b; name one of them" in refused(tmp_path / "two.npz", videos)


class TestConfig:
    @pytest.mark.parametrize("path", [3, "", {}, "a{b}.npy", {"simulation": 3}])
    def test_a_path_is_text_or_a_mapping(self, path):
        with pytest.raises(ConfigError) as error:
            described(path)
        assert str(error.value).startswith("models.theirs.path: is neither a path without braces")
        assert "\n" not in str(error.value)

    def test_the_datasets_of_a_mapping_exist(self):
        with pytest.raises(ConfigError, match=r"models\.theirs\.path: 'kht' does not exist"):
            described({"kht": "x.npy"})

    def test_a_mapping_leaves_out_other_datasets(self):
        values = config()
        values["datasets"]["other"] = values["datasets"]["simulation"]
        values["run"]["datasets"] = ["simulation", "other"]
        kept = {key: values[key] for key in ("datasets",)}
        experiment = described(
            {"other": "x.npy"}, run=values["run"] | {"models": ["theirs"]}, **kept
        )
        plan = Plan(experiment)
        assert plan.results("scores.csv") == ["results/other/theirs/seed0/scores.csv"]
        assert plan.stored("other", "theirs") == ["x.npy"]
        assert plan.predictor("other", "theirs", 0) == plan.curves() == []
        assert experiment.model("theirs", "other").path == "x.npy"
        assert not_trained_here(experiment) == ["not trained here: theirs, from x.npy"]

    def test_a_missing_file_is_named_before_anything_starts(self):
        with pytest.raises(ConfigError, match=r"models\.theirs\.path: there is no file or folder"):
            Plan(described("nowhere.npy")).check_local_checkpoints()

    def test_a_new_film_repeats_the_sampling(self, tmp_path):
        (tmp_path / "films").mkdir()
        experiment = described(str(tmp_path / "films"))
        before = rerun_keys.sampling(experiment, "simulation", "theirs")
        (tmp_path / "films" / "a.mp4").write_bytes(b"1")
        assert rerun_keys.sampling(experiment, "simulation", "theirs") != before


def test_scores_do_not_depend_on_where_forecasts_were_made(exported):
    """Samples of a model, stored and taken again, have the same scores."""
    folder, videos = exported
    experiment = described("x.npy")
    with VideoFile(videos) as file:
        model = forecaster(experiment, "persistence", file, None, dataset="simulation")
        about = {"dataset": "simulation", "model": "persistence", "seed": 0}
        sample(model, file, experiment, output=folder.parent / "ours.h5", **about)
    again = folder.parent / "again.h5"
    experiment = sampled(folder.parent / "ours.h5", videos, again)
    tables = []
    for path in (folder.parent / "ours.h5", again):
        with EnsembleFile(path) as file:
            table = score(file, settings_for(experiment, file, None), folder.parent / "scores.csv")
        tables.append(table.drop(columns="model"))
    pd.testing.assert_frame_equal(*tables)
