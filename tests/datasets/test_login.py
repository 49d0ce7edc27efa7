"""The login of a download, and redirects."""

import stat
import urllib.error
import urllib.request
from http.client import HTTPMessage
from io import BytesIO

import pytest

from rvd.datasets.download import login
from rvd.datasets.download.fetch import fetch
from rvd.datasets.download.login import FILE, PASSWORD, USER, LoginError
from rvd.datasets.download.redirects import SafeRedirect
from rvd.errors import UserError
from tests.datasets.downloads import DATA, QUICK, assert_complete, download
from tests.datasets.sections import section
from tests.datasets.server import Site, served


@pytest.fixture
def record(tmp_path):
    return tmp_path / "raw" / "kth" / "a.zip.sha256"


class TestLogin:
    SECRET = "pass word&=ä"

    @pytest.fixture(autouse=True)
    def without_login(self, monkeypatch, tmp_path):
        monkeypatch.delenv(USER, raising=False)
        monkeypatch.delenv(PASSWORD, raising=False)
        monkeypatch.setenv(FILE, str(tmp_path / "login"))

    @pytest.fixture
    def site(self):
        with served(Site({"a.zip": DATA}, login=("me", self.SECRET))) as site:
            yield site

    def attempt(self, site, record):
        fetch("a.zip", download(site.address, login="login/"), record, QUICK)

    def test_by_environment(self, site, record, monkeypatch, capsys):
        monkeypatch.setenv(USER, "me")
        monkeypatch.setenv(PASSWORD, self.SECRET)
        self.attempt(site, record)
        assert_complete(record)
        kept = "".join(p.read_text("latin-1") for p in record.parent.iterdir())
        assert self.SECRET not in kept + "".join(capsys.readouterr()) + str(site.requests)

    def test_by_file(self, site, record, tmp_path):
        (tmp_path / "login").write_text(f"me\n{self.SECRET}\n")
        (tmp_path / "login").chmod(0o640)
        with pytest.raises(UserError, match="login: others can read it; run: chmod 600"):
            self.attempt(site, record)
        (tmp_path / "login").chmod(stat.S_IRUSR)
        self.attempt(site, record)
        assert_complete(record)

    def test_a_missing_login_is_explained(self, site, record):
        said = r"register at .*CITYSCAPES_USERNAME.*put it at .*raw/kth/a.zip"
        with pytest.raises(UserError, match=said) as caught:
            self.attempt(site, record)
        assert "\n" not in str(caught.value)
        assert site.requests == []

    def test_refused_credentials(self, site, record, monkeypatch):
        monkeypatch.setenv(USER, "me")
        monkeypatch.setenv(PASSWORD, "wrong")
        with pytest.raises(UserError, match="refuses the user name or the password") as caught:
            self.attempt(site, record)
        assert "wrong" not in str(caught.value)

    REFUSED = (
        ("http://www.cityscapes-dataset.com", "only sent over https"),
        ("https://example.org", "not sent to this host; .* add 'example.org' to login_hosts"),
        ("https://www.cityscapes-dataset.com.example.org", "not sent to this host"),
    )

    @pytest.mark.parametrize(("mirror", "said"), REFUSED)
    def test_a_config_with_another_server_is_refused(self, mirror, said):
        described = {"mirrors": [mirror], "files": {"a.zip": {}}, "login": "login/"}
        with pytest.raises(UserError, match=f"download: .*{said}") as caught:
            section("cityscapes", download=described)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(("mirror", "said"), REFUSED)
    def test_no_password_is_looked_up_for_another_server(self, mirror, said, monkeypatch):
        monkeypatch.setattr(login, "credentials", lambda: pytest.fail("it is looked up"))
        allowed = download("http://localhost", login="login/")
        with pytest.raises(LoginError, match=said):
            login.authenticated_opener(mirror, allowed, 1.0)

    def test_a_key_allows_another_host(self):
        allowed = download("https://example.org", login="login/", hosts=["Example.org"])
        assert allowed.login_hosts == ("example.org",)
        assert allowed.model_dump()["login_hosts"] == ("example.org",)

    def test_the_usual_host_does_not_change_the_section_in_video_files(self):
        assert "login_hosts" not in section("cityscapes").model_dump_json()

    @pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
    def test_a_redirected_login_sends_no_password(self, site, record, code, monkeypatch):
        monkeypatch.setenv(USER, "me")
        monkeypatch.setenv(PASSWORD, self.SECRET)
        with served(Site({}, login=("me", self.SECRET))) as other:
            site.moved = {"/login/": (code, f"{other.address}/login/")}
            with pytest.raises(UserError):
                self.attempt(site, record)
        assert len(site.forms) == 1
        assert other.forms == []
        assert other.requests == []


class TestRedirects:
    def test_they_are_followed(self, record):
        with served(Site({"b.zip": DATA})) as site:
            site.moved = {"/a.zip": (302, f"{site.address}/b.zip")}
            fetch("a.zip", download(site.address), record, QUICK)
        assert_complete(record)

    @pytest.mark.parametrize("scheme", ["ftp", "file"])
    def test_another_protocol_is_refused(self, record, scheme):
        with served(Site({})) as site:
            site.moved = {"/a.zip": (302, f"{scheme}://127.0.0.1/a.zip")}
            with pytest.raises(UserError, match=scheme) as caught:
                fetch("a.zip", download(site.address), record, QUICK)
            assert len(site.requests) == 1
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("scheme", ["http", "ftp"])
    def test_https_does_not_fall_to_another_protocol(self, scheme):
        request = urllib.request.Request("https://example.org/a.zip")
        moved = f"{scheme}://example.org/a.zip"
        with pytest.raises(urllib.error.HTTPError, match=f"redirect from https to {scheme}, which"):
            SafeRedirect().redirect_request(request, BytesIO(), 302, "Found", HTTPMessage(), moved)
