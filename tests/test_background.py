"""Work on a thread, and its errors."""

import threading

import pytest

from rvd.runtime.background import BackgroundWork


def failing():
    raise OSError("no space")


def test_the_caller_continues_while_it_works():
    free, done = threading.Event(), []
    with BackgroundWork() as work:
        work.start(lambda: (free.wait(10), done.append(1)))
        assert done == []
        free.set()
        work.start(lambda: done.append(2))
    assert done == [1, 2]


@pytest.mark.parametrize("call", [lambda w: w.finish(), lambda w: w.start(lambda: None)])
def test_the_next_call_raises_its_error_once(call):
    with BackgroundWork() as work:
        work.start(failing)
        with pytest.raises(OSError, match="no space"):
            call(work)
        work.finish()


def test_the_end_of_the_block_raises_its_error_unless_the_block_failed():
    with pytest.raises(OSError, match="no space"), BackgroundWork() as work:
        work.start(failing)
    work = BackgroundWork()
    work.start(failing)
    with pytest.raises(ZeroDivisionError), work:
        raise ZeroDivisionError
