import threading
import time

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from rvd.errors import UserError
from rvd.evaluation.ensembles import sampling
from rvd.evaluation.ensembles.ensemble_file import EnsembleFile
from rvd.evaluation.ensembles.sampling import forecaster, sample
from rvd.evaluation.scores.scores_file import COLUMNS
from rvd.evaluation.scores.scoring import score
from rvd.metrics.entry import ScoreSettings
from rvd.models.baselines import analogue
from rvd.models.files import save
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.runtime.locks import exclusive
from rvd.video import VideoFile, VideoInfo, write_video_file
from tests.tiny import SIZE, config, experiment, write_squares


@pytest.fixture(params=[np.uint8, np.float32], ids=["uint8", "float32"])
def videos(tmp_path, request):
    return write_squares(tmp_path / "v.h5", dtype=request.param)


@pytest.fixture
def predictor(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "predictor.safetensors"
    save(build(experiment().models["rvd"], SIZE, 1), path, {})
    return path


def sampled(videos, model, output, predictor=None, changes=None, **replaced):
    described = experiment(**(changes or {}))
    with VideoFile(videos) as file:
        keys = {"dataset": "simulation", "model": model, "seed": 0, "output": output} | replaced
        forecasting = forecaster(described, model, file, predictor, dataset="simulation")
        sample(forecasting, file, described, **keys)
    return EnsembleFile(output)


def score_file(tmp_path, metrics):
    with EnsembleFile(tmp_path / "s.h5") as file:
        return score(file, ScoreSettings(metrics), tmp_path / "scores.csv")


def test_every_model_fills_an_ensemble_file(tmp_path, videos, predictor):
    for model in ("rvd", "rvd-mean", "persistence", "analogue"):
        with sampled(videos, model, tmp_path / f"{model}.h5", predictor) as file:
            assert file.samples.shape == (2, 3, 3, SIZE, SIZE, 1)
            assert file.info.model == model
            with VideoFile(videos) as source:
                video = source.splits["test"].video(0)
                assert file.samples.dtype == video.dtype
            for clip, start in enumerate(file.starts):
                np.testing.assert_array_equal(file.context[clip], video[start : start + 2])
                np.testing.assert_array_equal(file.truth[clip], video[start + 2 : start + 5])
            distinct = len(np.unique(file.samples[0], axis=0))
            assert distinct == (3 if model in ("rvd", "analogue") else 1)


def test_a_resampled_model_has_the_others_weights_and_its_own_sampler(tmp_path, videos, predictor):
    one_step = {"method": "ddim", "steps": 1, "eta": 0.0}
    models = config()["models"]
    resampled = {
        "models": models | {"rvd-1": {"kind": "resampled", "of": "rvd", "sampler": one_step}}
    }
    other = {"models": models | {"rvd": models["rvd"] | {"sampler": one_step}}}
    with sampled(videos, "rvd-1", tmp_path / "a.h5", predictor, changes=resampled) as file:
        found = file.samples[...]
    with sampled(videos, "rvd", tmp_path / "b.h5", predictor, changes=other) as file:
        np.testing.assert_array_equal(found, file.samples[...])
    with sampled(videos, "rvd", tmp_path / "c.h5", predictor) as file:
        assert (found != file.samples[...]).any()


def test_the_authors_clips_are_sampled_and_scored_as_such(tmp_path):
    videos = write_squares(tmp_path / "v.h5")
    changes = {"evaluation": experiment().evaluation.model_dump() | {"clips_from": "authors"}}
    for choice, starts in (({}, [0, 5]), (changes, [0, 1])):
        with sampled(videos, "persistence", tmp_path / "s.h5", changes=choice) as file:
            assert file.starts == starts
            assert ("clips_from" in file.info.config) == bool(choice)
        scores = score_file(tmp_path, ("crps",))
        named = scores["protocol"].str.contains("clips as in the authors' test script")
        assert set(named) == {bool(choice)}


def test_persistence_copies_the_last_frame(tmp_path, videos):
    with sampled(videos, "persistence", tmp_path / "s.h5") as file:
        for clip in range(2):
            expected = np.broadcast_to(file.context[clip][-1], file.samples[clip].shape)
            np.testing.assert_array_equal(file.samples[clip], expected)


def test_analogue_finds_the_clip_that_continues(tmp_path):
    """When the test video is also a training video, the nearest analogue is the truth itself."""
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path, "r+") as file:
        file["test/frames"][...] = file["train/frames"][:12]
    with sampled(path, "analogue", tmp_path / "s.h5") as file:
        np.testing.assert_array_equal(file.samples[:, 0], file.truth[:])


