"""Source packages of the Python package index, downloaded without running their code.

pip prepares the metadata of a source package by running its build code, before anything of it can
be verified. Here the archive is found on the index that pip is configured with, downloaded as a
file, and compared with its SHA-256 before it is opened.
"""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib
import json
import re
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from rvd.errors import TemporaryError
from rvd.files import reason, reported

PAGE_LIMIT = 2**25  # bytes of an index page
ARCHIVE_LIMIT = 2**29  # bytes of an archive
TIMEOUT = 60.0  # seconds
ACCEPT = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"


def download_sdist(requirement: str, sha256: str, folder: Path) -> Path:
    """Download the source archive of ``requirement`` to ``folder`` and return its path.

    Args:
        requirement: Name and version, as ``name==version``.
        sha256: SHA-256 of the archive, which is compared before it is opened.
        folder: Existing folder.

    Raises:
        UserError: pip has no index, none of its indexes has the archive, or it is another file.
    """
    name, _, version = requirement.partition("==")
    settings = pip_settings()
    if settings.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        raise _failed(requirement, "pip is set to use no index")
    try:
        context = ssl.create_default_context(cafile=settings.get("cert"))
    except OSError as error:
        raise _failed(requirement, f"pip's `cert` cannot be read: {reason(error)}") from None
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    reasons = []
    for index in _indexes(settings):
        try:
            address = _sdist_address(opener, index, name, version)
            if address is None:
                reasons.append(f"{_public(index)}: has no source archive of it")
                continue
            content = _receive(opener, address, index, sha256)
        except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
            reasons.append(f"{_public(index)}: {reason(error)}")
            continue
        archive = folder / f"{name}-{version}.tar.gz"
        with reported(archive):
            archive.write_bytes(content)
        return archive
    raise _failed(requirement, "; ".join(reasons) or "pip has no index")


def pip_settings() -> dict[str, str]:
    """Return the settings of ``pip download``: its files' and, before them, the environment's."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, str] = {}
    for section in ("global", "download", ":env:"):
        for line in run.stdout.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(f"{section}."):
                found[key.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


def _indexes(settings: dict[str, str]) -> list[str]:
    """Return the addresses of pip's indexes, in its order."""
    first = settings.get("index-url")
    if first is None:
        try:  # pip's default, which has no public name
            first = importlib.import_module("pip._internal.models.index").PyPI.simple_url
        except (ImportError, AttributeError):
            first = ""
    return [*first.split(), *settings.get("extra-index-url", "").split()]


def _sdist_address(
    opener: urllib.request.OpenerDirector, index: str, name: str, version: str
) -> str | None:
    """Return the address of the source archive on the index, None if it has none."""
    project = _normalised(name)
    page = f"{index.rstrip('/')}/{project}/"
    if urlsplit(index).scheme == "file":
        page += "index.html"
    with _open(opener, page, index) as response:
        content = response.read(PAGE_LIMIT).decode(errors="replace")
        is_json = "json" in (response.headers.get("Content-Type") or "")
        base = response.geturl()
    if is_json:
        links = [str(file["url"]) for file in json.loads(content)["files"]]
    else:
        links = re.findall(r"""<a\s[^>]*?href\s*=\s*["']([^"']+)["']""", content, re.IGNORECASE)
    for link in links:
        address = urljoin(base, link.replace("&amp;", "&"))
        file = urllib.parse.unquote(urlsplit(address).path).rpartition("/")[2]
        if _normalised(file) == _normalised(f"{name}-{version}.tar.gz"):
            return address.partition("#")[0]
    return None


def _receive(opener: urllib.request.OpenerDirector, address: str, index: str, sha256: str) -> bytes:
    """Return the content of the archive.

    Raises:
        ValueError: It is another file.
        OSError: The connection fails.
    """
    with _open(opener, address, index) as response:
        content = response.read(ARCHIVE_LIMIT)
    if (digest := hashlib.sha256(content).hexdigest()) != sha256:
        raise ValueError(f"the SHA-256 of its archive is {digest}, not {sha256}")
    return content


def _normalised(name: str) -> str:
    """Return a name as indexes compare it: in lower case, and with one kind of separator."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _open(opener: urllib.request.OpenerDirector, address: str, index: str) -> Any:
    """Open an address of the index; its user name and password go to its own server only."""
    server, parts = urlsplit(index), urlsplit(address)
    if parts.scheme not in ("http", "https", server.scheme):
        raise ValueError(f"its link is neither http nor https, but {parts.scheme}")
    request = urllib.request.Request(
        _public(address), headers={"User-Agent": "rvd", "Accept": ACCEPT}
    )
    same = (server.scheme, server.hostname, server.port) == (
        parts.scheme,
        parts.hostname,
        parts.port,
    )
    if server.username is not None and same:
        words = f"{server.username}:{server.password or ''}"
        token = base64.b64encode(urllib.parse.unquote(words).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return opener.open(request, timeout=TIMEOUT)


def _public(address: str) -> str:
    """Return an address without user name and password."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _failed(requirement: str, why: str) -> TemporaryError:
    return TemporaryError(
        f"{requirement}: could not be downloaded ({why}); a file at hand can be given by --file"
    )
