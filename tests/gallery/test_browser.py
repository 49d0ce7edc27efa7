"""The gallery in a browser: it plays in step, sorts, fits a phone, and needs no network."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.gallery import Contents, build_gallery
from rvd.plotting.stored import stored_ensembles
from rvd.video.pictures import to_picture
from tests.browser import Page, chromium
from tests.ensembles import write_results

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="Chromium is not installed"),
]

DATASETS, MODELS = ("simulation", "kth"), ("rvd", "vd", "persistence")
FRAMES = "[...document.querySelectorAll('.clip')].map((c) => +c.style.getPropertyValue('--frame'))"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    """A gallery and the samples that it shows."""
    folder = tmp_path_factory.mktemp("gallery")
    results = write_results(folder, datasets=DATASETS, models=MODELS)
    table = folder / "table1.csv"
    tabulate(results.scores, "table1", Wanted(DATASETS, MODELS, (0,)), table)
    contents = Contents(
        results.samples, results.scores, results.curves, {"Table 1": table}, {}, {"Commit": "none"}
    )
    build_gallery(contents, folder / "gallery.html")
    return folder / "gallery.html", results.samples


@pytest.fixture
def page(gallery, tmp_path):
    with Page(tmp_path) as page:
        page.open(gallery[0])
        yield page
        assert page.failures == []
        assert page.requests == [gallery[0].as_uri()]


def wait(page, condition):
    """Wait until ``condition`` holds, at most five seconds of the page's time."""
    return page.run(
        "new Promise((done) => { const began = Date.now(); const look = () => "
        f"({condition}) ? done(true) : Date.now() - began > 5000 ? done(false) "
        ": setTimeout(look, 10); look(); })"
    )


def test_all_films_play_in_step_and_restart(page):
    assert page.run(FRAMES) == [4] * 4
    page.run("document.querySelector('#speed').value = '2'")
    page.run("document.querySelector('#play').click()")
    assert page.run("document.querySelector('#play').textContent") == "Pause"
    for frame in (6, 9, 1):
        assert wait(page, f"{FRAMES}.every((frame) => frame === {frame})")
    page.run("document.querySelector('#play').click()")
    paused = page.run(FRAMES)
    page.run("new Promise((done) => setTimeout(done, 300))")
    assert page.run(FRAMES) == paused


def test_steps_by_button_key_and_slider(page):
    page.run("document.querySelector('#forth').click()")
    assert page.run(FRAMES) == [5] * 4
    page.key("ArrowLeft")
    page.key("ArrowLeft")
    assert page.run(FRAMES) == [3] * 4
    assert "given" in page.run("document.querySelector('#clock').textContent")
    page.run("document.querySelector('#time').value = 9")
    page.run("document.querySelector('#time').dispatchEvent(new Event('input'))")
    assert page.run(FRAMES) == [9] * 4
    page.run("document.querySelector('#forth').click()")
    assert page.run(FRAMES) == [9] * 4  # it is the last


def test_the_visible_frame_is_the_one_that_was_forecast(page, gallery, tmp_path):
    page.run("document.querySelector('#time').value = 7")
    page.run("document.querySelector('#time').dispatchEvent(new Event('input'))")
    film = "document.querySelector('[aria-label=\"VD, member 2\"]')"
    place = page.run(
        f"(({{x, y, width, height}}) => [x, y, width, height])({film}.getBoundingClientRect())"
    )
    page.screenshot(tmp_path / "page.png", whole=True)
    x, y, width, height = map(round, place)
    seen = cv2.imread(str(tmp_path / "page.png"))[y : y + height, x : x + width, ::-1]
    clip = stored_ensembles(gallery[1])["simulation"].clip(0)
    expected = to_picture(clip.members["vd"][1, 7 - 4], signed=True)
    size = height // 16
    np.testing.assert_array_equal(seen[size // 2 :: size, size // 2 :: size], expected)


def test_one_clip_at_a_time_is_chosen(page):
    shown = "[...document.querySelectorAll('.clip')].map((clip) => clip.offsetHeight > 0)"
    assert page.run(shown) == [True, False, True, False]
    page.run("document.querySelectorAll('.choice button')[1].click()")
    assert page.run(shown) == [False, True, True, False]


def test_tables_sort_both_ways_with_missing_cells_last(page):
    column = "[...document.querySelector('tbody').rows].map((row) => row.cells[1].textContent)"
    before = page.run(column)
    heading = "document.querySelectorAll('th button')[1]"
    page.run(f"{heading}.click()")
    rising = page.run(column)
    page.run(f"{heading}.click()")
    falling = page.run(column)
    values = sorted(float(text) for text in before if text[0].isdigit())
    assert [float(text) for text in rising[: len(values)]] == values
    assert [float(text) for text in falling[: len(values)]] == values[::-1]
    assert set(rising[len(values) :]) == set(falling[len(values) :]) == {"not in this run"}
    assert page.run("document.querySelector('[aria-sort]').getAttribute('aria-sort')") == (
        "descending"
    )


def test_a_phone_scrolls_the_films_not_the_page(page):
    page.resize(390, 844)
    assert page.run("document.documentElement.scrollWidth") == 390
    assert page.run("document.querySelector('.truth').getBoundingClientRect().x") < 30
    page.run("document.querySelector('.scroll').scrollLeft = 200")
    # The truth stays visible next to each model.
    assert 0 <= page.run("document.querySelector('.truth').getBoundingClientRect().x") < 30


def test_every_control_has_a_name(page):
    unnamed = page.run(
        "[...document.querySelectorAll('button, input, select, [role=img], [role=region]')].filter("
        "(e) => !(e.textContent.trim() || e.ariaLabel || e.closest('label'))).length"
    )
    assert unnamed == 0


def test_without_scripts_first_forecasts_and_tables_show(gallery, tmp_path):
    with Page(tmp_path, scripts=False) as page:
        page.open(gallery[0])
        page.screenshot(tmp_path / "page.png", whole=True)
        seen = cv2.imread(str(tmp_path / "page.png"))
    with Page(tmp_path) as page:
        page.open(gallery[0])
        scripted = page.run("document.documentElement.scrollHeight")
    # All clips are shown, one below the other, in colour.
    assert len(seen) > 1.3 * scripted
    assert (np.ptp(seen.astype(int), axis=-1) > 60).mean() > 0.005


@pytest.mark.parametrize("dark", [False, True])
def test_the_scheme_is_the_user_s(gallery, tmp_path, dark):
    # A folder that keeps the pictures, for inspection.
    folder = Path(os.environ.get("RVD_SCREENSHOTS", tmp_path))
    with Page(tmp_path, dark=dark) as page:
        page.open(gallery[0])
        page.screenshot(folder / f"gallery-{'dark' if dark else 'light'}.png", whole=True)
    picture = cv2.imread(str(folder / f"gallery-{'dark' if dark else 'light'}.png"))
    assert (np.median(picture) < 60) == dark
