"""Forecasting a video of one's own, by the command line and in Python."""

import h5py
import imageio.v3 as iio
import jaxtyping
import numpy as np
import pytest
import torch

import rvd
from rvd.cli import app
from rvd.errors import UserError
from rvd.forecasting.clips import forecast_clips
from rvd.models.base import VideoPredictor
from rvd.models.baselines.config import PersistenceConfig
from rvd.models.files import save
from rvd.models.registry import build
from tests.tiny import SIZE, experiment, moving_squares


@pytest.fixture
def unchecked(monkeypatch):
    """Calls as in a user's program: what they are given is checked by the function alone."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A predictor for grey frames and a GIF, larger than the model's frames and not square."""
    path = tmp_path_factory.mktemp("own")
    torch.manual_seed(0)
    save(build(experiment().models["rvd"], SIZE, 1), path / "predictor.safetensors", {})
    frames = moving_squares(7, size=2 * SIZE, dtype=np.uint8).repeat(3, -1)
    padded = np.pad(frames, [(0, 0), (0, 0), (5, 5), (0, 0)])
    iio.imwrite(path / "film.gif", padded, duration=100)
    return path


def command(folder, output, video="film.gif", *more):
    app(
        [
            "predict",
            str(folder / video),
            f"--predictor={folder / 'predictor.safetensors'}",
            f"--output={output}",
            "--horizon=3",
            "--ensemble=3",
            *more,
        ],
        standalone_mode=False,
    )


def test_three_lines_of_python(folder):
    model = rvd.load(folder / "predictor.safetensors")
    video = rvd.read_video(folder / "film.gif", model.size, model.channels)
    assert video.shape == (7, SIZE, SIZE, 1)
    samples = rvd.forecast(model, video, horizon=3, ensemble=4, seed=0)
    assert samples.shape == (4, 3, SIZE, SIZE, 1)
    assert 0 <= samples.min() < samples.max() <= 1
    assert not np.array_equal(samples[0], samples[1])
    again = rvd.forecast(model, video, horizon=3, ensemble=2, seed=0, batch=1)
    np.testing.assert_allclose(again, samples[:2], atol=2e-3)  # but for rounding
    other = rvd.forecast(model, video, horizon=3, ensemble=2, seed=1)
    assert not np.allclose(other, samples[:2], atol=2e-2)


def test_only_the_last_frames_count(folder):
    model = rvd.load(folder / "predictor.safetensors")
    video = rvd.read_video(folder / "film.gif", model.size, model.channels)
    whole = rvd.forecast(model, video, horizon=1, ensemble=1, context=2)
    np.testing.assert_array_equal(
        rvd.forecast(model, video[-2:], horizon=1, ensemble=1, context=2), whole
    )


