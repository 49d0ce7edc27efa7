"""Logging in to a server, with secrets that stand in no config, log, parameter or process list."""

from __future__ import annotations

import http.cookiejar
import os
import stat
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage
from pathlib import Path
from typing import IO

# User name and password: in these variables, or on two lines of a file that only its owner reads.
USER, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
FILE = "CITYSCAPES_CREDENTIALS"
DEFAULT_FILE = "~/.config/rvd/cityscapes"

HOW = (
    "register at https://www.cityscapes-dataset.com/register/ (with your institution's address), "
    f"then set {USER} and {PASSWORD}, or write both, a line each, to {DEFAULT_FILE} (mode 600)"
)


class NoLogin(Exception):  # noqa: N818 (it says what to do)
    """There is no login, or the server refuses it."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Does not follow a redirection: a login is answered by one, a refusal is not."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """None: urllib then raises the answer itself."""
        return


def logged_in(mirror: str, login: str | None, timeout: float) -> urllib.request.OpenerDirector:
    """What opens addresses of ``mirror``: with the cookies of a login, where it needs one.

    Args:
        mirror: address of the server.
        login: page below it that takes the form fields ``username`` and ``password``, or None.
        timeout: seconds.

    Raises:
        NoLogin: there is none, its file can be read by others, or the server refuses it.
    """
    if login is None:
        return urllib.request.build_opener()
    user, password = credentials()
    address = urllib.parse.urlsplit(mirror)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost"):
        raise NoLogin(f"{mirror}: a password is sent by https alone")
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    form = urllib.parse.urlencode({"username": user, "password": password, "submit": "Login"})
    request = urllib.request.Request(
        f"{mirror.rstrip('/')}/{login}", form.encode(), {"User-Agent": "rvd"}
    )
    try:
        with urllib.request.build_opener(cookies, _Stay()).open(request, timeout=timeout):
            pass
    except urllib.error.HTTPError as answer:
        if answer.code in (302, 303):
            return urllib.request.build_opener(cookies)
        raise NoLogin(f"the login page answers {answer.code} ({answer.reason})") from None
    except OSError as error:
        raise NoLogin(f"the login page cannot be reached ({error})") from None
    raise NoLogin(f"the server refuses the user name or the password; {HOW}")


def credentials() -> tuple[str, str]:
    """User name and password, from the environment or the file.

    Raises:
        NoLogin: neither has them, or others can read the file.
    """
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user and password:
        return user, password
    path = Path(os.environ.get(FILE) or DEFAULT_FILE).expanduser()
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise NoLogin(f"{path}: others can read it; run: chmod 600 {path}")
        lines = path.read_text().split("\n")
    except (OSError, UnicodeDecodeError):
        raise NoLogin(f"this download needs an account: {HOW}") from None
    if len(lines) < 2 or not lines[0].strip() or not lines[1]:
        raise NoLogin(f"{path}: needs the user name on its first line, the password on its second")
    return lines[0].strip(), lines[1].rstrip("\r")
