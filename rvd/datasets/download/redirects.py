"""Redirects that downloads and logins follow."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPMessage
from typing import IO


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Handler that follows no redirect, so that a password is sent once, to one address.

    The server answers a successful login with a redirect.
    """

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


class SafeRedirect(urllib.request.HTTPRedirectHandler):
    """Handler that follows redirects to https, and from http to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request of the new address.

        Raises:
            HTTPError: The new address is less safe than the old one.
        """
        scheme = urllib.parse.urlsplit(newurl).scheme
        if scheme not in ("https", req.type):
            why = f"a redirect from {req.type} to {scheme}, which is refused"
            raise urllib.error.HTTPError(req.full_url, code, why, headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
