"""The history of a training tells how each attempt ended, kills included."""

import pytest

from rvd.errors import UserError
from rvd.runtime.signals import Interrupted
from rvd.training.history import History, HistorySummary, read_history, summarise


@pytest.fixture
def history(tmp_path):
    return History(tmp_path)


def test_a_training_that_was_not_interrupted(history, tmp_path):
    with history.attempt(0):
        pass
    summary = summarise(read_history(tmp_path))
    assert summary == HistorySummary()
    assert str(summary) == "not interrupted"


def test_every_kind_of_end_is_counted(history, tmp_path):
    with pytest.raises(Interrupted), history.attempt(0):
        raise Interrupted("SIGTERM")
    with pytest.raises(UserError), history.attempt(5):
        raise UserError("the disk is full")
    for step in (5, 10):
        history.note("began", step=step)  # and killed, so that there is no last event
    history.damaged(tmp_path / "step-00000015.pt", "its checksum does not match")
    with history.attempt(10):
        pass
    summary = summarise(read_history(tmp_path))
    assert summary == HistorySummary(resumed=4, stopped=1, failed=1, killed=2, damaged=1)
    assert str(summary) == (
        "resumed 4 times (1 stopped, 1 failed, 2 killed), 1 damaged checkpoint skipped"
    )
    reasons = [event["reason"] for event in read_history(tmp_path) if "reason" in event]
    assert reasons == ["SIGTERM", "the disk is full"]


def test_writing_the_outputs_again_is_no_attempt(history, tmp_path):
    for _ in range(3):
        with history.attempt(0):
            pass
    assert summarise(read_history(tmp_path)) == HistorySummary()


def test_a_truncated_line_spoils_no_other(history, tmp_path):
    history.note("began", step=0)
    with history.path.open("a") as file:
        file.write('{"event": "sto')
    history.note("began", step=3)
    assert [event["step"] for event in read_history(tmp_path)] == [0, 3]
    assert summarise(read_history(tmp_path)).killed == 1


@pytest.mark.parametrize("damage", ["\x00\x01", "3", "{}", '{"event": 7}'])
def test_a_damaged_line_costs_that_line_alone(history, tmp_path, damage):
    history.note("began", step=0)
    with history.path.open("a") as file:
        file.write(damage + "\n")
    history.note("finished")
    assert [event["event"] for event in read_history(tmp_path)] == ["began", "finished"]
