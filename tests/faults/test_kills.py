"""A command killed at any moment and run again gives the reference result."""

import random
import signal

import pytest

from tests.artefacts import contents
from tests.faults import tally
from tests.faults.commands import finish, kill

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Kills of each command: in the whole suite, and in the short one.
TIMES = {"simulator": (10, 2), "converter": (6, 1), "trainer": (18, 4), "sampler": (10, 2),
         "scorer": (6, 1)}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMES)
def test_a_killed_command_resumes(reference, tmp_path, name):
    folder = tmp_path / name
    command = reference.before(name, folder)
    wanted = TIMES[name][0 if tally.WHOLE else 1]
    # One seed per command, so that failures can be repeated, apart from timing.
    generator = random.Random(f"{name} 0")
    done = 0
    while done < wanted:
        process = command.start(folder)
        # A resumed command has less to do, so it may end before the kill.
        moment = generator.uniform(0, reference.seconds[name] * (0.6 if name == "trainer" else 1))
        number = generator.choice(SIGNALS)
        if kill(process, number, moment):
            done += 1
            tally.kills[f"{name} by {signal.Signals(number).name}"] += 1
        code = finish(process)
        if code == 0:
            # It ended before or during the signal: check its results, and start again.
            assert contents(folder, command.made) == reference.made[name]
            folder = tmp_path / f"{name}-{done}-{generator.random()}"
            command = reference.before(name, folder)
    command.whole(folder)
    assert contents(folder, command.made) == reference.made[name]
