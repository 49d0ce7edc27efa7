"""Killed at any moment and called again, each command ends with what it makes undisturbed."""

import random
import signal

import pytest

from tests.artefacts import contents
from tests.faults import tally
from tests.faults.commands import finish, kill

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# How often each is killed: of the whole suite, and of the short one.
TIMES = {"simulator": (10, 2), "converter": (6, 1), "trainer": (18, 4), "sampler": (10, 2),
         "scorer": (6, 1)}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMES)
def test_killed_and_called_again(reference, tmp_path, name):
    folder = tmp_path / name
    command = reference.before(name, folder)
    wanted = TIMES[name][0 if tally.WHOLE else 1]
    # A seed for each command, so that a failure can be repeated; the clock adds its own chance.
    generator = random.Random(f"{name} 0")
    done = 0
    while done < wanted:
        process = command.start(folder)
        # An interrupted command has less left to do; so some ends come before the kill.
        moment = generator.uniform(0, reference.seconds[name] * (0.6 if name == "trainer" else 1))
        number = generator.choice(SIGNALS)
        if kill(process, number, moment):
            done += 1
            tally.kills[f"{name} by {signal.Signals(number).name}"] += 1
        code = finish(process)
        if code == 0:
            # It had just ended, or took the signal as it did: what it made must be right; again.
            assert contents(folder, command.made) == reference.made[name]
            folder = tmp_path / f"{name}-{done}-{generator.random()}"
            command = reference.before(name, folder)
    command.whole(folder)
    assert contents(folder, command.made) == reference.made[name]
