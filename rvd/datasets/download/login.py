"""Login to a server. The password never enters a config, log, argument or process list."""

from __future__ import annotations

import http.cookiejar
import os
import stat
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from rvd.datasets.download.config import DownloadConfig, require_login_host
from rvd.datasets.download.redirects import NoRedirect, SafeRedirect

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


def authenticated_opener(
    mirror: str, download: DownloadConfig, timeout: float
) -> urllib.request.OpenerDirector:
    """Return a URL opener for ``mirror``, with the cookies of a login if one is required.

    Args:
        mirror: Address of the server.
        download: Page that takes the form fields ``username`` and ``password``, relative to
            ``mirror``, or None; and the hosts that they may be sent to.
        timeout: Timeout in seconds.

    Raises:
        LoginError: Credentials are missing, their file can be read by others, the server is not
            one that they may be sent to, or it refuses them.
    """
    if download.login is None:
        return urllib.request.build_opener(SafeRedirect())
    try:  # as when the config was read: no password is looked up for another server
        require_login_host(mirror, download.login_hosts)
    except ValueError as error:
        raise LoginError(str(error)) from None
    user, password = credentials()
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    form = urllib.parse.urlencode({"username": user, "password": password, "submit": "Login"})
    request = urllib.request.Request(
        f"{mirror.rstrip('/')}/{download.login}", form.encode(), {"User-Agent": "rvd"}
    )
    try:
        with urllib.request.build_opener(cookies, NoRedirect()).open(request, timeout=timeout):
            pass
    except urllib.error.HTTPError as answer:
        if answer.code in (302, 303):
            return urllib.request.build_opener(cookies, SafeRedirect())
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
