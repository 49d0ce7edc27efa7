"""Transfer of one file over as many connections as it takes, each resuming the last."""

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

from rvd.datasets.download.checksums import SIGNATURE_LENGTH, wrong_signature
from rvd.datasets.download.config import RemoteFileConfig
from rvd.errors import TemporaryError
from rvd.runtime.progress import progress

BLOCK = 2**20
# Bytes left free on the disk in addition to the file.
MARGIN = 64 * 2**20


class MirrorError(Exception):
    """A mirror does not have the file, or has another one; the next mirror is tried."""


class TransientError(Exception):
    """A connection failed for a reason that may be temporary; it is retried."""


class UnknownHostError(TransientError):
    """The host name of the server cannot be resolved."""


class UnavailableError(TemporaryError):
    """No mirror has the file, its login is missing, or the disk has too little space."""


@dataclass(frozen=True)
class RetryPolicy:
    """Retries after failed connections.

    Attributes:
        max_failures: Consecutive connections without any data after which a mirror is given up.
        delay: Seconds before the first retry; doubled for each further one.
        timeout: Timeout of a connection in seconds.
    """

    max_failures: int = 5
    delay: float = 5.0
    timeout: float = 60.0


def download_part(
    opener: urllib.request.OpenerDirector,
    url: str,
    part: Path,
    remote: RemoteFileConfig,
    policy: RetryPolicy,
) -> None:
    """Append to ``part`` until the file is complete.

    A host name that cannot be resolved is not retried unless the server was reached before.

    Args:
        opener: Opener for ``url``.
        url: Address of the file.
        part: Path of the partial download.
        remote: Expected size of the file.
        policy: Retries after failed connections.

    Raises:
        MirrorError: The mirror does not have the file, or connections keep failing.
        UnavailableError: The disk has too little space.
        OSError: The disk cannot be written.
    """
    failed, at_start = 0, _size(part)
    while True:
        before = _size(part)
        try:
            with _response(opener, url, part, policy.timeout) as response:
                if response is not None:
                    _receive(response, url, part, remote)
                return
        except TransientError as error:
            if isinstance(error, UnknownHostError) and _size(part) == at_start:
                raise MirrorError(str(error)) from None
            failed = 0 if _size(part) > before else failed + 1
            if failed >= policy.max_failures:
                raise MirrorError(f"{error}, {failed} times in a row") from None
            wait = policy.delay * 2 ** max(failed - 1, 0)
            print(f"{url}: {error}; retry in {wait:g} s", file=sys.stderr)
            time.sleep(wait)


@contextmanager
def _response(
    opener: urllib.request.OpenerDirector, url: str, part: Path, timeout: float
) -> Iterator[HTTPResponse | None]:
    """Open the response from the end of ``part`` on; None if ``part`` is complete."""
    headers = {"User-Agent": "rvd", "Accept-Encoding": "identity"}
    request = urllib.request.Request(url, headers=headers)
    if have := _size(part):
        request.add_header("Range", f"bytes={have}-")
        # If the file has changed in the meantime, the server sends all of it.
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
            raise TransientError(
                "the partial download is longer than the file; restarting"
            ) from None
        if error.code in (408, 425, 429) or error.code >= 500:
            raise TransientError(f"the server answers {error.code} ({error.reason})") from None
        raise MirrorError(f"the server answers {error.code} ({error.reason})") from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, socket.gaierror):
            host = urllib.parse.urlsplit(url).hostname
            raise UnknownHostError(f"the name {host} cannot be resolved ({error.reason})") from None
        raise TransientError(f"no connection ({error.reason})") from None
    except (HTTPException, TimeoutError, ConnectionError) as error:
        raise TransientError(f"the connection broke ({error or type(error).__name__})") from None


def _receive(response: HTTPResponse, url: str, part: Path, remote: RemoteFileConfig) -> None:
    """Append the body of the response to ``part``.

    Raises:
        TransientError: The response ended early.
        MirrorError: The server has another file.
        UnavailableError: The disk has too little space.
        OSError: The disk cannot be written.
    """
    have = _size(part)
    if response.status != 206:
        have = 0  # the server ignores ranges, or the file has changed
    elif not (response.headers.get("Content-Range") or "").startswith(f"bytes {have}-"):
        part.unlink()
        raise TransientError("the server answers with another range; restarting")
    if "text/html" in (response.headers.get("Content-Type") or ""):
        raise MirrorError("the server sends a web page, not the file")
    announced = response.headers.get("Content-Length")
    total = have + int(announced) if announced else remote.bytes
    if remote.bytes is not None and total not in (None, remote.bytes):
        raise MirrorError(f"the file there has {total} bytes, not {remote.bytes}")
    if have and _read_state(part).get("total", total) != total:
        part.unlink()
        raise TransientError("this server's file has another size than the partial one; restarting")
    _check_free_space(part, total, have)
    validator = response.headers.get("ETag") or response.headers.get("Last-Modified")
    _state_path(part).write_text(json.dumps({"url": url, "validator": validator, "total": total}))
    with (
        part.open("r+b" if have else "wb") as file,
        progress(total or 0, f"fetch {part.stem}", "B", have, scale=True) as bar,
    ):
        file.seek(have)
        while block := _read_block(response, SIGNATURE_LENGTH if file.tell() == 0 else 0):
            if file.tell() == 0 and (fault := wrong_signature(part.stem, block)):
                raise MirrorError(fault)
            file.write(block)
            file.flush()
            bar.update(len(block))
        if total is not None and file.tell() < total:
            raise TransientError(f"the connection ended after {file.tell()} of {total} bytes")


def _read_block(response: HTTPResponse, least: int) -> bytes:
    """Read the available bytes, but at least ``least`` of them; empty at the end."""
    try:
        return response.read(least) if least else response.read1(BLOCK)
    except (HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise TransientError(f"the connection broke ({error or type(error).__name__})") from None


def _check_free_space(part: Path, total: int | None, have: int) -> None:
    """Raise UnavailableError if the whole file would not fit on the disk."""
    # A partial download that is not resumed is overwritten, so its space counts as free.
    free = shutil.disk_usage(part.parent).free + _size(part) - have
    if total is not None and total - have + MARGIN > free:
        raise UnavailableError(
            f"{part.parent}: has {free / 1e9:.1f} GB of free space; {part.stem} needs "
            f"{(total - have) / 1e9:.1f} GB more"
        )


def remove_state(part: Path) -> None:
    """Remove the state stored next to the partial download ``part``."""
    _state_path(part).unlink(missing_ok=True)


def _state_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_state(part: Path) -> dict[str, Any]:
    """Return URL, validator and size of the file that ``part`` is the beginning of."""
    try:
        state = json.loads(_state_path(part).read_text())
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _validator(part: Path, url: str) -> str | None:
    """Return the tag of the version that ``part`` is the beginning of, if ``url`` sent one."""
    state = _read_state(part)
    found = state.get("validator")
    # A weak tag does not guarantee equal bytes and must not be used in If-Range.
    usable = isinstance(found, str) and not found.startswith("W/") and state.get("url") == url
    return found if usable else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
