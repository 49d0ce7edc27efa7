"""Downloads that resume, are checked to the byte, and never replace what a user put there.

An archive grows as ``<name>.part`` beside its place and is moved there, write-protected, when it is
whole. Its record (``<name>.sha256``, as ``sha256sum`` writes it) is what the workflow waits for:
were the archive itself a rule's output, Snakemake would delete it before the rule runs, and with it
what was downloaded so far, or put there by hand.
"""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any

from rvd.datasets.download.checksums import Mismatch, begins_wrong, checked
from rvd.datasets.download.config import DownloadConfig, RemoteFileConfig
from rvd.datasets.download.login import NoLogin, logged_in
from rvd.errors import UserError
from rvd.files import atomic_write, reason
from rvd.runtime.locks import exclusive
from rvd.runtime.progress import progress

BLOCK = 2**20
TIMEOUT = 60.0
# Attempts on end that bring no byte; after one that does, they count from the beginning.
PATIENCE = 5
# Room that is left on the disk beside the archive.
MARGIN = 64 * 2**20


class MirrorFailed(Exception):  # noqa: N818 (the next mirror may not)
    """A mirror does not have the file, or gives something else; the message says what."""


class Retry(Exception):  # noqa: N818 (it is tried again)
    """A connection failed in a way that may pass."""


class NoSuchHost(Retry):
    """The name of the server cannot be resolved."""


class UnavailableError(UserError):
    """The file cannot be had: no mirror gives it, its login is missing, or the disk lacks room."""


@dataclass(frozen=True)
class Pace:
    """How patient a download is: ``pause`` seconds before the second attempt, then doubled."""

    patience: int = PATIENCE
    pause: float = 5.0
    timeout: float = TIMEOUT


def fetch(name: str, download: DownloadConfig, record: Path, pace: Pace | None = None) -> None:
    """Bring a file beside ``record``, check it, and write ``record``.

    A file that is there already is checked and used; one that was begun is gone on with.

    Args:
        name: of the file, a key of ``download.files``.
        download: where it comes from.
        record: ``<folder>/<name>.sha256``; written last.
        pace: how patient to be.

    Raises:
        UnavailableError: no mirror gives the file, the disk has too little room, or the login is
            missing.
        UserError: a file put there by hand differs from its checksum, or the disk cannot be
            written.
    """
    remote, archive = download.files[name], record.parent / name
    archive.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(archive.parent, f".{name}.lock", "download"):
        if archive.exists():
            try:
                sha256 = checked(archive, remote, name)
            except Mismatch as error:
                raise UserError(f"{archive}: {error}; remove it to download it again") from None
        else:
            sha256 = _download(name, download, archive, pace or Pace())
        archive.chmod(archive.stat().st_mode & ~0o222)
        with atomic_write(record) as partial:
            partial.write_text(f"{sha256}  {name}\n")


def _download(name: str, download: DownloadConfig, archive: Path, pace: Pace) -> str:
    """Download, check, and move to ``archive``; returns the SHA-256."""
    remote = download.files[name]
    part = archive.with_name(f"{name}.part")
    failures = []
    for mirror in download.mirrors:
        url = f"{mirror.rstrip('/')}/{remote.path or name}"
        try:
            opener = logged_in(mirror, download.login, pace.timeout)
            _from_mirror(opener, url, part, remote, pace)
            sha256 = checked(part, remote, name)
        except NoLogin as error:
            raise UnavailableError(
                f"{name}: {error}. Or download it with a browser and put it at {archive.absolute()}"
            ) from None
        except (MirrorFailed, Mismatch) as error:
            if isinstance(error, Mismatch):  # going on with it would not mend it
                part.unlink(missing_ok=True)
            failures.append(f"{url}: {error}")
            print(f"{url}: {error}", file=sys.stderr)
            continue
        except OSError as error:
            raise UserError(
                f"{part}: cannot be written ({reason(error)}); what is there is kept, and gone on "
                "with next time"
            ) from None
        part.replace(archive)
        _state(part).unlink(missing_ok=True)
        return sha256
    raise UnavailableError(
        f"{name}: no mirror gave it ({'; '.join(failures)}). Try again later: it goes on where it "
        f"stopped. Or put the file at {archive.absolute()}"
    )


def _from_mirror(
    opener: urllib.request.OpenerDirector,
    url: str,
    part: Path,
    remote: RemoteFileConfig,
    pace: Pace,
) -> None:
    """Let ``part`` grow until it is whole, over as many connections as it takes.

    A name that cannot be resolved is not tried again, unless the server was reached before.
    """
    failed, at_start = 0, _size(part)
    while True:
        before = _size(part)
        try:
            with _response(opener, url, part, pace.timeout) as response:
                if response is not None:
                    _receive(response, url, part, remote)
                return
        except Retry as error:
            if isinstance(error, NoSuchHost) and _size(part) == at_start:
                raise MirrorFailed(str(error)) from None
            failed = 0 if _size(part) > before else failed + 1
            if failed >= pace.patience:
                raise MirrorFailed(f"{error}, {failed} times on end") from None
            wait = pace.pause * 2 ** max(failed - 1, 0)
            print(f"{url}: {error}; again in {wait:g} s", file=sys.stderr)
            time.sleep(wait)