def test_command_line_writes_data(folder, tmp_path):
    command(folder, tmp_path / "out.h5")
    with h5py.File(tmp_path / "out.h5") as file:
        assert file["samples"].shape == (3, 3, SIZE, SIZE, 1)
        assert file["context"].shape == (4, SIZE, SIZE, 1)


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_command_line_writes_films(folder, tmp_path, suffix):
    command(folder, tmp_path / f"out{suffix}")
    film = iio.imread(tmp_path / f"out{suffix}")
    height, width = film.shape[1:3]
    assert (len(film), height) == (7, 128)
    assert width >= 3 * 128


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such.gif"], "there is no such file"),
        (["predictor.safetensors"], "cannot be read"),
        (["film.gif", "--context=9"], "fewer than the 9 of the context"),
        (["film.gif", "--stride=3"], "has 3 frames"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(folder, tmp_path, arguments, message):
    with pytest.raises(UserError, match=message) as refused:
        command(folder, tmp_path / "out.gif", *arguments)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], slice(3, 7)),
        (["--frame=5"], slice(1, 5)),
        (["--frame=4"], slice(0, 4)),
        (["--at=0.45"], slice(1, 5)),  # frames are 0.1 s apart
        (["--at=0.7"], slice(3, 7)),
        (["--frame=6", "--stride=2", "--context=2"], slice(2, 6, 2)),
    ],
)
def test_the_context_ends_at_the_moment(folder, tmp_path, options, expected):
    command(folder, tmp_path / "out.h5", "film.gif", *options)
    whole = rvd.read_video(folder / "film.gif", SIZE, 1)
    with h5py.File(tmp_path / "out.h5") as file:
        assert np.array_equal(file["context"], whole[expected])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frame=3"], "has 3 frames before frame 3, fewer than the 4 required"),
        (["--at=0.2"], "has 2 frames before 0.2 seconds, fewer than the 4 required"),
        (["--frame=8"], "frame 8 lies outside: it has 7 frames"),
        (["--at=9"], "9 seconds lie outside: it ends after 0.7 seconds"),
        (["--at=1", "--frame=5"], "--at and --frame: only one moment can be given"),
    ],
)
def test_moments_outside_are_refused_in_one_line(folder, tmp_path, options, message):
    with pytest.raises(UserError, match=message) as refused:
        command(folder, tmp_path / "out.gif", "film.gif", *options)
    assert "\n" not in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_film_that_is_cut_short_needs_an_option(folder, tmp_path, capsys):
    data = (folder / "film.gif").read_bytes()
    (tmp_path / "cut.gif").write_bytes(data[:-10])
    with pytest.raises(UserError, match=r"cut short or damaged.*--drop-last-group"):
        command(folder, tmp_path / "out.h5", tmp_path / "cut.gif")
    command(folder, tmp_path / "out.h5", tmp_path / "cut.gif", "--drop-last-group")
    assert "cut.gif: is cut short" in capsys.readouterr().err
    whole = rvd.read_video(folder / "film.gif", SIZE, 1)
    with h5py.File(tmp_path / "out.h5") as file:
        # Of the six or seven frames that the decoder gives, the last one may be damaged.
        assert any(np.array_equal(file["context"], whole[end - 4 : end]) for end in (5, 6))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    "choice",
    [
        {"at": -1.0},
        {"at": float("nan")},
        {"at": "2"},
        {"frame": -1},
        {"frame": "2"},
        {"last": 0},
        {"threads": 0},
        {"cut_films": "keep"},
    ],
)
def test_choices_of_frames_that_make_no_sense_are_refused_by_name(folder, choice):
    with pytest.raises(UserError, match=f"^{next(iter(choice))}: "):
        rvd.read_video(folder / "film.gif", SIZE, 1, **choice)


def test_unknown_output_is_refused_before_any_work(folder, tmp_path):
    with pytest.raises(UserError, match=r"must end in one of .h5, .gif, .mp4"):
        command(folder, tmp_path / "out.png", "no-such.gif")


def test_frames_of_another_channel_count_or_size_are_refused(folder):
    model = rvd.load(folder / "predictor.safetensors")
    for shape in ((5, SIZE, SIZE, 3), (5, SIZE, 2 * SIZE, 1)):
        with pytest.raises(UserError, match="the model takes"):
            rvd.forecast(model, np.zeros(shape, np.float32), horizon=1, ensemble=1)


@pytest.fixture(scope="module")
def model_and_video(folder):
    model = rvd.load(folder / "predictor.safetensors")
    return model, rvd.read_video(folder / "film.gif", model.size, model.channels)


@pytest.mark.parametrize(
    "convert",
    [
        lambda video: video / 255,  # float64
        lambda video: (video / 255).astype(np.float32),
        lambda video: torch.from_numpy(video),
        lambda video: torch.from_numpy(video / 255).requires_grad_(),
        lambda video: video.transpose(0, 3, 1, 2),
        lambda video: video[..., 0],
        lambda video: video[::-1][::-1],
        lambda video: video / 255 + 1e-5,
    ],
)
def test_each_unambiguous_form_of_a_video_gives_the_same_forecast(model_and_video, convert):
    model, video = model_and_video
    expected = rvd.forecast(model, video, horizon=1, ensemble=1)
    given = rvd.forecast(model, convert(video), horizon=1, ensemble=1)
    np.testing.assert_allclose(given, expected, atol=2e-3)


