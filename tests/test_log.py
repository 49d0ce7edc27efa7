"""Messages that cannot be written do not end the work, and that is said once."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rvd.errors import UserError
from rvd.runtime.log import Log, StandardError
from tests import prefork
from tests.tiny import config, write_squares

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
FULL = "cannot be written (No space left on device)"


class Failing(io.StringIO):
    """A terminal that was closed, until ``open``."""

    open = False

    def write(self, text):
        if not self.open:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().write(text)


def test_a_log_on_a_full_disk_is_said_once(capsys):
    stream = StandardError(sys.stderr, Log(Path("/dev/full"), keep=True))
    for number in range(3):
        print("line", number, file=stream)
    said = f"line 0\n/dev/full: {FULL}; the work continues without this log\nline 1\nline 2\n"
    assert capsys.readouterr().err == said


def test_a_log_is_written_again_when_there_is_room(tmp_path, capsys, monkeypatch):
    log = Log(tmp_path / "log", keep=False)
    stream = StandardError(sys.stderr, log)
    with monkeypatch.context() as patch:
        patch.setattr(log, "_file", Failing())
        print("lost", file=stream)
    print("kept", file=stream)
    assert (tmp_path / "log").read_text() == "kept\n"
    assert "log: cannot be written (Input/output error)" in capsys.readouterr().err


def test_a_terminal_that_was_closed(tmp_path):
    terminal = Failing()
    stream = StandardError(terminal, Log(tmp_path / "log", keep=False))
    print("first", file=stream)
    terminal.open = True
    print("second", file=stream)
    said = "standard error: cannot be written (Input/output error)\n"
    assert (tmp_path / "log").read_text().replace(said, "") == "first\nsecond\n"
    assert said in (tmp_path / "log").read_text()
    assert terminal.getvalue().endswith("second\n")


def test_a_log_that_cannot_be_opened_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/log: cannot be written"):
        Log(tmp_path / "file" / "log", keep=False)


@pytest.fixture
def rvd(tmp_path):
    """Call ``rvd inspect`` with the streams given."""
    write_squares(tmp_path / "v.h5")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config()))

    def call(*options, python=None, **streams):
        command = [python or prefork.python(), "-m", "rvd", *options, "inspect", "v.h5"]
        return subprocess.run(command, cwd=tmp_path, text=True, check=False, **streams)

    return call


def test_the_commands_of_a_full_disk(rvd):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with open("/dev/full", "w") as full:
        assert rvd(**pipes | {"stderr": full}).returncode == 0
        run = rvd(**pipes | {"stdout": full})
    assert run.returncode == 2
    assert run.stderr.startswith("rvd: standard output")
    assert "cannot be written (No space left on device)" in run.stderr
    assert run.stderr.count("\n") == 1
    run = rvd("--log=/dev/full", python=sys.executable, **pipes)
    assert (run.returncode, run.stderr) == (0, "")
    run = rvd("--log=v.h5/log", **pipes)
    assert run.returncode == 2
    assert run.stderr.startswith("rvd: v.h5/log: cannot be written (")
    assert run.stderr.count("\n") == 1
