"""The gallery's page: its contents, and the parts that a size limit leaves out."""

import base64
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from rvd.errors import UserError
from rvd.evaluation.tables.tables import Wanted, tabulate
from rvd.gallery import Contents, build_gallery
from rvd.gallery.films import QUALITY, clip_films, strip
from rvd.gallery.score_tables import score_tables
from rvd.plotting.crps_maps import crps_maps
from rvd.plotting.stored import stored_ensembles
from rvd.video.pictures import to_picture
from tests.ensembles import write_results

MODELS = ("rvd", "analogue", "persistence")


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    results = write_results(folder, datasets=("simulation", "bair"), models=MODELS)
    table = folder / "table1.csv"
    tabulate(results.scores, "table1", Wanted(("simulation", "bair"), MODELS, (0,)), table)
    return Contents(
        samples=results.samples,
        scores=results.scores,
        curves=results.curves,
        tables={"Table 1": table},
        periods={"simulation": 20.0},
        provenance={"Config": "{<script>}"},
    )


@pytest.fixture
def page(contents, tmp_path):
    build_gallery(contents, tmp_path / "gallery.html")
    return (tmp_path / "gallery.html").read_text()


def test_the_page_needs_nothing_else(page):
    links = re.findall(r'(?:src|href)="([^"]*)"|url\(([^)]*)\)', page)
    named = {one or other for one, other in links} - {""}
    # "#…" is a part of the page itself; the names of XML's vocabularies are not loaded.
    assert all(link.startswith(("data:", "#")) for link in named)
    assert "<script src" not in page
    assert "@import" not in page
    for text in ("Simulation", "BAIR", "Truth", "RVD", "Persistence", "CRPS", "Table 1"):
        assert text in page


def test_the_contents_are_escaped(page):
    assert "{&lt;script&gt;}" in page


def test_figures_have_the_colour_of_the_page_s_text(page):
    figures = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    assert len(figures) == 2
    for figure in figures:
        assert "#000000" not in figure
        assert "currentColor" in figure


def decoded(film, frames):
    data = np.frombuffer(base64.b64decode(film.uri.partition(",")[2]), np.uint8)
    picture = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.stack(np.split(picture, frames, axis=1))


def test_films_hold_the_frames_in_order(contents):
    clip = stored_ensembles(contents.samples)["bair"].clip(1)
    films = clip_films(clip, members=2)
    assert (films.given, films.frames) == (4, 10)
    expected = to_picture(np.concatenate([clip.context, clip.truth]), signed=False)
    np.testing.assert_array_equal(decoded(films.truth, films.frames), expected)
    assert [len(model.members) for model in films.models] == [2, 2, 1]
    member = to_picture(clip.members["rvd"][1], signed=False)
    np.testing.assert_array_equal(decoded(films.models[0].members[1], 10)[4:], member)


def test_maps_use_the_whole_ensemble_even_if_few_members_are_shown(contents):
    clip = stored_ensembles(contents.samples)["bair"].clip(0)
    films = clip_films(clip, members=1)
    expected = crps_maps(clip, "rvd").mean((1, 2))
    np.testing.assert_allclose(films.models[0].crps, expected, atol=6e-4)
    few = replace(clip, members={m: own[:1] for m, own in clip.members.items()})
    assert not np.allclose(crps_maps(few, "rvd").mean((1, 2)), expected, rtol=0.05)


def test_strips_of_large_frames_are_small_and_similar():
    y, x = np.mgrid[0:128, 0:128] / 128
    moving = [0.5 + 0.5 * np.sin(9 * x + 5 * y * t) for t in range(8)]
    frames = (255 * np.stack(moving)[..., None].repeat(3, -1)).astype(np.uint8)
    uri = strip(frames)
    assert len(uri) < frames.size / 8
    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    shown = np.stack(np.split(cv2.imdecode(data, cv2.IMREAD_COLOR), 8, axis=1))
    assert np.abs(shown.astype(int) - frames).mean() < 255 * (1 - QUALITY / 100) / 10


def test_a_strip_wider_than_webp_allows_is_still_a_picture():
    frames = np.zeros((260, 2, 64, 3), np.uint8)
    assert strip(frames).startswith("data:image/png;base64,")


def test_a_small_limit_leaves_out_clips_and_members_and_names_them(contents, tmp_path):
    build_gallery(replace(contents, megabytes=1e-6), tmp_path / "gallery.html")
    page = (tmp_path / "gallery.html").read_text()
    assert page.count("1 of 2 test clips, 1 of 3 members of each ensemble") == 2
    assert page.count("Left out to keep the page small: 1 further clip and further members") == 2
    build_gallery(contents, tmp_path / "gallery.html")
    assert "Left out" not in (tmp_path / "gallery.html").read_text()


def test_the_films_stay_within_the_limit(contents, tmp_path):
    limit = 0.05
    build_gallery(replace(contents, megabytes=limit), tmp_path / "gallery.html")
    page = (tmp_path / "gallery.html").read_text()
    assert sum(map(len, re.findall(r"data:image/\w+;base64,[^)]*", page))) <= 1e6 * limit
    assert "2 of 2 test clips" not in page


def test_tables_have_all_scores_and_mark_the_best(contents):
    tables = list(score_tables(contents.tables["Table 1"]))
    assert [table.further for table in tables] == [False, True, True, True, True]
    crps = tables[0]
    assert crps.header == ["model", "BAIR", "published", "Simulation", "published"]
    rows = {row[0].text: row for row in crps.rows}
    assert [cell.kind for cell in rows["RVD"][1::2]] == ["best", "best"]
    assert rows["RVD"][4].value == 0.58
    assert rows["IVRNN"][3].text == "not in this run"
    assert rows["IVRNN"][3].value is None
    assert "published" not in tables[1].header
    assert crps.protocol == "4 context and 6 future frames; 2 clips, 3 members"


def test_a_missing_input_is_named_and_nothing_is_written(contents, tmp_path):
    with pytest.raises(UserError, match=r"absent\.h5"):
        build_gallery(
            replace(contents, samples=[tmp_path / "absent.h5"]), tmp_path / "gallery.html"
        )
    assert not (tmp_path / "gallery.html").exists()
