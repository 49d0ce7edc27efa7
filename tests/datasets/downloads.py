"""A file to download, and the assertion that it arrived."""

import hashlib
import random

from rvd.datasets.download.config import DownloadConfig
from rvd.datasets.download.transfer import RetryPolicy

DATA = b"PK" + random.Random(0).randbytes(3_000_000)
SHA256 = hashlib.sha256(DATA).hexdigest()
QUICK = RetryPolicy(max_failures=3, delay=0.0, timeout=5.0)


def download(*mirrors, login=None, hosts=(), name="a.zip", **known):
    return DownloadConfig(mirrors=mirrors, files={name: known}, login=login, login_hosts=hosts)


def assert_complete(record):
    archive = record.with_suffix("")
    assert archive.read_bytes() == DATA
    assert not archive.stat().st_mode & 0o222
    assert record.read_text() == f"{SHA256}  a.zip\n"
    assert not [path for path in record.parent.iterdir() if ".part" in path.name]
