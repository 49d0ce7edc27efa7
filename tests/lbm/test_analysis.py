"""Analysis of a run, on signals with known results."""

import numpy as np
import pytest

from lbm.analysis import (
    autocorrelation,
    clip_similarity,
    coefficients,
    lift_spectrum,
    pictures,
    shedding_period,
    strouhal_number,
)
from lbm.config import VortexStreetConfig
from lbm.plotting import (
    autocorrelation_figure,
    forces_figure,
    save,
    similarity_figure,
    spectrum_figure,
    street_figure,
    strouhal_figure,
)
from lbm.runs.run_file import create_run, open_run

STREET = VortexStreetConfig(
    width=48, height=24, diameter=4, center=8, reynolds=50, interval=10, frames=400
)
PERIOD = 9.3  # frames


@pytest.fixture
def run(tmp_path):
    """Write a run with a wave travelling along the channel, lift in phase and constant drag."""
    path = tmp_path / "run.h5"
    x = np.arange(STREET.width) / 12
    solid = np.zeros((STREET.height, STREET.width), bool)
    solid[10:14, 6:10] = True
    with create_run(path, STREET, solid) as file:
        for frame in range(STREET.frames):
            phase = 2 * np.pi * frame / PERIOD
            wave = np.tile(np.cos(2 * np.pi * x - phase), (STREET.height, 1))
            file.write(frame, wave, 10 * frame, np.array([0.03, 0.01 * np.sin(phase)]))
    with open_run(path) as opened:
        yield opened


@pytest.mark.parametrize("period", [6.6, 7.0, 50.3])
def test_period_of_a_sine(period):
    assert shedding_period(0.3 + np.sin(np.arange(600) / period * 2 * np.pi)) == pytest.approx(
        period, rel=2e-3
    )


def test_no_period_without_oscillation():
    assert np.isnan(shedding_period(np.ones(100)))
    assert np.isnan(shedding_period(np.linspace(-1, 1, 100)))


def test_strouhal_number_and_coefficients(run):
    assert strouhal_number(run) == pytest.approx(4 / (0.08 * PERIOD * 10), rel=2e-3)
    drag, lift = coefficients(run)
    assert drag == pytest.approx(np.full(400, 0.03 / (0.5 * 0.08**2 * 4)))
    assert lift.max() == pytest.approx(0.01 / (0.5 * 0.08**2 * 4), rel=0.01)


def test_spectrum_peaks_at_the_strouhal_number_with_the_amplitude(run):
    frequency, amplitude = lift_spectrum(run)
    peak = amplitude.argmax()
    assert frequency[peak] == pytest.approx(strouhal_number(run), abs=frequency[1])
    assert 0.7 * 0.78 < amplitude[peak] < 0.79  # the window lowers a peak between two frequencies


def test_autocorrelation_returns_after_a_period(run):
    correlation = autocorrelation(pictures(run, (0, 48), 1), lags=28)
    assert correlation[0] == pytest.approx(1)
    assert correlation[14] == pytest.approx(np.cos(2 * np.pi * 14 / PERIOD), abs=0.02)
    assert correlation[28] > 0.99


def test_pictures_are_means_of_squares(run):
    frames = pictures(run, (8, 40), 4)
    assert frames.shape == (400, 6, 8)
    assert frames[3, 2, 1] == pytest.approx(run.vorticity[3, 8:12, 12:16].mean())
    with pytest.raises(ValueError, match="pool = 5"):
        pictures(run, (8, 40), 5)


def test_a_repeated_clip_is_found():
    generator = np.random.default_rng(0)
    one, other = generator.standard_normal((2, 40, 4, 4))
    other[20:25] = one[3:8]
    nearest = clip_similarity([one, other], length=5)
    assert nearest[0, 1] == pytest.approx(0, abs=1e-6)
    assert nearest[1, 0] == pytest.approx(0, abs=1e-6)
    assert nearest[0, 0] > 1
    # within a run only clips without common frames are compared
    assert np.isnan(clip_similarity([one[:9]], length=5)[0, 0])
    assert np.isnan(clip_similarity([one[:4], other], length=5)[:, 0]).all()


def test_figures_are_drawn(run, tmp_path):
    runs = {"train-0": run, "test-0": run}
    figures = [
        street_figure(run, frames=(0, 3, 1000)),
        street_figure(run, frames=(0,)),
        forces_figure(runs),
        strouhal_figure(runs),
        spectrum_figure(runs),
        autocorrelation_figure(runs, columns=(8, 40), pool=4),
        similarity_figure(np.eye(2), list(runs)),
    ]
    for index, figure in enumerate(figures):
        save(figure, tmp_path, f"figure-{index}")
        assert (tmp_path / f"figure-{index}.svg").stat().st_size > 1000


def test_a_short_run_has_fewer_lags(run):
    assert len(autocorrelation(pictures(run, (0, 48), 1)[:9], lags=28)) == 9
