"""Spectral CRPS: known powers, propriety, and what it ignores."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from rvd.metrics.functional.crps import fair_crps
from rvd.metrics.functional.spectrum import log_spectrum, spectral_crps


def textures(count, width=1.0, blur=1.0, seed=0, cases=60):
    """Return random textures of 16 × 16 pixels and random contrast, around 128 grey levels."""
    generator = np.random.default_rng(seed)
    contrast = 20 * np.exp(0.5 * width * generator.standard_normal((count, cases, 1, 1)))
    noise = generator.standard_normal((count, cases, 16, 16))
    return 128 + (contrast * gaussian_filter(noise, (0, 0, blur, blur)))[..., None]


def test_power_of_a_wave_and_of_a_constant_frame():
    """A constant frame has the power of rounding, −62 dB at 16 × 16 pixels."""
    wave = np.sin(2 * np.pi * 4 * np.arange(16) / 16)
    frames = np.stack([np.broadcast_to(wave, (16, 16)), np.ones((16, 16))])[..., None]
    spectra = log_spectrum(frames, 255.0)
    assert spectra.shape == (2, 1, 8)
    assert spectra[0, 0].argmax() + 1 == 4
    floor = 10 * np.log10(1 / 12 * (3 / 8) ** 2 / 16**2)
    np.testing.assert_allclose(spectra[1], floor, rtol=1e-6)
    brighter = log_spectrum(10 * frames[:1], 255.0) - spectra[:1]
    assert brighter[0, 0, 3] == pytest.approx(20)


def test_bytes_and_unit_frames_agree_and_the_mean_does_not_matter():
    grey = textures(1)[0].round().astype(np.uint8)
    spectra = log_spectrum(grey, 255.0)
    np.testing.assert_allclose(log_spectrum(grey / 255, 1.0), spectra, rtol=1e-9)
    np.testing.assert_allclose(
        log_spectrum(grey // 2 + 64.5, 255.0), log_spectrum(grey // 2, 255.0)
    )


def test_equals_the_fair_crps_of_the_spectra():
    """Two members at 0 and 2 dB and the truth at 1 dB: 1 − 2/2 = 0; the truth at 3 dB: 1."""
    frames = textures(1, cases=1, blur=0.3)  # nowhere below the least power
    two = np.concatenate([frames, frames * 10**0.1])
    assert spectral_crps(two, frames[0] * 10**0.05, 255.0) == pytest.approx([0], abs=1e-6)
    assert spectral_crps(two, frames[0] * 10**0.15, 255.0) == pytest.approx([1], abs=1e-6)
    members, truth = textures(5), textures(1, seed=1)[0]
    spectra = np.stack([log_spectrum(member, 255.0) for member in members])
    expected = fair_crps(spectra, log_spectrum(truth, 255.0)).mean((1, 2))
    np.testing.assert_array_equal(spectral_crps(members, truth, 255.0), expected)


@pytest.mark.parametrize("worse", [{"width": 0.1}, {"width": 3.0}, {"blur": 1.4}, {"blur": 0.7}])
def test_it_prefers_the_distribution_of_the_truth(worse):
    truth = textures(1, seed=1, cases=300)[0]
    best = spectral_crps(textures(8, cases=300), truth, 255.0).mean()
    assert spectral_crps(textures(8, cases=300, **worse), truth, 255.0).mean() > best + 0.05


def test_positions_and_the_order_of_members_do_not_matter():
    members, truth = textures(6), textures(1, seed=1)[0]
    expected = spectral_crps(members, truth, 255.0)
    turned = members[::-1, :, ::-1]
    np.testing.assert_allclose(spectral_crps(turned, truth, 255.0), expected, rtol=1e-9)


def test_frames_that_are_constant_have_a_finite_score():
    black = np.zeros((3, 2, 8, 8, 3), np.uint8)
    np.testing.assert_array_equal(spectral_crps(black, black[0], 255.0), 0)


def test_one_member_is_refused():
    members, truth = textures(1), textures(1)[0]
    with pytest.raises(ValueError, match="of at least 2 does not belong"):
        spectral_crps(members, truth, 255.0)