@pytest.mark.parametrize("model", ["persistence", "rvd-mean"])
def test_what_another_sampler_completed_is_not_sampled_again(
    tmp_path, predictor, monkeypatch, capfd, model
):
    videos, output = write_squares(tmp_path / "v.h5"), tmp_path / "s.h5"
    sampled(videos, "persistence", output).close()
    before = output.stat().st_mtime_ns
    second = threading.Thread(target=lambda: sampled(videos, model, output, predictor).close())
    with exclusive(tmp_path, ".s.h5.lock", "sampler"):
        second.start()
        end = time.monotonic() + 20
        while "waiting for another sampler at work in" not in capfd.readouterr().err:
            assert time.monotonic() < end
            time.sleep(0.01)
    second.join(60)
    assert (output.stat().st_mtime_ns == before) == (model == "persistence")
    with EnsembleFile(output) as file:
        assert file.info.model == model


def test_interrupted_sampling_is_resumed_with_equal_results(tmp_path, predictor, monkeypatch):
    videos = write_squares(tmp_path / "v.h5")
    with sampled(videos, "rvd", tmp_path / "whole.h5", predictor) as file:
        whole = file.samples[:]
    original, calls = sampling.forecast_clips, []

    def failing(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(sampling, "forecast_clips", failing)
        with pytest.raises(KeyboardInterrupt):
            sampled(videos, "rvd", tmp_path / "parts.h5", predictor)
    assert not (tmp_path / "parts.h5").exists()
    calls.clear()
    monkeypatch.setattr(
        sampling,
        "forecast_clips",
        lambda *args, **options: calls.append(1) or original(*args, **options),
    )
    with sampled(videos, "rvd", tmp_path / "parts.h5", predictor) as file:
        np.testing.assert_array_equal(file.samples[:], whole)
    assert len(calls) == 1
    assert not list(tmp_path.glob(".*partial"))


@pytest.mark.parametrize("change", ["weights", "revision", "videos"])
def test_sampling_interrupted_under_something_else_restarts(
    tmp_path, predictor, monkeypatch, change
):
    """Forecasts of two predictors, or of two datasets, must not mix in one file."""
    videos = write_squares(tmp_path / "v.h5")
    weights = tmp_path / "predictor.safetensors"
    weights.write_bytes(predictor.read_bytes())
    original, calls = sampling.forecast_clips, []

    def counted(*args, **options):
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(*args, **options)

    monkeypatch.setattr(sampling, "forecast_clips", counted)
    with pytest.raises(KeyboardInterrupt):
        sampled(videos, "rvd", tmp_path / "s.h5", weights, weights=weights)
    changes = None
    if change == "weights":
        torch.manual_seed(7)
        model = build(experiment().models["rvd"], SIZE, 1)
        save(model, weights, {})
    elif change == "revision":
        changes = {"revision": 2}
    else:
        write_squares(videos, frames=13)
    sampled(videos, "rvd", tmp_path / "s.h5", weights, changes, weights=weights).close()
    assert len(calls) == 2 + 2  # both clips again


def test_scores_are_tidy_and_right(tmp_path, videos):
    sampled(videos, "persistence", tmp_path / "s.h5").close()
    score_file(tmp_path, ("crps", "psnr", "ssim"))
    table = pd.read_csv(tmp_path / "scores.csv")
    assert tuple(table.columns) == COLUMNS
    assert set(table.metric) == {"crps", "psnr", "psnr_best", "ssim", "ssim_best"}
    assert len(table) == 5 * (3 + 1)
    assert set(table.videos) == {2}
    assert set(table.ensemble) == {3}
    with EnsembleFile(tmp_path / "s.h5") as file:
        error = np.abs(file.samples[:, 0].astype(float) - file.truth[:]) * 255 / file.white
        squared = ((error / 255) ** 2).mean((2, 3, 4))
    crps = table[table.metric == "crps"].set_index("frame").value
    np.testing.assert_allclose(crps.loc[[1, 2, 3]], error.mean((0, 2, 3, 4)), rtol=1e-5)
    assert crps.loc[float("nan")] == pytest.approx(error.mean(), rel=1e-5)
    psnr = table[table.metric == "psnr"].set_index("frame").value.loc[[1, 2, 3]]
    decibels = np.minimum(-10 * np.log10(np.maximum(squared, 1e-30)), 100).mean(0)
    np.testing.assert_allclose(psnr, decibels, rtol=1e-4)


def test_scores_of_a_perfect_forecast(tmp_path):
    videos = write_squares(tmp_path / "v.h5")
    sampled(videos, "persistence", tmp_path / "s.h5").close()
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["samples"][...] = file["truth"][:][:, None]
    score_file(tmp_path, ("crps", "psnr", "ssim"))
    values = pd.read_csv(tmp_path / "scores.csv").groupby("metric").value.mean()
    assert values["crps"] == pytest.approx(0, abs=1e-12)
    assert values["psnr"] == 100
    assert values["ssim"] == pytest.approx(1)


def test_values_that_are_not_finite_are_the_reason_for_all_that_is_missing(tmp_path, capsys):
    videos = write_squares(tmp_path / "v.h5")
    sampled(videos, "persistence", tmp_path / "s.h5").close()
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["samples"][1, 0, 0, 0, 0, 0] = np.nan
    table = score_file(tmp_path, ("crps", "psnr"))
    assert table["metric"].tolist() == ["crps", "psnr"]
    assert table["value"].isna().all()
    assert set(table["note"]) == {"samples of clip 1 hold values that are not finite"}
    (warning,) = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert warning.endswith(
        "s.h5: warning: samples of clip 1 hold values that are not finite; nothing is scored"
    )
    with h5py.File(tmp_path / "maps.h5") as file:
        assert np.isfinite(file["crps"][0]).all()
        assert np.isnan(file["crps"][1:]).all()
        assert not file["ranks"][:].any()


def test_damaged_ensemble_files_are_named(tmp_path):
    (tmp_path / "s.h5").write_text("nonsense")
    with pytest.raises(UserError, match="not a readable HDF5 file"):
        EnsembleFile(tmp_path / "s.h5")
    videos = write_squares(tmp_path / "v.h5")
    with pytest.raises(UserError, match="so is of another program"):
        EnsembleFile(videos)


def test_a_horizon_longer_than_the_videos_is_refused(tmp_path):
    videos = write_squares(tmp_path / "v.h5", frames=4)
    with pytest.raises(UserError, match=r"no test video has 2 \+ 3 frames"):
        sampled(videos, "persistence", tmp_path / "s.h5")


def test_an_ensemble_larger_than_the_library_is_refused(tmp_path, videos):
    changes = {"evaluation": {"context": 2, "clips": 2, "ensemble": 99, "metrics": ["crps"]}}
    with pytest.raises(UserError, match="for an ensemble of 99"):
        sampled(videos, "analogue", tmp_path / "s.h5", changes=changes)


def test_a_trained_model_needs_its_predictor(tmp_path, videos):
    with pytest.raises(UserError, match="is trained; give its --predictor"):
        sampled(videos, "rvd", tmp_path / "s.h5")


def test_the_analogue_reads_the_training_contexts_once(tmp_path, monkeypatch):
    """For many clips each training context is read once, and the forecasts stay the same."""
    monkeypatch.setattr(analogue, "CHUNK", 4)  # so that there are several
    path = write_squares(tmp_path / "v.h5")
    contexts = torch.rand(4, 1, 2, 1, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    read = analogue.read_clip
    frames_read = []

    def counting(split, start, length):
        frames_read.append(length)
        return read(split, start, length)

    def forecasts(file):
        model = forecaster(experiment(), "analogue", file, None, dataset="simulation")
        return [model.predict(context, 3, 2, seeded_noise([0])) for context in contexts]

    monkeypatch.setattr(analogue, "read_clip", counting)
    with VideoFile(path) as file:
        once = forecasts(file)
        futures = frames_read.count(3) * 3
        known = sum(frames_read) - futures
        assert futures == 4 * 2 * 3  # the clips' members
        # 24 contexts in chunks of 4, each of 4 + 1 frames
        assert known == 6 * 5
        monkeypatch.setattr(analogue, "KEPT", 0)
        frames_read.clear()
        again = forecasts(file)
        assert sum(frames_read) - frames_read.count(3) * 3 == 4 * known
    assert all(torch.equal(a, b) for a, b in zip(once, again, strict=True))


def test_the_nearest_analogues_are_those_of_exact_distances(tmp_path):
    """The contexts differ by little in many bright pixels, where expanded squares round it away."""
    frames = 0.75 + 1e-4 * np.random.default_rng(0).random((30, SIZE, SIZE, 1), np.float32)
    path = tmp_path / "v.h5"
    videos = ((split, split, frames) for split in ("train", "val", "test"))
    write_video_file(path, videos, frames.shape[1:], np.float32, VideoInfo())
    context = torch.from_numpy(frames[10:12] + np.float32(2e-5)).permute(0, 3, 1, 2)[None]
    with VideoFile(path) as file:
        model = forecaster(experiment(), "analogue", file, None, dataset="simulation")
        found = model.predict(context, 3, 5, seeded_noise([0]))[0, :, 0, 0]
    wanted = context[0, :, 0].double().numpy()
    exact = [np.square(frames[t : t + 2, ..., 0] - wanted).sum() for t in range(26)]
    expected = frames[np.argsort(exact)[:5] + 2, ..., 0]
    np.testing.assert_array_equal(found.numpy(), expected)
