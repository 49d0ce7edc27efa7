"""The paper's figures: rows, columns, times, notices of what is missing, and the files' sizes."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from rvd.evaluation.scores.scores_file import read_scores
from rvd.evaluation.tables.table_file import read_table
from rvd.evaluation.tables.tables import Wanted, published, tabulate
from rvd.plotting.crps_maps import crps_maps
from rvd.plotting.paper import (
    DATASETS,
    FRAMES,
    TABLE1,
    TABLE2,
    figure3,
    figure4,
    figure_times,
    frames_numbers,
    paper_frames_figure,
    table2_figure,
)
from rvd.plotting.stored import stored_ensembles
from rvd.plotting.style import COLUMN_WIDTH, FULL_WIDTH, save
from rvd.video.pictures import to_picture
from tests.ensembles import write_results
from tests.figure_files import page_width, png_dpi, png_width

LABELS = ["RVD", "IVRNN", "SVG-LP", "RetroGAN", "DVD-GAN", "FutureGAN"]
MODELS = ("persistence", *reversed(dict.fromkeys([*TABLE1, *TABLE2])))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Results of all datasets and models of the paper, 4 + 16 frames, in another order."""
    folder = tmp_path_factory.mktemp("whole")
    return write_results(folder, tuple(reversed(DATASETS)), MODELS, horizon=16, size=8)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Results of the simulation alone, without IVRNN and the GANs, 4 + 6 frames."""
    folder = tmp_path_factory.mktemp("small")
    return write_results(folder, ("simulation",), ("rvd", "vd", "svg-lp", "persistence"))


def texts(figure):
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def heading(figure):
    return next(text for text in texts(figure) if text.startswith("Figure"))


def pictures(figure):
    return [image.get_array() for image in figure.axes[0].images]


def test_models_are_those_of_the_tables():
    assert tuple(dict.fromkeys(model for model, _, _ in published("table1"))) == TABLE1
    assert tuple(dict.fromkeys(model for model, _, _ in published("ablation"))) == TABLE2
    assert tuple(dict.fromkeys(dataset for _, dataset, _ in published("table1"))) == DATASETS


def test_times_are_the_whole_context_and_six_future_frames():
    assert figure_times(4, 16) == [0, 1, 2, 3, 4, 7, 10, 13, 16, 19]
    assert figure_times(4, 12) == [0, 1, 2, 3, 4, 6, 8, 11, 13, 15]
    assert figure_times(2, 3) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("number", FRAMES)
def test_frames_have_the_rows_and_times_of_the_paper(whole, number):
    ensembles = stored_ensembles(whole.samples)
    figure = paper_frames_figure(ensembles, number)
    (axis,) = figure.axes
    times = [0, 1, 2, 3, 4, 7, 10, 13, 16, 19]
    shown = [text.get_text() for text in axis.texts]
    assert shown == ["Truth", *LABELS, *(f"t = {time}" for time in times)]
    clip = ensembles[FRAMES[number]].clip(0)
    truth = to_picture(np.concatenate([clip.context, clip.truth]), clip.info.signed)
    forecast = to_picture(clip.members["rvd"][0], clip.info.signed)
    found = pictures(figure)
    assert len(found) == 10 + 6 * len(LABELS)
    np.testing.assert_array_equal(found[:10], truth[times])
    np.testing.assert_array_equal(found[10:16], forecast[[time - 4 for time in times[4:]]])
    assert heading(figure).startswith(f"Figure {number}. ")
    assert "\n" not in heading(figure)


def test_figures_of_frames_name_what_was_not_run(small):
    ensembles = stored_ensembles(small.samples)
    assert frames_numbers(ensembles) == [2, 7]
    other, own = (paper_frames_figure(ensembles, number) for number in (2, 7))
    assert "The paper shows Cityscapes here, which was not run; this is Simulation." in heading(
        other
    )
    assert "The paper shows" not in heading(own)
    for figure in (other, own):
        assert "left out: IVRNN, RetroGAN, DVD-GAN, FutureGAN." in heading(figure)
        rows = [text.get_text() for text in figure.axes[0].texts][:3]
        assert rows == ["Truth", "RVD", "SVG-LP"]
    # Another clip, so that no two figures of a run are equal.
    assert not np.array_equal(pictures(other)[0], pictures(own)[0])


def test_figure_3_has_the_models_of_table_1(whole):
    scores = read_scores(whole.scores)
    figure = figure3(scores)
    assert [axis.get_title("left") for axis in figure.axes] == [
        "KTH", "BAIR", "Simulation", "Cityscapes",
    ]  # fmt: skip
    assert len({axis.get_position().y0.round(3) for axis in figure.axes}) == 1
    assert figure.get_figwidth() == FULL_WIDTH
    assert "\n" not in heading(figure)
    for axis, dataset in zip(figure.axes, DATASETS, strict=True):
        assert [line.get_label() for line in axis.lines] == LABELS
        for line, model in zip(axis.lines, TABLE1, strict=True):
            own = scores[
                (scores.dataset == dataset) & (scores.model == model) & (scores.metric == "crps")
            ]
            crps = own[own.frame.notna()].sort_values("frame").value
            np.testing.assert_allclose(line.get_ydata(), 1 / crps)


def test_figure_3_of_one_dataset_is_one_column_and_names_what_was_not_run(small):
    figure = figure3(read_scores(small.scores))
    assert len(figure.axes) == 1
    assert figure.get_figwidth() == COLUMN_WIDTH
    assert [line.get_label() for line in figure.axes[0].lines] == ["RVD", "SVG-LP"]
    title = heading(figure).replace("\n", " ")
    assert "left out: KTH, BAIR, Cityscapes." in title
    assert "left out: IVRNN, RetroGAN, DVD-GAN, FutureGAN." in title


def test_figure_3_names_the_panel_that_lacks_a_model(whole):
    scores = read_scores(whole.scores)
    lacking = scores[(scores.dataset != "bair") | (scores.model != "ivrnn")]
    assert "BAIR is without IVRNN." in heading(figure3(lacking))


def test_figure_4_is_rvd_against_ivrnn_at_the_tenth_frame_of_cityscapes(whole):
    ensembles = stored_ensembles(whole.samples)
    figure = figure4(ensembles)
    truth, rvd, ivrnn, rvd_map, ivrnn_map, bar = figure.axes
    clip = ensembles["cityscapes"].clip(0)
    maps = {model: crps_maps(clip, model)[9] for model in ("rvd", "ivrnn")}
    assert [axis.get_title() for axis in (truth, rvd, ivrnn)] == ["Truth", "RVD", "IVRNN"]
    assert rvd_map.get_title() == f"RVD: mean {maps['rvd'].mean():.2f}"
    np.testing.assert_array_equal(truth.images[0].get_array(), to_picture(clip.truth[9], False))
    np.testing.assert_array_equal(
        ivrnn.images[0].get_array(), to_picture(clip.members["ivrnn"][0, 9], False)
    )
    for axis, model in ((rvd_map, "rvd"), (ivrnn_map, "ivrnn")):
        np.testing.assert_array_equal(axis.images[0].get_array(), maps[model])
    assert rvd_map.images[0].get_clim() == ivrnn_map.images[0].get_clim()
    assert bar.get_ylabel() == "CRPS (grey levels)"
    assert "Cityscapes, test-0" in heading(figure)
    assert "future frame 10 (t = 13)" in heading(figure)


def test_figure_4_names_what_was_not_run(small):
    figure = figure4(stored_ensembles(small.samples))
    assert [axis.get_title() for axis in figure.axes[:2]] == ["Truth", "RVD"]
    title = heading(figure).replace("\n", " ")
    assert "The paper shows Cityscapes here, which was not run; this is Simulation." in title
    assert "left out: IVRNN." in title
    assert "future frame 6 (t = 9)" in title
    assert "fewer than 10 frames" in title


def test_table_2_names_the_datasets_that_were_not_run(small, tmp_path):
    path = tmp_path / "ablation.csv"
    tabulate(small.scores, "ablation", Wanted(("simulation",), ("rvd", "vd"), (0,)), path)
    figure = table2_figure(read_table(path))
    assert figure.get_figwidth() == COLUMN_WIDTH
    assert any("left out: KTH, BAIR, Cityscapes." in text for text in texts(figure))


def test_table_2_has_its_five_rows(table2):
    figure = table2_figure(read_table(table2))
    rows = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert rows == ["VD", "RVD", "RVD (2+3)", "IVRNN", "IVRNN (4+4)"]
    assert [axis.get_title("left") for axis in figure.axes] == [
        "KTH", "BAIR", "Simulation", "Cityscapes",
    ]  # fmt: skip


@pytest.fixture(scope="module")
def table2(whole, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / "ablation.csv"
    tabulate(whole.scores, "ablation", Wanted(DATASETS, MODELS, (0,)), path)
    return path


def test_figures_without_results_are_notices(whole):
    scores = read_scores(whole.scores)
    for figure, text in (
        (paper_frames_figure({}, 2), "Figure 2: there are no samples."),
        (figure3(scores[scores.model == "vd"]), "Figure 3: no model of Table 1"),
        (figure3(pd.DataFrame(columns=scores.columns)), "Figure 3: no model of Table 1"),
        (figure4({}), "Figure 4: there are no samples of RVD or IVRNN."),
    ):
        assert figure.texts[0].get_text().startswith(text)


@pytest.mark.parametrize("results", ["whole", "small"])
@pytest.mark.parametrize("name", ["figure2", "figure3", "figure4", "table2"])
def test_files_are_as_wide_as_the_page_and_legible(name, results, table2, tmp_path, request):
    found = request.getfixturevalue(results)
    ensembles = stored_ensembles(found.samples)
    figure = {
        "figure2": lambda: paper_frames_figure(ensembles, 2),
        "figure3": lambda: figure3(read_scores(found.scores)),
        "figure4": lambda: figure4(ensembles),
        "table2": lambda: table2_figure(read_table(table2)),
    }[name]()
    save(figure, tmp_path, name)
    width = figure.get_figwidth()
    assert width in (FULL_WIDTH, COLUMN_WIDTH)
    assert png_dpi(tmp_path / f"{name}.png") == 300
    for of, kind in ((png_width, "png"), (page_width, "svg"), (page_width, "pdf")):
        assert of(tmp_path / f"{name}.{kind}") == pytest.approx(width, abs=0.01)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    for text in figure.findobj(Text):
        if not (text.get_visible() and text.get_text().strip()):
            continue
        assert text.get_fontsize() >= 6, text
    # Nothing lies outside the page, except for a pixel at the edges of letters.
    box = figure.get_tightbbox(canvas.get_renderer())
    assert box.x0 >= -0.01
    assert box.y0 >= -0.01
    assert box.x1 <= width + 0.01
    assert box.y1 <= figure.get_figheight() + 0.01
