"""The site of the documentation: built without warnings, whole, and readable on a phone."""

import subprocess

import pytest

from tests.browser import Page, chromium
from tests.docs.pages import REPOSITORY

# Pages from docs/, from elsewhere, generated, from docstrings, and from a notebook.
SHOWN = (
    "index.html",
    "models.html",
    "tutorials/add-a-model.html",
    "reference/config.html",
    "reference/verbs.html",
    "reference/api/models.html",
    "notebooks/frames.html",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built in an environment of its own."""
    folder = tmp_path_factory.mktemp("documentation")
    command = ["make", "docs", f"DOCS={folder / 'venv'}", f"SITE={folder / 'site'}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said[-3000:]
    assert "WARNING -" not in said
    return folder / "site"


@pytest.mark.slow
@pytest.mark.long
def test_the_site_has_verbs_keys_and_modules(site):
    assert 'id="rvd-predict"' in (site / "reference/verbs.html").read_text()
    assert "micro_batch" in (site / "reference/models.html").read_text()
    assert "VideoPredictor" in (site / "reference/api/models.html").read_text()
    assert ":class:" not in (site / "reference/api/models.html").read_text()


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(chromium() is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 1280])
def test_pages_load_nothing_from_elsewhere_and_fit_the_window(site, tmp_path, width):
    with Page(tmp_path, width=width) as page:
        for name in SHOWN:
            page.open(site / name)
            root = "document.documentElement"
            assert page.run(f"{root}.scrollWidth - {root}.clientWidth") <= 0, name
        assert [url for url in page.requests if not url.startswith("file:")] == []
