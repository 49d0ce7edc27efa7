"""Figures as part of a page, in the colour of its text."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from matplotlib.figure import Figure

from rvd.plotting.style import styled

# CSS pixels per inch of a figure: its letters are then about as large as the page's small ones.
DENSITY = 100


@dataclass(frozen=True)
class InlineFigure:
    """A figure's title, its markup, and its natural width in CSS pixels."""

    title: str
    svg: str
    width: int


def inline_figure(title: str, figure: Figure) -> InlineFigure:
    """Return ``figure`` for a page."""
    return InlineFigure(title, inline_svg(figure), round(DENSITY * float(figure.get_figwidth())))


@styled
def inline_svg(figure: Figure) -> str:
    """Return ``figure`` as SVG within HTML: no XML prologue, no background.

    Black becomes the colour of the surrounding text, so that it is legible on a dark page, and its
    letters are the page's.
    """
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=metadata, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    # The page sets the size; the view box keeps the proportions.
    head, rest = text.split(">", 1)
    return re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + rest
