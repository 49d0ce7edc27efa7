"""Sphinx's roles in docstrings, shown as the name that they refer to."""

from __future__ import annotations

import re
from typing import Any

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod|obj):<code>(~?)([\w.]+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Return the page with ``:class:`~package.Name``` as the code ``Name``."""
    return ROLE.sub(_name, html)


def _name(match: re.Match[str]) -> str:
    shortened, name = match.groups()
    return f"<code>{name.rpartition('.')[2] if shortened else name}</code>"
