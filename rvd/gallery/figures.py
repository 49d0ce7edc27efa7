"""Figures as part of a page, in the page's own ink."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass

from matplotlib.figure import Figure

from rvd.plotting.style import styled

# CSS pixels for an inch of a figure: its letters are then about as large as the page's small ones.
DENSITY = 100


@dataclass(frozen=True)
class InlineFigure:
    """A figure's markup, what it shows in words, and its natural width in CSS pixels."""

    title: str
    svg: str
    width: int


def inline_figure(title: str, figure: Figure) -> InlineFigure:
    """``figure`` for a page."""
    return InlineFigure(title, inline_svg(figure), round(DENSITY * float(figure.get_figwidth())))


@styled
def inline_svg(figure: Figure) -> str:
    """``figure`` as SVG to stand within HTML: no XML prologue, no background.

    What is black becomes the colour of the text around it, so that it is legible on dark paper, and
    its letters are the page's.
    """
    buffer = io.StringIO()
    metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=metadata, transparent=True)
    text = buffer.getvalue()
    text = text[text.index("<svg") :].replace("#000000", "currentColor")
    # Sizes are the page's business; the view box keeps the proportions.
    head, rest = text.split(">", 1)
    return re.sub(r' (?:width|height)="[^"]*"', "", head) + ">" + rest
