"""A training outlives a full disk in what only describes it; its curve is complete then."""

import errno
import os
from pathlib import Path

import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rvd.errors import UserError
from rvd.runtime import appending
from rvd.runtime.appending import AppendedFile, append_whole
from rvd.runtime.event_file import EventFile
from rvd.training.history import History, read_history
from rvd.training.journal import Journal, journal_path, read_journal
from tests.tiny import task_in, write_squares
from tests.training.test_training import assert_equal_weights, run, settings_of

CODES = [errno.ENOSPC, errno.EDQUOT, errno.EIO]


class Disk:
    """A disk on which files with some names cannot be written past a number of bytes."""

    def __init__(self, monkeypatch):
        self.code, self.names, self.room = errno.ENOSPC, (), 0
        self.real = Path.open
        monkeypatch.setattr(Path, "open", lambda path, *how, **also: self.open(path, *how, **also))

    def fill(self, *names, code=errno.ENOSPC, room=0):
        self.names, self.code, self.room = names, code, room

    def open(self, path, mode="r", *how, **also):
        file = self.real(path, mode, *how, **also)
        if mode != "ab" or not any(name in str(path) for name in self.names):
            return file
        return Full(file, self)


class Full:
    """A file of which ``disk.room`` bytes can be written."""

    def __init__(self, file, disk):
        self.file, self.disk = file, disk

    def write(self, data):
        if not self.disk.room:
            raise OSError(self.disk.code, os.strerror(self.disk.code))
        count, self.disk.room = min(len(data), self.disk.room), 0
        return self.file.write(data[:count])

    def __getattr__(self, name):
        return getattr(self.file, name)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()


@pytest.fixture
def disk(monkeypatch):
    return Disk(monkeypatch)


@pytest.fixture
def videos(tmp_path):
    return write_squares(tmp_path / "v.h5")


def steps_of_tensorboard(folder):
    board = EventAccumulator(str(folder))
    board.Reload()
    return [event.step for event in board.Scalars("loss")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_that_is_full(tmp_path, capsys):
    (tmp_path / "file").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"file: cannot be written \(No space left on device\)"):
        append_whole(tmp_path / "file", b"1")
    file = AppendedFile(tmp_path / "file")
    for entry in (b"1\n", b"2\n", b"3\n"):
        file.add(entry)
    assert capsys.readouterr().err.count("\n") == 1
    (tmp_path / "file").unlink()
    file.add(b"4\n")
    assert (tmp_path / "file").read_bytes() == b"1\n2\n3\n4\n"


def test_an_entry_is_written_whole_or_not_at_all(tmp_path, disk):
    path = tmp_path / "file"
    append_whole(path, b"first\n")
    disk.fill("file", room=3)
    with pytest.raises(UserError, match="cannot be written"):
        append_whole(path, b"second\n")
    assert path.read_bytes() == b"first\n"


def test_memory_is_bounded(tmp_path, disk, monkeypatch):
    monkeypatch.setattr(appending, "KEPT", 8)
    disk.fill("file")
    file = AppendedFile(tmp_path / "file")
    for number in range(9):
        file.add(b"%d\n" % number)
    disk.fill()
    file.flush()
    assert (tmp_path / "file").read_bytes() == b"5\n6\n7\n8\n"


@pytest.mark.parametrize("code", CODES)
def test_a_history_is_completed_when_there_is_room(tmp_path, disk, capsys, code):
    history = History(tmp_path)
    disk.fill("history.jsonl", code=code)
    with history.attempt(3):
        history.note("damaged")
        said = capsys.readouterr().err
        disk.fill()
    assert said.count("\n") == 1
    assert f"history.jsonl: cannot be written ({os.strerror(code)}); the work continues" in said
    assert [event["event"] for event in read_history(tmp_path)] == ["began", "damaged", "finished"]


@pytest.mark.parametrize("code", CODES)
def test_tensorboard_reads_all_events_after_a_full_disk(tmp_path, disk, capfd, code):
    events = EventFile(tmp_path, 1)
    events.scalars(1, {"loss": 1.0})
    disk.fill("tfevents", code=code, room=7)  # which truncates an event
    events.scalars(2, {"loss": 2.0})
    events.scalars(3, {"loss": 3.0})
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert f"cannot be written ({os.strerror(code)})" in said
    assert steps_of_tensorboard(tmp_path) == [1]
    disk.fill()
    events.scalars(4, {"loss": 4.0})
    assert steps_of_tensorboard(tmp_path) == [1, 2, 3, 4]


def test_no_checkpoint_is_ahead_of_its_journal(tmp_path, disk, capsys):
    with Journal(tmp_path, 0, 20000, 1) as journal:
        disk.fill("journal.jsonl")
        journal.write(1, {"loss": 1.0})
        with pytest.raises(UserError, match=r"journal\.jsonl: cannot be written"):
            journal.flush()
        disk.fill()
        journal.flush()
    assert capsys.readouterr().err.count("\n") == 1
    assert [entry["step"] for entry in read_journal(journal_path(tmp_path))] == [1]


@pytest.mark.parametrize("names", [("history.jsonl", "tfevents"), ("pictures",)])
def test_a_training_continues_without_what_describes_it(tmp_path, videos, disk, capsys, names):
    whole = run(settings_of(), task_in(tmp_path / "whole", videos))
    task = task_in(tmp_path / "full", videos)
    if names == ("pictures",):
        task.checkpoints.mkdir(parents=True)
        (task.checkpoints / "pictures").touch()  # a folder cannot be created there
    disk.fill(*names)
    capsys.readouterr()
    assert_equal_weights(run(settings_of(), task), whole)
    said = capsys.readouterr().err
    assert said.count("cannot be written") == 2  # the two files; or two pictures
    assert "Traceback" not in said


def test_a_training_without_room_for_its_journal_stops_and_resumes(tmp_path, videos, disk, capsys):
    whole_task, task = (task_in(tmp_path / name, videos) for name in ("whole", "full"))
    whole = run(settings_of(), whole_task)
    disk.fill("journal.jsonl")
    with pytest.raises(UserError, match=r"journal\.jsonl: cannot be written"):
        run(settings_of(), task)
    disk.fill()
    assert_equal_weights(run(settings_of(), task), whole)
    curves = [pd.read_csv(one.curve).drop(columns="steps_per_second") for one in (task, whole_task)]
    pd.testing.assert_frame_equal(*curves)
    assert steps_of_tensorboard(task.checkpoints / "tensorboard") == curves[0]["step"].tolist()
