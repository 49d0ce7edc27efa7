"""Laws of enstrophy, spectra and frequencies."""

import numpy as np
import pytest

from rvd.metrics.functional.spectrum import spectrum
from rvd.metrics.functional.vorticity import (
    enstrophy,
    frequency,
    spectrum_distance,
    strouhal,
)


def wave(cycles, height=32, width=32):
    return np.broadcast_to(np.sin(2 * np.pi * cycles * np.arange(width) / width), (height, width))


def test_enstrophy_of_a_wave_is_a_quarter_and_grows_with_the_square():
    assert enstrophy(wave(3)) == pytest.approx(0.25)
    assert enstrophy(np.stack([wave(3), 2 * wave(3)])) == pytest.approx([0.25, 1.0])


@pytest.mark.parametrize("cycles", [2, 5, 11])
@pytest.mark.parametrize("turned", [False, True])
def test_a_wave_s_power_is_in_the_shell_of_its_wavenumber(cycles, turned):
    frame = wave(cycles).T if turned else wave(cycles)
    assert spectrum(frame).argmax() + 1 == cycles
    assert spectrum(frame).shape == (16,)


def test_wavenumbers_of_oblong_frames_are_those_of_the_shorter_edge():
    """Four cycles in 64 pixels are two in 32."""
    assert spectrum(wave(4, 32, 64)).argmax() + 1 == 2


def test_spectra_ignore_shifts_but_not_power_and_blur():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((64, 64))
    assert spectrum_distance(truth, truth) == 0
    assert spectrum_distance(truth / np.sqrt(10), truth) == pytest.approx(10)
    assert spectrum_distance(-truth, truth) == pytest.approx(0, abs=1e-9)
    blurred = (truth + np.roll(truth, 1, 0) + np.roll(truth, 1, 1)) / 3
    assert spectrum_distance(blurred, truth) > 3 * spectrum_distance(
        rng.standard_normal((64, 64)), truth
    )


def test_a_blank_forecast_or_truth_has_a_finite_distance():
    assert np.isfinite(spectrum_distance(np.zeros((8, 8)), wave(2, 8, 8)))
    assert spectrum_distance(np.zeros((8, 8)), np.zeros((8, 8))) == 0


def test_ensembles_are_compared_frame_by_frame():
    truth = np.random.default_rng(0).standard_normal((3, 16, 16))
    ensemble = np.stack([truth, truth * 2])
    distances = spectrum_distance(ensemble, truth)
    assert distances.shape == (2, 3)
    np.testing.assert_allclose(distances[1], 20 * np.log10(2))


@pytest.mark.parametrize("period", [3.7, 8.0, 14.3, 19.0])
@pytest.mark.parametrize("phase", [0.0, 1.0, 2.5])
def test_the_frequency_of_little_more_than_a_period_is_found(period, phase):
    signal = 3 + np.sin(2 * np.pi * np.arange(20) / period + phase)
    assert frequency(signal) == pytest.approx(1 / period, abs=0.0006)


def test_a_constant_series_has_no_frequency_and_a_short_one_is_refused():
    assert np.isnan(frequency(np.full(20, 3.0)))
    assert np.isnan(frequency(np.zeros((2, 20)))).all()
    with pytest.raises(ValueError, match="from 5 instants"):
        frequency(np.zeros(5))


def test_the_strouhal_number_of_a_known_street():
    """Period 500 ticks, diameter 8, velocity 0.08: 8 / (500 · 0.08) = 0.2."""
    time, interval = np.arange(24), 25
    frames = np.sin(2 * np.pi * time * interval / 500)[:, None, None] * np.ones((24, 8, 8))
    assert strouhal(frames, 8.0, 0.08 * interval) == pytest.approx(0.2, abs=0.002)
