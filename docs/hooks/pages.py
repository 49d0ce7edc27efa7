"""Pages of the site from outside of ``docs/``, and links as the site needs them.

The Markdown files link to each other by relative paths, as a code host resolves them. On the site
each link leads to the page that the file became, or to a copy of a file that is no page. A file's
name in backticks, such as `docs/data.md`, becomes a link.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
# The repository's files that are pages, and their paths on the site.
PAGES = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CODE_OF_CONDUCT.md": "code-of-conduct.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    "config/README.md": "reference/config.md",
    "config/models.md": "reference/models.md",
}
SOURCES = {page: source for source, page in PAGES.items()}

FENCE = re.compile(r"^ *```")
LINK = re.compile(r"\]\((?![a-z]+:|#|/)([^)\s#]+)(#[^)\s]*)?\)")
NAME = re.compile(r"(?<!\[)`((?:docs|config)/[\w/-]+\.md|[A-Z]+\.md)`(?!\])")


# Before mkdocs-jupyter looks for notebooks.
@event_priority(100)
def on_files(files: Files, config: Any) -> Files:
    """Add the pages, the notebooks, and the files to which a page links."""
    for source, page in PAGES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / source)))
    for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
        uri = f"notebooks/{notebook.name}"
        # With a source folder, without which mkdocs-jupyter does not find it.
        files.append(File(uri, str(ROOT), config["site_dir"], config["use_directory_urls"]))
    for target in sorted(_linked(files)):
        files.append(File.generated(config, _uri(target), abs_src_path=str(ROOT / target)))
    return files


def on_page_markdown(markdown: str, page: Any, files: Files, **_: Any) -> str:
    """Return the page with links for the site, code blocks excepted."""
    if page.file.src_uri == "index.md":
        page.meta["hide"] = ["navigation"]
    lines, fenced = [], False
    for line in markdown.splitlines():
        if FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            line = LINK.sub(lambda match: _link(match, page.file.src_uri), line)
            line = NAME.sub(lambda match: _named(match, page.file.src_uri, files), line)
        lines.append(line)
    return "\n".join(lines)


def _link(match: re.Match[str], page: str) -> str:
    uri = _uri(_target(match[1], page))
    return f"]({posixpath.relpath(uri, posixpath.dirname(page))}{match[2] or ''})"


def _named(match: re.Match[str], page: str, files: Files) -> str:
    uri = _uri(match[1])
    if uri == page or files.get_file_from_path(uri) is None:
        return match[0]
    return f"[{match[0]}]({posixpath.relpath(uri, posixpath.dirname(page))})"


def _target(link: str, page: str) -> str:
    """Return the path in the repository to which a link of ``page`` leads."""
    folder = posixpath.dirname(SOURCES.get(page, f"docs/{page}"))
    return posixpath.normpath(posixpath.join(folder, link))


def _uri(target: str) -> str:
    """Return the path on the site of a file of the repository."""
    if target in PAGES:
        return PAGES[target]
    inside = target.removeprefix("docs/")
    return inside if inside != target or target.startswith("notebooks/") else f"files/{target}"


def _linked(files: Files) -> set[str]:
    """Return the files of the repository, neither pages nor in ``docs/``, to which pages link."""
    found = set()
    for file in files.documentation_pages():
        if file.src_uri.endswith(".md") and file.abs_src_path:
            for match in LINK.finditer(file.content_string):
                target = _target(match[1], file.src_uri)
                if _uri(target).startswith("files/") and (ROOT / target).is_file():
                    found.add(target)
    return found
