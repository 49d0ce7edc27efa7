"""Each link of the Markdown pages leads to a file, and to a heading where it names one."""

import re

import pytest
import yaml

from tests.docs.pages import PAGES, REPOSITORY, anchors, links, prose

NAMED = re.compile(
    r"`((?:docs|config|rvd|lbm|tests|workflow|profiles|notebooks|\.ci)/[\w./-]+\.\w+)`"
)
# Made by the reader of a tutorial.
MADE = {"profiles/mine/config.yaml"}
SITE = REPOSITORY / "mkdocs.yml"


def named(page):
    return str(page.relative_to(REPOSITORY))


def internal(page):
    return [link for link in links(page) if not re.match(r"[a-z]+:", link)]


def test_the_pages_and_their_links_are_found():
    assert {"README.md", "CONTRIBUTING.md", "docs/data.md", "config/README.md"} <= set(
        map(named, PAGES)
    )
    assert "docs/quick-start.md" in internal(REPOSITORY / "README.md")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_link_leads_somewhere(page):
    for link in internal(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.is_relative_to(REPOSITORY), link
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_each_file_that_is_named_exists(page):
    for path in set(NAMED.findall(prose(page))) - MADE:
        assert (REPOSITORY / path).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_to_other_hosts_are_encrypted_and_name_no_folder_of_this_machine(page):
    for link in links(page):
        assert not link.startswith(("http:", "file:", "/")), link


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml without the names of Python functions in it."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda *_: None)


def test_the_site_lists_each_page_of_the_documentation():
    """Pages of other folders have other paths on the site (docs/hooks/pages.py)."""

    def paths(entry):
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else entry:
                yield from paths(inner)

    listed = set(paths(yaml.load(SITE.read_text(), Loader)["nav"]))
    docs = REPOSITORY / "docs"
    assert {str(page.relative_to(docs)) for page in PAGES if page.is_relative_to(docs)} <= listed
    assert {
        f"notebooks/{path.name}" for path in (REPOSITORY / "notebooks").glob("*.ipynb")
    } <= listed