def test_half_precision_is_taken(model_and_video):
    model, video = model_and_video
    expected = rvd.forecast(model, video, horizon=1, ensemble=1)
    for half in (torch.from_numpy(video / 255).bfloat16(), (video / 255).astype(np.float16)):
        given = rvd.forecast(model, half, horizon=1, ensemble=1)
        np.testing.assert_allclose(given, expected, atol=0.1)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("convert", "message"),
    [
        (lambda video: video.astype(np.float32), r"values from 0 to \d+; floating-point"),
        (lambda video: video / 127.5 - 1, "values from -1 to"),
        (lambda video: video.astype(np.int64), "values of type int64; they must be uint8"),
        (lambda video: video > 100, "values of type bool"),
        (lambda video: video / 255 * np.nan, "not finite"),
        (lambda video: video.tolist(), "must be an array or a tensor, not list"),
        (lambda video: video[0], "the model takes"),
    ],
)
def test_a_video_of_another_type_or_range_is_refused_in_one_line(model_and_video, convert, message):
    model, video = model_and_video
    with pytest.raises(UserError, match=message) as refused:
        rvd.forecast(model, convert(video), horizon=1, ensemble=1)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("value", [0, -1, 1.5, True, None, "2"])
@pytest.mark.parametrize("name", ["horizon", "ensemble", "context", "batch"])
def test_numbers_that_make_no_sense_are_refused_by_name(model_and_video, name, value):
    model, video = model_and_video
    with pytest.raises(UserError, match=f"^{name}: must be a whole number of at least 1"):
        rvd.forecast(model, video, **{"horizon": 1, "ensemble": 1, name: value})


@pytest.mark.usefixtures("unchecked")
def test_other_arguments_that_make_no_sense_are_refused_by_name(folder, model_and_video):
    model, video = model_and_video
    with pytest.raises(UserError, match=r"^seed: .*at least 0 \(given -1\)"):
        rvd.forecast(model, video, horizon=1, ensemble=1, seed=-1)
    with pytest.raises(UserError, match=r"^model: must be what rvd.load returns"):
        rvd.forecast("predictor.safetensors", video, horizon=1, ensemble=1)
    with pytest.raises(UserError, match=r"^stride: "):
        rvd.read_video(folder / "film.gif", SIZE, 1, stride=0)
    with pytest.raises(UserError, match=r"^size: "):
        rvd.read_video(folder / "film.gif", 0, 1)
    with pytest.raises(UserError, match=r"^channels: must be 1"):
        rvd.read_video(folder / "film.gif", SIZE, 2)


def test_pictures_of_different_sizes_are_refused(folder, tmp_path):
    for number, size in enumerate((20, 20, 24)):
        iio.imwrite(tmp_path / f"{number}.png", np.zeros((size, size, 3), np.uint8))
    with pytest.raises(UserError, match="frame 2 has"):
        rvd.read_video(tmp_path, SIZE, 1)


class Constant(VideoPredictor):
    """A predictor that forecasts ``value``, and records its arguments."""

    def __init__(self, value):
        super().__init__(PersistenceConfig(kind="persistence"), SIZE, 1)
        self.value = value

    def predict(self, context, horizon, ensemble, draw, **options):
        self.context, self.options = context, options
        return torch.full((len(context), ensemble, horizon, *context.shape[2:]), self.value)


def test_stored_clips_are_forecast_in_the_unit_range():
    predictor, cpu = Constant(0.5), torch.device("cpu")
    stored = torch.full((2, 3, 1, 4, 4), 51, dtype=torch.uint8)
    samples = forecast_clips(predictor, stored, 5, 7, [0, 1], cpu, sampler="ddim")
    assert samples.shape == (2, 7, 5, 1, 4, 4)
    assert predictor.context.unique().tolist() == pytest.approx([0.2])
    assert predictor.options == {"sampler": "ddim"}


def test_a_forecast_that_is_not_finite_is_refused_unless_it_is_to_be_shown():
    predictor, cpu = Constant(float("nan")), torch.device("cpu")
    stored = torch.zeros(1, 2, 1, 4, 4)
    with pytest.raises(UserError, match="a forecast is not finite"):
        forecast_clips(predictor, stored, 1, 1, [0], cpu)
    assert forecast_clips(predictor, stored, 1, 1, [0], cpu, check_finite=False).isnan().all()