@contextmanager
def _response(
    opener: urllib.request.OpenerDirector, url: str, part: Path, timeout: float
) -> Iterator[HTTPResponse | None]:
    """The server's answer from where ``part`` ends; None when that is the end of the file."""
    headers = {"User-Agent": "rvd", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)
    if have := _size(part):
        request.add_header("Range", f"bytes={have}-")
        # Should the file have changed meanwhile, the server sends all of it.
        if validator := _validator(part, url):
            request.add_header("If-Range", validator)
    try:
        with opener.open(request, timeout=timeout) as response:
            yield response
    except urllib.error.HTTPError as error:
        if error.code == 416:
            if have and error.headers.get("Content-Range") == f"bytes */{have}":
                yield None
                return
            part.unlink(missing_ok=True)
            raise Retry("what was downloaded is longer than the file; beginning anew") from None
        if error.code in (408, 425, 429) or error.code >= 500:
            raise Retry(f"the server answers {error.code} ({error.reason})") from None
        raise MirrorFailed(f"the server answers {error.code} ({error.reason})") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror):
            host = urllib.parse.urlsplit(url).hostname
            raise NoSuchHost(f"the name {host} cannot be resolved ({error.reason})") from None
        raise Retry(f"no connection ({error.reason})") from None
    except (HTTPException, TimeoutError, ConnectionError) as error:
        raise Retry(f"the connection broke ({error or type(error).__name__})") from None


def _receive(response: HTTPResponse, url: str, part: Path, remote: RemoteFileConfig) -> None:
    """Append the answer's body to ``part``.

    Raises:
        Retry: it ended early.
        MirrorFailed: it is another file.
        UnavailableError: the disk has too little room.
        OSError: the disk cannot be written.
    """
    have = _size(part)
    if response.status != 206:
        have = 0  # the server ignores ranges, or the file has changed
    elif not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
        part.unlink()
        raise Retry("the server answers with another range; beginning anew")
    if "text/html" in (response.headers.get("Content-Type") or ""):
        raise MirrorFailed("the server sends a web page, not the file")
    announced = response.headers.get("Content-Length")
    total = have + int(announced) if announced else remote.bytes
    if remote.bytes is not None and total not in (None, remote.bytes):
        raise MirrorFailed(f"the file there has {total} bytes, not {remote.bytes}")
    if have and _state_of(part).get("total", total) != total:
        part.unlink()
        raise Retry("this server's file has another size than the one begun; beginning anew")
    _check_room(part, total, have)
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
    _state(part).write_text(json.dumps({"url": url, "validator": validator, "total": total}))
    with (
        part.open("r+b" if have else "wb") as file,
        progress(total or 0, f"fetch {part.stem}", "B", have, scale=True) as bar,
    ):
        file.seek(have)
        while block := _block(response, 512 if file.tell() == 0 else 0):
            if file.tell() == 0 and (fault := begins_wrong(part.stem, block)):
                raise MirrorFailed(fault)
            file.write(block)
            file.flush()
            bar.update(len(block))
        if total is not None and file.tell() < total:
            raise Retry(f"the connection ended after {file.tell()} of {total} bytes")


def _block(response: HTTPResponse, least: int) -> bytes:
    """The next bytes, as many as have come, but ``least`` of them; none at the end."""
    try:
        return response.read(least) if least else response.read1(BLOCK)
    except (HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise Retry(f"the connection broke ({error or type(error).__name__})") from None


def _check_room(part: Path, total: int | None, have: int) -> None:
    """Raise before the first byte when the whole file would not fit."""
    # What was downloaded before and is not gone on with is overwritten: its room counts.
    free = shutil.disk_usage(part.parent).free + _size(part) - have
    if total is not None and total - have + MARGIN > free:
        raise UnavailableError(
            f"{part.parent}: has {free / 1e9:.1f} GB of free space; {part.stem} needs "
            f"{(total - have) / 1e9:.1f} GB more"
        )


def _state(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _state_of(part: Path) -> dict[str, Any]:
    """What the server last said of the file that ``part`` is the beginning of."""
    try:
        state = json.loads(_state(part).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _validator(part: Path, url: str) -> str | None:
    """The tag of the version that ``part`` is the beginning of, if ``url`` gave one."""
    state = _state_of(part)
    found = state.get("validator")
    # A weak tag does not promise the same bytes; If-Range must not carry one.
    usable = isinstance(found, str) and not found.startswith("W/") and state.get("url") == url
    return found if usable else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
