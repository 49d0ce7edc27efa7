import errno
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path

import pytest
import yaml

from rvd.datasets.convert import convert
from rvd.datasets.download import transfer
from rvd.datasets.download.checksums import require_unchanged
from rvd.datasets.download.fetch import fetch
from rvd.datasets.download.login import FILE
from rvd.datasets.download.transfer import RetryPolicy, UnavailableError
from rvd.errors import UserError
from rvd.runtime.locks import exclusive
from tests.datasets.downloads import DATA, QUICK, SHA256, assert_complete, download
from tests.datasets.sections import section
from tests.datasets.server import Site, served
from tests.tiny import config


@pytest.fixture
def record(tmp_path):
    return tmp_path / "raw" / "kth" / "a.zip.sha256"


def test_a_file_arrives_with_its_record(record):
    with served(Site({"a.zip": DATA})) as site:
        known = {"bytes": len(DATA), "sha256": SHA256}
        fetch("a.zip", download(site.address, **known), record, QUICK)
        fetch("a.zip", download(site.address, **known), record, QUICK)
    assert site.requests == [("/a.zip", None)]
    assert_complete(record)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("tag", ['"1"', None])
def test_a_download_interrupted_five_times_is_complete(record, seed, tag):
    cuts = [random.Random(seed).randrange(0, len(DATA) // 6) for _ in range(5)]
    with served(Site({"a.zip": DATA}, cuts=list(cuts), tag=tag)) as site:
        fetch("a.zip", download(site.address, sha256=SHA256), record, QUICK)
        ranges = [asked for _, asked in site.requests]
    assert_complete(record)
    assert len(ranges) == 6
    # It resumed where it stopped, and nothing was sent twice.
    assert ranges[-1] == f"bytes={sum(cuts)}-"


def test_a_later_run_resumes(record):
    with served(Site({"a.zip": DATA}, cuts=[1_000_000, 0, 0, 0])) as site:
        with pytest.raises(
            UserError, match=r"connection ended after 1000000 of .*, 3 times in a row"
        ):
            fetch("a.zip", download(site.address), record, QUICK)
        assert not record.exists()
        fetch("a.zip", download(site.address), record, QUICK)
        assert site.requests[-1] == ("/a.zip", "bytes=1000000-")
    assert_complete(record)


def test_a_complete_partial_file_is_not_sent_again(record):
    record.parent.mkdir(parents=True)
    record.with_name("a.zip.part").write_bytes(DATA)
    with served(Site({"a.zip": DATA})) as site:
        fetch("a.zip", download(site.address), record, QUICK)
    assert_complete(record)


def test_a_download_without_ranges_restarts(record):
    with served(Site({"a.zip": DATA}, cuts=[1_000_000], ranges=False)) as site:
        fetch("a.zip", download(site.address, sha256=SHA256), record, QUICK)
    assert_complete(record)


def test_a_file_that_has_changed_restarts(record):
    old = b"PK" + bytes(len(DATA) - 2)
    with served(Site({"a.zip": old}, cuts=[1_000_000, 0, 0, 0])) as site:
        with pytest.raises(UserError):
            fetch("a.zip", download(site.address), record, QUICK)
        site.files["a.zip"], site.tag = DATA, '"2"'
        fetch("a.zip", download(site.address), record, QUICK)
    assert_complete(record)


def test_another_mirrors_file_of_another_size_restarts(record):
    with (
        served(Site({"a.zip": DATA + b"old"}, cuts=[1_000_000, 0, 0, 0])) as first,
        served(Site({"a.zip": DATA})) as second,
    ):
        fetch("a.zip", download(first.address, second.address), record, QUICK)
    assert_complete(record)


def test_temporary_errors_are_retried(record):
    with served(Site({"a.zip": DATA}, answers=[503, 500])) as site:
        fetch("a.zip", download(site.address), record, QUICK)
    assert_complete(record)


BAD = [
    ({"files": {}}, r"answers 404 \(Not Found\)"),
    ({"answers": [403] * 9}, r"answers 403 \(Forbidden\)"),
    ({"answers": [500] * 9}, r"answers 500 .*, 3 times in a row"),
    ({"kind": "text/html; charset=utf-8"}, "sends a web page"),
    (
        {"files": {"a.zip": b"<html>moved</html>"}},
        r"is not a zip archive \(it begins .*b'<html>",
    ),
    ({"files": {"a.zip": b"PK other"}, "known": {"sha256": SHA256}}, "its SHA-256 is .*, not"),
    ({"known": {"bytes": 77}}, "file there has 3000002 bytes, not 77"),
    ({"files": {"a.zip": b""}}, "is not a file, or is empty"),
]


@pytest.mark.parametrize(("fault", "said"), BAD)
def test_a_bad_mirror_is_named_and_the_next_one_is_tried(record, fault, said, capsys):
    fault = dict(fault)
    known = fault.pop("known", {})
    with served(Site(**({"files": {"a.zip": DATA}} | fault))) as bad:
        with pytest.raises(UserError, match=said) as caught:
            fetch("a.zip", download(bad.address, **known), record, QUICK)
        assert f"{bad.address}/a.zip" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert str(record.with_suffix("").absolute()) in str(caught.value)
        assert not record.exists()
        assert not record.with_suffix("").exists()
        if not known.get("bytes"):
            with served(Site({"a.zip": DATA})) as good:
                fetch("a.zip", download(bad.address, good.address, **known), record, QUICK)
            assert_complete(record)


def test_no_server(record):
    with pytest.raises(UserError, match="no connection"):
        fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)


def test_free_space_is_checked_before_the_first_byte(record, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**7))
    with (
        served(Site({"a.zip": DATA}, announced=324 * 10**9)) as site,
        pytest.raises(UserError, match=r"has 0.0 GB of free space; a.zip needs 324.0 GB more"),
    ):
        fetch("a.zip", download(site.address), record, QUICK)
    assert not record.with_name("a.zip.part").exists()


