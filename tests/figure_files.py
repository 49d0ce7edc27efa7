"""Sizes of saved figures, read from the files themselves."""

from __future__ import annotations

import re
import struct
from pathlib import Path


def png_dpi(path: Path) -> int:
    """Return the dots per inch in a PNG's pHYs chunk, which counts them per metre."""
    content = path.read_bytes()
    start = content.index(b"pHYs") + 4
    across, down, unit = struct.unpack(">IIB", content[start : start + 9])
    assert across == down
    assert unit == 1
    return round(across * 0.0254)


def png_width(path: Path) -> float:
    """Return the width of a PNG in inches."""
    (pixels,) = struct.unpack(">I", path.read_bytes()[16:20])
    return round(pixels / png_dpi(path), 2)


def page_width(path: Path) -> float:
    """Return the width of an SVG or PDF in inches, of 72 points each."""
    if path.suffix == ".svg":
        found = re.search(r'<svg [^>]*width="([0-9.]+)pt"', path.read_text())
    else:
        found = re.search(r"/MediaBox \[ 0 0 ([0-9.]+) ", path.read_bytes().decode("latin-1"))
    assert found is not None, path
    return round(float(found.group(1)) / 72, 2)
