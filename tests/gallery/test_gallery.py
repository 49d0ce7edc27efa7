import base64
import re

import cv2
import numpy as np
import pytest

from rvd.errors import UserError
from rvd.evaluation.tables import Wanted, tabulate
from rvd.gallery import Contents, build_gallery
from rvd.gallery.films import clip_films
from rvd.plotting.stored import stored_ensembles
from rvd.video.pictures import to_picture
from tests.ensembles import write_results

MODELS = ("rvd", "analogue", "persistence")


def contents(folder, **changes):
    results = write_results(folder, datasets=("simulation", "bair"), models=MODELS)
    table = folder / "table1.csv"
    tabulate(results.scores, "table1", Wanted(("simulation", "bair"), MODELS, (0,)), table)
    given = {
        "samples": results.samples,
        "scores": results.scores,
        "curves": results.curves,
        "tables": {"Table 1": table},
        "periods": {"simulation": 20.0},
        "provenance": {"Config": "{<script>}"},
    }
    return Contents(**(given | changes))


def test_the_page_needs_nothing_else(tmp_path):
    build_gallery(contents(tmp_path), tmp_path / "gallery.html")
    page = (tmp_path / "gallery.html").read_text()
    # Apart from the names of XML's vocabularies, it names no other place.
    links = re.findall(r'(?:src|href)="([^"#]*)"|url\(([^)]*)\)', page)
    named = {one or other for one, other in links} - {""}
    # ("#…" is a part of a figure on the page itself)
    assert all(link.startswith(("data:", "#")) for link in named)
    assert "<script src" not in page
    for text in ("Simulation", "BAIR", "Truth", "RVD", "Persistence", "CRPS", "Table 1"):
        assert text in page


def test_what_is_shown_is_escaped(tmp_path):
    build_gallery(contents(tmp_path), tmp_path / "gallery.html")
    assert "{&lt;script&gt;}" in (tmp_path / "gallery.html").read_text()


def decoded(film):
    data = np.frombuffer(base64.b64decode(film.uri.partition(",")[2]), np.uint8)
    strip = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.stack(np.split(strip, film.frames, axis=1))


def test_films_hold_the_frames_in_order(tmp_path):
    results = write_results(tmp_path, datasets=("bair",), models=MODELS)
    clip = stored_ensembles(results.samples)["bair"].clip(1)
    films = clip_films(clip)
    assert (films.given, films.frames) == (4, 10)
    truth, *models = films.rows
    expected = to_picture(np.concatenate([clip.context, clip.truth]), signed=False)
    np.testing.assert_array_equal(decoded(truth.films[0]), expected)
    shown = [[film.title for film in row.films] for row in models]
    stochastic = ["member 1", "CRPS", "member 2", "member 3"]
    assert shown == [stochastic, stochastic, ["member 1", "CRPS"]]
    member = to_picture(clip.members["rvd"][1], signed=False)
    np.testing.assert_array_equal(decoded(models[0].films[2])[4:], member)


def test_a_small_limit_leaves_out_clips_and_says_so(tmp_path):
    build_gallery(contents(tmp_path, megabytes=1e-6), tmp_path / "gallery.html")
    assert "1 of 2 test clips" in (tmp_path / "gallery.html").read_text()


def test_a_missing_input_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(UserError, match=r"absent\.h5"):
        build_gallery(
            contents(tmp_path, samples=[tmp_path / "absent.h5"]), tmp_path / "gallery.html"
        )
    assert not (tmp_path / "gallery.html").exists()
