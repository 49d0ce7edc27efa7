"""From stored forecasts, scores and curves to one page of HTML."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure

from rvd.evaluation.names import dataset_label, metric_name, model_label
from rvd.evaluation.scores_file import read_scores
from rvd.evaluation.table_text import read_table
from rvd.files import written_whole
from rvd.gallery.films import ClipFilms, clip_films
from rvd.plotting.by_frame import by_frame_figure
from rvd.plotting.stored import StoredEnsembles, stored_ensembles
from rvd.plotting.training import read_curves, training_figure

MEMBERS = 3
CLIPS = 3


@dataclass(frozen=True)
class Contents:
    """What a gallery shows: the files, and how they were made.

    ``periods`` are shedding periods in frames by dataset, ``provenance`` is shown as it is, and
    ``megabytes`` bounds the films: clips beyond it are left out, and the page says so.
    """

    samples: Sequence[Path]
    scores: Sequence[Path]
    curves: Sequence[Path]
    tables: Mapping[str, Path]
    periods: Mapping[str, float]
    provenance: Mapping[str, str]
    megabytes: float = 12.0


@dataclass(frozen=True)
class _Section:
    """A dataset's films, and a note on what was left out."""

    name: str
    title: str
    clips: list[ClipFilms]
    rate: float
    note: str


def build_gallery(contents: Contents, output: Path) -> None:
    """Write the page: films that move in step, tables that sort, and curves.

    It needs no network. Without scripts it shows the first forecast frames, the tables and curves.

    Raises:
        UserError: an input is missing or faulty, or the page cannot be written.
    """
    scores = read_scores(contents.scores)
    ensembles = stored_ensembles(contents.samples)
    share = contents.megabytes * 1e6 / max(len(ensembles), 1)
    environment = Environment(
        loader=PackageLoader("rvd.gallery", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = {"CRPS against time": by_frame_figure(scores, periods=contents.periods)}
    if contents.curves:
        figures["Training"] = training_figure(read_curves(contents.curves))
    page = environment.get_template("page.html.jinja").render(
        sections=[_section(stored, share) for stored in ensembles.values()],
        tables=[(title, list(_blocks(path))) for title, path in contents.tables.items()],
        figures=[(title, _svg(figure)) for title, figure in figures.items()],
        provenance=contents.provenance,
    )
    with written_whole(output) as partial:
        partial.write_text(page)


def _section(stored: StoredEnsembles, limit: float) -> _Section:
    """The first clips of a dataset whose films stay within ``limit`` bytes, one at the least."""
    clips: list[ClipFilms] = []
    total, rate = 0, 10.0
    wanted = min(CLIPS, stored.clips)
    # Spread over the test clips, which come video by video.
    for index in [
        round(place * (stored.clips - 1) / max(wanted - 1, 1)) for place in range(wanted)
    ]:
        clip = stored.clip(index, MEMBERS)
        films = clip_films(clip)
        if clips and total + films.size > limit:
            break
        clips.append(films)
        total, rate = total + films.size, clip.info.frame_rate
    note = f"{len(clips)} of {stored.clips} test clips, at most {MEMBERS} members of each ensemble"
    return _Section(stored.dataset, dataset_label(stored.dataset), clips, rate, note)


def _blocks(path: Path) -> Iterator[tuple[list[str], list[list[tuple[str, float | None, str]]]]]:
    """For each metric that was scored a header, and rows of (text, value to sort by, hint)."""
    table = read_table(path)
    for metric, part in table.groupby("metric", sort=False):
        if part["ours"].isna().all():
            continue
        name = metric_name(str(metric))
        datasets = [d for d in dict.fromkeys(part["dataset"]) if _scored(part, d)]
        header = [name.arrow + (f", {name.unit}" if name.unit else "")]
        for dataset in datasets:
            header += [dataset_label(dataset), "published"]
        rows = []
        for model, own in part.groupby("model", sort=False):
            cells: list[tuple[str, float | None, str]] = [(model_label(str(model)), None, "")]
            for dataset in datasets:
                cells += _cells(own[own["dataset"] == dataset], name.decimals)
            rows.append(cells)
        yield header, rows


def _scored(part: pd.DataFrame, dataset: str) -> bool:
    return bool(part.loc[part["dataset"] == dataset, "ours"].notna().any())


def _cells(cell: pd.DataFrame, decimals: int) -> list[tuple[str, float | None, str]]:
    """Ours (or why it is missing), and the published value."""
    if cell.empty:
        return [("–", None, ""), ("–", None, "")]
    row = cell.iloc[0]
    error = row["standard error"]
    spread = f" ± {error:.{decimals}f}" if pd.notna(error) else ""
    ours: tuple[str, float | None, str] = (
        (f"{row['ours']:.{decimals}f}{spread}", float(row["ours"]), str(row["protocol"]))
        if pd.notna(row["ours"])
        else (str(row["note"]), None, "")
    )
    published = row["published"]
    theirs = (f"{published}", float(published), "") if pd.notna(published) else ("–", None, "")
    return [ours, theirs]


def _svg(figure: Figure) -> str:
    """A figure as inline SVG, without the XML prologue that HTML does not take."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    text = buffer.getvalue()
    return text[text.index("<svg") :]
