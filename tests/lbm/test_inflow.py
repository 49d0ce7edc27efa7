import numpy as np
import pytest

from lbm.config import VortexStreetConfig
from lbm.inflow import relative_inflow

LONG = VortexStreetConfig(frames=4000, interval=128, modulation=0.03, velocity=0.07)


def test_steady_without_modulation():
    assert (relative_inflow(VortexStreetConfig(frames=3)) == 1).all()


def test_modulation_has_its_deviation_time_and_bounds():
    inflow = relative_inflow(LONG)
    assert len(inflow) == LONG.total_ticks
    assert inflow.mean() == pytest.approx(1, abs=0.01)
    # Reflection at two standard deviations slightly reduces the deviation.
    assert inflow.std() == pytest.approx(0.03, rel=0.15)
    assert np.abs(inflow - 1).max() <= 0.06 + 1e-12
    # It is reflected at the bounds and does not stay there.
    assert (np.abs(inflow - 1) > 0.0599).mean() < 0.01
    lag = int(LONG.modulation_time)
    deviation = inflow - inflow.mean()
    correlation = (deviation[lag:] * deviation[:-lag]).mean() / deviation.var()
    assert correlation == pytest.approx(np.exp(-1), abs=0.12)


def test_it_is_determined_by_the_seed():
    again = relative_inflow(LONG.model_copy(update={"frames": LONG.frames}))
    np.testing.assert_array_equal(relative_inflow(LONG), again)
    other = relative_inflow(LONG.model_copy(update={"seed": 1}))
    assert not np.allclose(relative_inflow(LONG), other)
