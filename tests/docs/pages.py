"""The repository's Markdown pages: their links, their anchors and their code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
IGNORED = {".venv", ".venv-docs", "site", "demo", "node_modules"}


def _pages(folder: Path) -> Iterator[Path]:
    """Yield the Markdown files below a folder, without reading those that are ignored."""
    for path in folder.iterdir():
        if path.name in IGNORED or path.name.startswith("."):
            continue
        if path.is_dir():
            yield from _pages(path)
        elif path.suffix == ".md":
            yield path


PAGES = sorted(_pages(REPOSITORY))

FENCE = re.compile(r"^( *)```(\w*)(?: title=\"([^\"]+)\")?\s*$")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")


@dataclass(frozen=True)
class Block:
    """A fenced block of code.

    Attributes:
        language: Language after the fence; empty for a block that is not run.
        title: Path of the file that the block is, or empty.
        text: The code.
        line: Number of the fence's line, from 1.
    """

    language: str
    title: str
    text: str
    line: int


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    found, opened, lines = [], None, []
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if opened is None and fence:
            opened, lines = (number, fence), []
        elif opened is not None and line.strip() == "```":
            start, fence = opened
            text = "\n".join(lines) + "\n"
            found.append(Block(fence[2], fence[3] or "", text, start))
            opened = None
        elif opened is not None:
            lines.append(line)
    assert opened is None, f"{page}: a block of code does not end"
    return found


def prose(page: Path) -> str:
    """Return the text of a page outside of fenced blocks."""
    kept, fenced = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            kept.append(line)
    return "\n".join(kept)


def links(page: Path) -> list[str]:
    """Return the targets of a page's links and pictures, code excepted."""
    return LINK.findall(CODE.sub("``", prose(page)))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts and the site derive them."""
    found: dict[str, int] = {}
    result = set()
    for heading in HEADING.findall(prose(page)):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
        anchor = re.sub(r"[^\w\- ]", "", text).replace(" ", "-")
        number = found.get(anchor, -1) + 1
        found[anchor] = number
        result.add(f"{anchor}-{number}" if number else anchor)
    return result