def test_a_full_disk_keeps_the_partial_download(record, monkeypatch):
    part = record.with_name("a.zip.part")
    real = transfer._read_block

    def full(response, least):
        if part.stat().st_size > 1_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(response, least)

    monkeypatch.setattr(transfer, "_read_block", full)
    with served(Site({"a.zip": DATA})) as site:
        with pytest.raises(UserError, match=r"a.zip.part: cannot be written \(No space left"):
            fetch("a.zip", download(site.address), record, QUICK)
        assert part.stat().st_size > 1_000_000
        monkeypatch.undo()
        fetch("a.zip", download(site.address), record, QUICK)
    assert_complete(record)


class TestByHand:
    def test_it_is_verified_and_used(self, record):
        record.parent.mkdir(parents=True)
        record.with_suffix("").write_bytes(DATA)
        fetch("a.zip", download("http://127.0.0.1:9", sha256=SHA256), record, QUICK)
        assert_complete(record)

    def test_another_file_is_refused_and_kept(self, record):
        record.parent.mkdir(parents=True)
        record.with_suffix("").write_bytes(DATA[:-1])
        with pytest.raises(UserError, match=r"a.zip: its SHA-256 .* remove it to download it"):
            fetch("a.zip", download("http://127.0.0.1:9", sha256=SHA256), record, QUICK)
        assert record.with_suffix("").read_bytes() == DATA[:-1]
        assert not record.exists()

    @pytest.mark.parametrize("right", [True, False])
    def test_an_unverified_sum_only_warns(self, record, right, capsys):
        record.parent.mkdir(parents=True)
        record.with_suffix("").write_bytes(DATA)
        sha1 = hashlib.sha1(DATA).hexdigest() if right else "0" * 40
        fetch("a.zip", download("http://127.0.0.1:9", unverified_sha1=sha1), record, QUICK)
        assert_complete(record)
        assert ("warning: its SHA-1" in capsys.readouterr().err) is not right


class TestFirstDownload:
    """The SHA-256 of a first download is recorded where none is published."""

    OTHER = DATA[:-1] + b"x"

    @pytest.fixture(autouse=True)
    def first(self, record, capsys):
        with served(Site({"a.zip": DATA})) as site:
            fetch("a.zip", download(site.address), record, QUICK)
        assert f"a.zip: its SHA-256, {SHA256}, is recorded at first" in capsys.readouterr().err

    def replace(self, record, content):
        record.with_suffix("").unlink()
        if content is not None:
            record.with_suffix("").write_bytes(content)

    def test_the_same_file_leaves_the_record_alone(self, record, capsys):
        before = record.stat().st_mtime_ns, record.stat().st_ino
        fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)
        assert (record.stat().st_mtime_ns, record.stat().st_ino) == before
        assert "recorded" not in capsys.readouterr().err

    def test_a_replaced_file_is_refused(self, record):
        self.replace(record, self.OTHER)
        with pytest.raises(UserError, match=r"a\.zip: its SHA-256 .* at first download") as caught:
            fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)
        assert "\n" not in str(caught.value)
        assert record.read_text() == f"{SHA256}  a.zip\n"

    def test_another_download_is_refused(self, record):
        self.replace(record, None)
        with served(Site({"a.zip": self.OTHER})) as site:
            with pytest.raises(UserError, match="recorded at first download"):
                fetch("a.zip", download(site.address), record, QUICK)
            assert not record.with_suffix("").exists()
            record.unlink()  # as the message says
            fetch("a.zip", download(site.address), record, QUICK)
        assert record.with_suffix("").read_bytes() == self.OTHER

    def test_a_published_checksum_precedes_the_record(self, record):
        self.replace(record, self.OTHER)
        sha256 = hashlib.sha256(self.OTHER).hexdigest()
        fetch("a.zip", download("http://127.0.0.1:9", sha256=sha256), record, QUICK)
        assert record.read_text() == f"{sha256}  a.zip\n"

    def test_a_record_that_is_none_is_refused(self, record):
        record.write_bytes(b"\xff")
        with pytest.raises(UserError, match=r"a\.zip\.sha256: is not a record of a checksum"):
            fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)

    def test_a_replaced_file_is_not_converted(self, record, tmp_path):
        assert require_unchanged(record) == record.with_suffix("")
        time.sleep(0.05)  # more than the resolution of the file system's times
        self.replace(record, self.OTHER)
        os.utime(record.with_suffix(""), (0, 0))
        with pytest.raises(UserError, match=r"a\.zip: its SHA-256 .* at first download"):
            convert("kth", section("kth"), [record], tmp_path / "v.h5")
        assert not (tmp_path / "v.h5").exists()

    def test_a_file_that_was_only_touched_is_converted(self, record):
        time.sleep(0.05)
        record.with_suffix("").chmod(0o644)
        assert require_unchanged(record) == record.with_suffix("")


