"""The text of sections' docstrings, as the generated reference of the config shows it."""

from __future__ import annotations

import inspect
import re

# The headings that end the text of a docstring.
_HEADINGS = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$", re.MULTILINE)


def text_of(docstring: str) -> str:
    """Return a docstring as Markdown, without the lists of its arguments and errors."""
    text = _HEADINGS.split(inspect.cleandoc(docstring))[0].strip()
    return text.replace("``", "`")


def summary(docstring: str) -> str:
    """Return the first paragraph of a docstring as one line of Markdown."""
    return " ".join(text_of(docstring).partition("\n\n")[0].split())
