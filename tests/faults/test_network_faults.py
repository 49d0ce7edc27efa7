"""Faults of the network while a file is downloaded."""

import pytest

from tests.faults import tally
from tests.faults.commands import said
from tests.faults.pipeline import ARCHIVE
from tests.faults.recovery import assert_recovers, continues, ends_in_one_line, killed_when

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not tally.WHOLE, reason="takes longer: run `make test-faults`"),
]


@pytest.fixture
def restored(site):
    """The server, which is as before after the test."""
    before = {name: getattr(site, name) for name in ("files", "tag", "ranges", "kind")}
    yield site
    for name, value in before.items():
        setattr(site, name, value)
    site.cuts, site.answers = [], []


@pytest.mark.parametrize("fault", ["cuts", "answers"])
def test_a_connection_that_fails_is_retried(reference, restored, tmp_path, fault):
    command = reference.before("fetch", tmp_path / "it")
    setattr(restored, fault, [100_000] if fault == "cuts" else [503])
    assert "retry in" in continues(command, tmp_path / "it")
    reference.check("fetch", tmp_path / "it")
    tally.faults.append({"cuts": "connection cut", "answers": "server down"}[fault])


def test_a_server_without_the_file(reference, restored, tmp_path):
    command = reference.before("fetch", tmp_path / "it")
    restored.files = {}
    assert "no mirror has it" in ends_in_one_line(command, tmp_path / "it")
    restored.files = {ARCHIVE: (reference.folder / "raw" / ARCHIVE).read_bytes()}
    assert_recovers(reference, command, tmp_path / "it", "file not on the server")


def test_a_web_page_for_the_file(reference, restored, tmp_path):
    command = reference.before("fetch", tmp_path / "it")
    restored.kind = "text/html"
    assert "sends a web page" in ends_in_one_line(command, tmp_path / "it")
    restored.kind = "application/octet-stream"
    assert_recovers(reference, command, tmp_path / "it", "web page for the file")


@pytest.mark.parametrize("fault", ["another file", "no ranges"])
def test_a_download_that_cannot_be_resumed_restarts(reference, restored, tmp_path, fault):
    restored.files, whole = {ARCHIVE: b"PK" + b"0" * 600_000}, restored.files
    command = killed_when(reference, "fetch", tmp_path / "it", f"raw/{ARCHIVE}.part")
    restored.files = whole
    if fault == "another file":
        restored.tag = '"2"'
    else:
        restored.ranges = False
    assert_recovers(reference, command, tmp_path / "it", f"server with {fault}")


def test_a_file_that_differs_from_its_record(reference, restored, tmp_path):
    command = reference.before("fetch", tmp_path / "it")
    continues(command, tmp_path / "it")
    archive = tmp_path / "it" / "raw" / ARCHIVE
    archive.chmod(0o644)
    archive.write_bytes(b"PK of others")
    assert "remove it to download it again" in ends_in_one_line(command, tmp_path / "it")
    archive.unlink()
    assert_recovers(reference, command, tmp_path / "it", "download that was changed")


def test_a_partial_download_next_to_a_file_put_there_by_hand(reference, tmp_path):
    command = killed_when(reference, "fetch", tmp_path / "it", f"raw/{ARCHIVE}.part")
    whole = (reference.folder / "raw" / ARCHIVE).read_bytes()
    (tmp_path / "it" / "raw" / ARCHIVE).write_bytes(whole)
    assert "fetch archive" not in continues(command, tmp_path / "it"), said(tmp_path / "it")
    reference.check("fetch", tmp_path / "it")
    tally.faults.append("partial download next to the file")