def test_a_file_of_another_owner_is_used(record, monkeypatch):
    record.parent.mkdir(parents=True)
    record.with_suffix("").write_bytes(DATA)

    def chmod(self, mode):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", chmod)
    fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)
    assert record.read_text() == f"{SHA256}  a.zip\n"


def test_the_second_of_two_downloads_waits_and_continues(record, capfd):
    second = threading.Thread(target=fetch, args=("a.zip", download("http://127.0.0.1:9"), record))
    with exclusive(record.parent, ".a.zip.lock", "download"):
        second.start()
        end = time.monotonic() + 10
        while "waiting for another download at work in" not in capfd.readouterr().err:
            assert time.monotonic() < end
            time.sleep(0.01)
        # What the first leaves: nothing listens at the mirror.
        record.with_suffix("").write_bytes(DATA)
    second.join(20)
    assert_complete(record)


class TestHostNames:
    """Host names that cannot be resolved."""

    @pytest.fixture
    def asked(self, monkeypatch):
        """Return the list of resolved names; those that end in ``.invalid`` do not exist."""
        real, names = socket.getaddrinfo, []

        def resolve(host, *arguments, **options):
            names.append(host)
            if str(host).endswith(".invalid"):
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            return real(host, *arguments, **options)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        # Nothing may be retried, so a pause is an error.
        monkeypatch.setattr(transfer.time, "sleep", lambda seconds: pytest.fail("it waits"))
        return names

    def test_each_mirror_is_tried_once(self, record, asked):
        mirrors = ("http://one.invalid", "http://two.invalid")
        with pytest.raises(UnavailableError, match=r"the name two\.invalid cannot be resolved"):
            fetch("a.zip", download(*mirrors), record, RetryPolicy())
        assert asked == ["one.invalid", "two.invalid"]

    def test_the_next_mirror_is_used(self, record, asked):
        with served(Site({"a.zip": DATA})) as site:
            fetch("a.zip", download("http://one.invalid", site.address), record, RetryPolicy())
        assert_complete(record)

    def test_a_name_that_was_resolved_before_is_retried(self, record, monkeypatch):
        real, calls = transfer.urllib.request.OpenerDirector.open, []

        def fails_at_the_second(self, request, *arguments, **options):
            calls.append(request.full_url)
            if len(calls) == 2:
                raise urllib.error.URLError(socket.gaierror(socket.EAI_AGAIN, "lost"))
            return real(self, request, *arguments, **options)

        monkeypatch.setattr(transfer.urllib.request.OpenerDirector, "open", fails_at_the_second)
        with served(Site({"a.zip": DATA}, cuts=[1_000_000])) as site:
            fetch("a.zip", download(site.address), record, QUICK)
        assert_complete(record)
        assert len(calls) == 3


def test_the_command_says_what_to_do_without_the_dataset(tmp_path):
    described = {
        "reader": "kth",
        "size": 16,
        "horizon": 3,
        "download": {"mirrors": ["http://127.0.0.1:9"], "files": {"a.zip": {}}, "login": "login/"},
    }
    values = config(datasets=config()["datasets"] | {"my-kth": described})
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    command = [sys.executable, "-m", "rvd", "fetch", "a.zip", "--dataset=my-kth"]
    command += [
        "--config",
        str(tmp_path / "config.yaml"),
        "--output",
        str(tmp_path / "a.zip.sha256"),
    ]
    environment = os.environ | {FILE: str(tmp_path / "nowhere")}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 2
    (line,) = run.stderr.splitlines()
    assert "this download needs an account" in line
    assert "leave 'my-kth' out of run.datasets, or run `snakemake partial`" in line


@pytest.mark.parametrize("there", ["archive", "archive and record"])
def test_what_killed_downloads_left_is_removed(record, there):
    record.parent.mkdir(parents=True, exist_ok=True)
    record.with_suffix("").write_bytes(DATA)
    if "record" in there:
        record.write_text(f"{SHA256}  a.zip\n")
    for name in ("a.zip.part", "a.zip.part.json"):
        (record.parent / name).write_bytes(b"PK")
    left = record.parent / f".{record.name}.1-00000000.partial"
    left.mkdir()
    (left / "lock").touch()
    fetch("a.zip", download("http://127.0.0.1:9"), record, QUICK)
    assert_complete(record)
    assert not left.exists()
