"""A command killed at any moment and run again gives the reference result."""

import random
import signal

import pytest

from tests.faults import tally
from tests.faults.commands import finish, kill
from tests.faults.pipeline import WITH_READER

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Kills of each command: in the whole suite, and in the short one.
TIMES = {
    "simulator": (24, 2),
    "converter": (16, 1),
    "trainer": (36, 4),
    WITH_READER: (4, 0),
    "sampler": (24, 2),
    "scorer": (16, 1),
    "predict": (16, 1),
    "fetch": (16, 1),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TIMES)
def test_a_killed_command_resumes(reference, tmp_path, name):
    if not TIMES[name][0 if tally.WHOLE else 1]:
        pytest.skip("takes longer: run `make test-faults`")
    folder = tmp_path / name
    command = reference.before(name, folder)
    wanted = TIMES[name][0 if tally.WHOLE else 1]
    seconds = reference.seconds[name] * (0.6 if name == "trainer" else 1)
    # One seed per command, so that failures can be repeated, apart from timing.
    generator = random.Random(f"{name} 0")
    done = 0
    while done < wanted:
        process = command.start(folder)
        # A resumed command has less to do, so it may end before the kill.
        moment = generator.uniform(0, seconds)
        number = generator.choice(SIGNALS)
        if kill(process, number, moment):
            done += 1
            tally.kills[f"{name} by {signal.Signals(number).name}"] += 1
        code = finish(process)
        if code == 0:
            # It ended before or during the signal: check its results, and start again.
            assert reference.results(name, folder) == reference.made[name]
            assert reference.leftovers(folder) == []
            folder = tmp_path / f"{name}-{done}-{generator.random()}"
            command = reference.before(name, folder)
    command.whole(folder)
    assert reference.results(name, folder) == reference.made[name]
    assert reference.leftovers(folder) == []
