"""Figures in a notebook: saved to a folder, and displayed below the cell."""

from __future__ import annotations

from pathlib import Path

from IPython.display import Image
from matplotlib.figure import Figure

from rvd.plotting.style import save

# Pixels on a screen per inch on paper.
SCREEN = 110


def show(figure: Figure, folder: Path | str, name: str) -> Image:
    """Save ``figure`` as ``<folder>/<name>`` PNG, SVG and PDF, and return the image to display.

    Raises:
        UserError: The folder cannot be written.
    """
    width = round(SCREEN * float(figure.get_figwidth()))
    return Image(filename=str(save(figure, folder, name)), width=width, alt=name.replace("-", " "))
