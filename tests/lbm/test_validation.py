"""The quick validation cases pass; a wrong solver fails."""

from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from lbm import validation
from lbm.cli import app
from lbm.solvers.numba_solver import NumbaSolver
from lbm.solvers.pylbm_solver import PylbmSolver
from lbm.validation import solver_agreement
from lbm.validation.case import Case, Check
from lbm.validation.exact import poiseuille, sound_wave, taylor_green
from lbm.validation.plotting import case_figure


def values(case):
    return {check.quantity: check.value for check in case.checks}


def test_taylor_green_vortices_decay_with_the_viscosity_at_second_order():
    case = taylor_green(sizes=(16, 32, 64))
    assert values(case)["order of convergence"] == pytest.approx(2, abs=0.05)
    # the error is 1.7 % at 16 cells, and a sixteenth of it at 64
    assert values(case)["viscosity, measured / set"] == pytest.approx(1, abs=1e-3)
    assert case.passed


def test_sound_decays_with_the_bulk_viscosity():
    assert values(sound_wave())["bulk viscosity, measured / set"] == pytest.approx(1, abs=1e-3)


def test_poiseuille_flow_is_a_parabola_at_second_order():
    case = poiseuille(sizes=(8, 16, 32))
    assert values(case)["order of convergence"] == pytest.approx(2, abs=0.02)
    assert case.series["profile"] == pytest.approx(case.series["exact"], abs=1e-3)


def test_a_solver_with_another_viscosity_does_not_pass():
    def wrong(flow):
        return NumbaSolver(replace(flow, viscosity=1.002 * flow.viscosity))

    def wrong_bulk(flow):
        return NumbaSolver(replace(flow, bulk_viscosity=1.002 * flow.bulk_viscosity))

    assert not taylor_green(sizes=(16, 32), make=wrong).passed
    assert not sound_wave(make=wrong_bulk).passed


def test_both_solvers_must_shed_at_one_frequency(monkeypatch):
    found = {NumbaSolver: 0.170, PylbmSolver: 0.163}

    def shedding(make):
        return Case("cylinder", (Check("Strouhal number", found[make], 0.16, 0.18, ""),), {}, 1.0)

    monkeypatch.setattr(solver_agreement, "cylinder", shedding)
    case = solver_agreement.cylinder_agreement()
    assert [check.passed for check in case.checks] == [True, False]
    assert case.checks[1].value == pytest.approx(0.163 / 0.170)
    found[PylbmSolver] = 0.169
    assert solver_agreement.cylinder_agreement().passed


def test_nan_does_not_pass():
    assert not Check("x", float("nan"), 0, 1, "").passed


def test_validate_prints_a_table_and_writes_plots(tmp_path, monkeypatch):
    good = Case("good", (Check("x", 0.5, 0, 1, "me"),), {"difference": np.ones(3)}, 0.1)
    monkeypatch.setattr(validation, "CASES", {"good": lambda: good})
    ran = CliRunner().invoke(app, ["validate", "--output", str(tmp_path / "new")])
    assert ran.exit_code == 0, ran.output
    assert "| good | x " in ran.output
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == [
        "good.pdf",
        "good.png",
        "good.svg",
        "validation.csv",
        "validation.md",
    ]


def test_validate_fails_with_the_cases_that_fail(monkeypatch):
    bad = Case("bad", (Check("x", 1.5, 0, 1, "me"),), {"difference": np.ones(3)}, 0.1)
    monkeypatch.setattr(validation, "CASES", {"bad": lambda: bad})
    ran = CliRunner().invoke(app, ["validate"])
    assert ran.exit_code == 1
    assert "out of range: bad" in ran.output
    ran = CliRunner().invoke(app, ["validate", "goodness"])
    assert ran.exit_code == 1
    assert "goodness: no such case; there are bad" in ran.output


@pytest.mark.parametrize("case", [sound_wave, lambda: taylor_green(sizes=(8, 16))])
def test_every_case_has_a_figure(case):
    assert case_figure(case()).axes
