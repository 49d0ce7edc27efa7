"""Runs and their files, by the command line."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from lbm import vortex_street
from lbm.cli import app
from lbm.config import VortexStreetConfig
from lbm.errors import RunFileError
from lbm.runs.run_file import open_run
from lbm.solvers.numba_solver import NumbaSolver
from tests import prefork

STREET = VortexStreetConfig(
    width=48, height=24, diameter=4, center=8, reynolds=50, warmup=40, interval=10, frames=6
)


def lbm(*arguments, cwd, python=None):
    command = [python or prefork.python(), "-m", "lbm", *map(str, arguments)]
    environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env=environment
    )


@pytest.fixture(scope="module")
def run_path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    run = lbm("simulate", "run.h5", *STREET.flags(), cwd=folder, python=sys.executable)
    assert run.returncode == 0, run.stderr
    assert "Re 50" in run.stderr
    assert "MLUPS" in run.stderr
    return folder / "run.h5"


def test_flags_cover_every_parameter(run_path):
    with open_run(run_path) as run:
        assert run.street == STREET


def test_the_run_file_matches_its_parameters(run_path):
    with open_run(run_path) as run:
        assert run.vorticity.shape == (6, 24, 48)
        assert run.vorticity.chunks == (1, 24, 48)
        np.testing.assert_array_equal(run.tick, 40 + 10 * np.arange(1, 7))
        assert (run.vorticity[:][:, run.solid] == 0).all()
        assert np.abs(run.vorticity[:]).max() > 1e-4
        assert (run.drag > 0).all()
        assert 10 < run.solid.sum() < 16


def test_the_seed_determines_the_run(run_path, tmp_path):
    for name, seed in (("same", 0), ("other", 1)):
        street = STREET.model_copy(update={"seed": seed})
        assert lbm("simulate", f"{name}.h5", *street.flags(), cwd=tmp_path).returncode == 0
    with open_run(run_path) as one, open_run(tmp_path / "same.h5") as same:
        np.testing.assert_array_equal(one.vorticity[:], same.vorticity[:])
    with open_run(run_path) as one, open_run(tmp_path / "other.h5") as other:
        assert not np.array_equal(one.vorticity[:], other.vorticity[:])


def test_a_dry_run_prints_the_cost_and_writes_nothing(tmp_path):
    run = lbm("simulate", "run.h5", "--dry-run", *STREET.flags(), cwd=tmp_path)
    assert run.returncode == 0
    for said in ("Re 50", "Ma 0.139", "tau 0.5192", "blockage 16.7%", "Strouhal", "100 ticks"):
        assert said in run.stderr
    assert "lattice updates, about" in run.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--velocity=0.2"], "Mach number is 0.346, it must stay below 0.15"),
        (["--velocity=0.08", "--modulation=0.1"], "Mach number is 0.166"),
        (["--reynolds=1e6"], "relaxation time tau is 0.5000, it must exceed 0.505"),
        (["--diameter=100"], "diameter = 100: the circle blocks 78%"),
        (["--center=1"], "center = 1"),
        (["--offset=60"], "may lie at most 54 from the middle"),
        (["--solver=magic"], "solver = 'magic'"),
        (["--interval=0"], "interval = 0"),
        (["--frames=0"], "frames = 0"),
        (["--reynold=5"], "No such option"),
    ],
)
def test_impossible_values_are_refused(tmp_path, options, said):
    run = lbm("simulate", "run.h5", *options, cwd=tmp_path)
    assert run.returncode != 0
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_diverges_stops_with_its_tick_and_leaves_no_file(tmp_path, monkeypatch):
    class Diverging(NumbaSolver):
        def macroscopic(self):
            density, ux, uy = super().macroscopic()
            density[3, 5] = np.nan if self.tick >= 65 else 1
            return density, ux, uy

    monkeypatch.setitem(vortex_street.SOLVERS, "numba", Diverging)
    path = tmp_path / "run.h5"
    ran = CliRunner().invoke(app, ["simulate", str(path), *STREET.flags()])
    assert ran.exit_code == 2
    assert f"{path}: the flow has diverged at tick 70" in ran.output  # the first frame after 65
    assert list(tmp_path.glob("*.h5")) == []


def test_a_missing_folder_is_named(tmp_path):
    run = lbm("simulate", "absent/run.h5", *STREET.flags(), cwd=tmp_path)
    assert run.returncode != 0
    assert "absent/run.h5: cannot be written" in run.stderr
    assert "Traceback" not in run.stderr


def test_stability_bounds_name_the_value():
    with pytest.raises(ValidationError, match=r"Mach number is 0\.173"):
        VortexStreetConfig(velocity=0.1)
    with pytest.raises(ValidationError, match="there_is_no_such"):
        VortexStreetConfig(there_is_no_such=1)


def damage_truncated(path):
    path.write_bytes(path.read_bytes()[:1000])


def damage_format(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def damage_missing(path):
    with h5py.File(path, "r+") as file:
        del file["lift"]


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_truncated, "not an HDF5 file, or truncated"),
        (damage_format, "not a run file"),
        (damage_missing, "'lift' is missing"),
    ],
)
def test_damaged_run_files_are_named(run_path, tmp_path, damage, said):
    path = tmp_path / "run.h5"
    path.write_bytes(run_path.read_bytes())
    damage(path)
    with pytest.raises(RunFileError, match=said) as caught:
        open_run(path)
    assert "\n" not in str(caught.value)
