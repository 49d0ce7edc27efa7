"""Login to a server. The password never enters a config, log, argument or process list."""

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

# User name and password come from these variables, or from two lines of a file with mode 600.
USER, PASSWORD = "CITYSCAPES_USERNAME", "CITYSCAPES_PASSWORD"
FILE = "CITYSCAPES_CREDENTIALS"
DEFAULT_FILE = "~/.config/rvd/cityscapes"

INSTRUCTIONS = (
    "register at https://www.cityscapes-dataset.com/register/ (with your institution's address), "
    f"then set {USER} and {PASSWORD}, or write each on its own line to {DEFAULT_FILE} (mode 600)"
)


class LoginError(Exception):
    """No credentials were found, or the server refuses them. The message gives the remedy."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Handler that follows no redirect: the server answers a successful login with one."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> None:
        """Return None, so that urllib raises the redirect as an error."""
        return


def authenticated_opener(
    mirror: str, login: str | None, timeout: float
) -> urllib.request.OpenerDirector:
    """Return a URL opener for ``mirror``, with the cookies of a login if one is required.

    Args:
        mirror: Address of the server.
        login: Page that takes the form fields ``username`` and ``password``, relative to
            ``mirror``, or None.
        timeout: Timeout in seconds.

    Raises:
        LoginError: Credentials are missing, their file can be read by others, or the server refuses
            them.
    """
    if login is None:
        return urllib.request.build_opener()
    user, password = credentials()
    address = urllib.parse.urlsplit(mirror)
    if address.scheme != "https" and address.hostname not in ("127.0.0.1", "localhost"):
        raise LoginError(f"{mirror}: a password is only sent over https")
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    form = urllib.parse.urlencode({"username": user, "password": password, "submit": "Login"})
    request = urllib.request.Request(
        f"{mirror.rstrip('/')}/{login}", form.encode(), {"User-Agent": "rvd"}
    )
    try:
        with urllib.request.build_opener(cookies, _NoRedirect()).open(request, timeout=timeout):
            pass
    except urllib.error.HTTPError as answer:
        if answer.code in (302, 303):
            return urllib.request.build_opener(cookies)
        raise LoginError(f"the login page answers {answer.code} ({answer.reason})") from None
    except OSError as error:
        raise LoginError(f"the login page cannot be reached ({error})") from None
    raise LoginError(f"the server refuses the user name or the password; {INSTRUCTIONS}")


def credentials() -> tuple[str, str]:
    """Read the user name and password from the environment or the file.

    Raises:
        LoginError: Neither has them, or others can read the file.
    """
    user, password = os.environ.get(USER), os.environ.get(PASSWORD)
    if user and password:
        return user, password
    path = Path(os.environ.get(FILE) or DEFAULT_FILE).expanduser()
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise LoginError(f"{path}: others can read it; run: chmod 600 {path}")
        lines = path.read_text().split("\n")
    except (OSError, UnicodeDecodeError):
        raise LoginError(f"this download needs an account: {INSTRUCTIONS}") from None
    if len(lines) < 2 or not lines[0].strip() or not lines[1]:
        raise LoginError(f"{path}: needs the user name on line 1, the password on line 2")
    return lines[0].strip(), lines[1].rstrip("\r")
