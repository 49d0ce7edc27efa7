"""A local web server with the faults that downloads encounter."""

from __future__ import annotations

import re
import threading
import time
import urllib.parse
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """Files and faults of the server.

    Attributes:
        cuts: Number of body bytes after which each of the first answers is cut off.
        answers: Status codes of the first answers, before the first valid one.
        moved: Status code and new address of each path that is redirected.
        rate: Bytes per second that are sent; 0 sends as fast as possible.
        login: User name and password that ``/login/`` requires before other files are served.
    """

    files: dict[str, bytes]
    cuts: list[int] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    ranges: bool = True
    kind: str = "application/octet-stream"
    tag: str | None = '"1"'
    announced: int = 0
    rate: int = 0
    moved: dict[str, tuple[int, str]] = field(default_factory=dict)
    login: tuple[str, str] | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    address: str = ""


@contextmanager
def served(site: Site):
    """Serve ``site`` at ``site.address``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *arguments):
            pass

        def redirect(self):
            code, address = site.moved[self.path]
            self.send_response(code)
            self.send_header("Location", address)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            length = int(self.headers["Content-Length"])
            form = dict(urllib.parse.parse_qsl(self.rfile.read(length).decode()))
            site.forms.append(form)
            if self.path in site.moved:
                return self.redirect()
            good = site.login == (form.get("username"), form.get("password"))
            self.send_response(302 if good else 200)
            if good:
                self.send_header("Set-Cookie", "session=let-in; Path=/")
                self.send_header("Location", "/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None

        def do_GET(self):
            asked = self.headers.get("Range")
            site.requests.append((self.path, asked))
            if self.path in site.moved:
                return self.redirect()
            if site.answers:
                return self.send_error(site.answers.pop(0))
            if self.path.lstrip("/") not in site.files:
                return self.send_error(404)
            if site.login and "session=let-in" not in self.headers.get("Cookie", ""):
                return self.send_error(403)
            data = site.files[self.path.lstrip("/")]
            begin = int(re.fullmatch(r"bytes=(\d+)-", asked).group(1)) if asked else 0
            if not site.ranges or self.headers.get("If-Range", site.tag) != site.tag:
                begin = 0
            if begin >= len(data) > 0:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(data)}")
                self.send_header("Content-Length", "0")
                return self.end_headers()
            self.send_response(206 if begin else 200)
            if begin:
                self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
            if site.tag:
                self.send_header("ETag", site.tag)
            self.send_header("Content-Type", site.kind)
            self.send_header("Content-Length", str(site.announced or len(data) - begin))
            self.end_headers()
            body = data[begin:]
            if site.cuts:
                self.wfile.write(body[: site.cuts.pop(0)])
                self.close_connection = True
                return None
            self.send(body)
            return None

        def send(self, body):
            block = max(1, site.rate // 100) if site.rate else max(1, len(body))
            with suppress(ConnectionError):  # of a client that was killed
                for begin in range(0, len(body), block):
                    self.wfile.write(body[begin : begin + block])
                    if site.rate:
                        time.sleep(block / site.rate)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
