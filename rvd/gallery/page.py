"""From stored forecasts, scores and curves to one page of HTML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from rvd.datasets.registry import dataset_label
from rvd.evaluation.scores.scores_file import read_scores
from rvd.files import atomic_write
from rvd.gallery.figures import inline_figure
from rvd.gallery.films import ClipFilms, clip_films
from rvd.gallery.score_tables import score_tables
from rvd.plotting.by_frame import by_frame_figure
from rvd.plotting.stored import StoredEnsembles, stored_ensembles
from rvd.plotting.training import read_curves, training_figure
from rvd.video.pictures import ERROR_MAP

# Most clips of a dataset and members of an ensemble to show, where the page's size allows it.
CLIPS, MEMBERS = 3, 3

# Widest film on a large screen and on a phone, in CSS pixels.
LARGE, SMALL = 160, 96


@dataclass(frozen=True)
class Contents:
    """The contents of a gallery.

    Attributes:
        samples: Ensemble files.
        scores: Scores files.
        curves: Training curves.
        tables: CSV files of ``tabulate``, by title.
        periods: Shedding periods in frames, by dataset.
        provenance: Texts on how the results were made, by title.
        megabytes: Largest size of all films; clips and members that do not fit are left out, and
            the page names them.
        missing: Lines on what partial results lack.
    """

    samples: Sequence[Path]
    scores: Sequence[Path]
    curves: Sequence[Path]
    tables: Mapping[str, Path]
    periods: Mapping[str, float]
    provenance: Mapping[str, str]
    megabytes: float = 12.0
    missing: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A dataset's films.

    Attributes:
        name: Name of the dataset.
        title: Label of the dataset.
        clips: Films of each clip.
        note: Number of clips and members that are shown.
        left_out: Clips and members that the limit left out, in words.
    """

    name: str
    title: str
    clips: Sequence[ClipFilms]
    note: str
    left_out: str

    @property
    def large(self) -> int:
        """The films' width on a large screen: an integer multiple of the frame's."""
        width = self.clips[0].width
        return max(LARGE // width, 1) * width if width <= LARGE else LARGE

    @property
    def small(self) -> int:
        """The films' width on a phone."""
        return SMALL

    @property
    def pixelated(self) -> bool:
        """True where the frames are so small that smoothing would blur them."""
        return self.clips[0].width <= LARGE // 3


def build_gallery(contents: Contents, output: Path) -> None:
    """Write the page: films that move in step, sortable tables, and curves.

    It needs no network. Without scripts it shows the first forecast frames, the tables and curves.

    Raises:
        UserError: An input is missing or faulty, or the page cannot be written.
    """
    scores = read_scores(contents.scores)
    ensembles = stored_ensembles(contents.samples)
    environment = Environment(
        loader=PackageLoader("rvd.gallery", "."),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    figures = {}
    if len(scores):
        figures["CRPS at each future frame: lower is better"] = by_frame_figure(
            scores, periods=contents.periods
        )
    if contents.curves:
        figures["Training loss; those of different models are not comparable"] = training_figure(
            read_curves(contents.curves)
        )
    page = environment.get_template("page.html.jinja").render(
        sections=list(_sections(list(ensembles.values()), contents.megabytes * 1e6)),
        tables=[(title, list(score_tables(path))) for title, path in contents.tables.items()],
        figures=[inline_figure(title, figure) for title, figure in figures.items()],
        provenance=contents.provenance,
        missing=contents.missing,
        error_colors=[_hex(ERROR_MAP(place / 8)) for place in range(9)],
    )
    with atomic_write(output) as partial:
        partial.write_text(page, encoding="utf-8")


def _sections(ensembles: Sequence[StoredEnsembles], limit: float) -> Iterator[Section]:
    """Yield each dataset's section, within its share of ``limit`` bytes.

    Bytes that a section leaves unused are shared by the next ones.
    """
    for left, stored in zip(range(len(ensembles), 0, -1), ensembles, strict=True):
        section = _section(stored, limit / left)
        limit -= sum(clip.size for clip in section.clips)
        yield section


def _section(stored: StoredEnsembles, limit: float) -> Section:
    """Return a section with as many clips and members as fit, at least one of each.

    The clips are spread over all test clips, which are ordered by video.
    """
    wanted = min(CLIPS, stored.clips)
    places = [round(place * (stored.clips - 1) / max(wanted - 1, 1)) for place in range(wanted)]
    clips: list[ClipFilms] = []
    members, total = MEMBERS, 0
    for place in places:
        films = clip_films(stored.clip(place), members)
        while not clips and films.members > 1 and films.size > limit:
            films = films.with_members(films.members - 1)
        if clips and total + films.size > limit:
            break
        clips.append(films)
        members, total = films.members, total + films.size
    shown = clips[0].members
    note = (
        f"{len(clips)} of {stored.clips} test clips, "
        f"{shown} of {clips[0].ensemble} members of each ensemble"
    )
    left_out = []
    if len(clips) < wanted:
        count = wanted - len(clips)
        left_out.append(f"{count} further clip{'s' * (count > 1)}")
    if shown < min(MEMBERS, clips[0].ensemble):
        left_out.append("further members")
    return Section(
        stored.dataset, dataset_label(stored.dataset), clips, note, " and ".join(left_out)
    )


def _hex(color: Sequence[float]) -> str:
    return "#" + "".join(f"{round(255 * part):02x}" for part in color[:3])
