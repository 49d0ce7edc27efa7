"""A check of the built site: no page loads anything from another host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

LOADED = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|icon|preload|preconnect|dns-prefetch|modulepreload))"""
    r"""[^>]*\bhref=["']?((?:https?:)?//[^"'\s>]+)"""
    r"""|url\(["']?((?:https?:)?//[^"')]+)|@import\s+["']((?:https?:)?//[^"']+)"""
)


def on_post_build(config: Any) -> None:
    """Raise an error that names each page and address, where there is one."""
    site = Path(config["site_dir"])
    found = [
        f"{path.relative_to(site)} loads {next(filter(None, match.groups()))}"
        for path in sorted([*site.rglob("*.html"), *site.rglob("*.css")])
        for match in LOADED.finditer(path.read_text(encoding="utf-8"))
    ]
    if found:
        raise PluginError("\n".join(found))
