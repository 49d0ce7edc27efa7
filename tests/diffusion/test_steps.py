from rvd.diffusion.schedule import cosine_schedule
from rvd.diffusion.steps import every_step, log_snr_steps, uniform_steps


def test_every_step():
    assert every_step(cosine_schedule(5), 2) == [4, 3, 2, 1, 0]


def test_uniform_steps():
    schedule = cosine_schedule(100)
    assert uniform_steps(schedule, 100) == list(range(99, -1, -1))
    assert uniform_steps(schedule, 500) == list(range(99, -1, -1))
    assert uniform_steps(schedule, 10) == [99, 88, 77, 66, 55, 44, 33, 22, 11, 0]
    assert uniform_steps(schedule, 1) == [99]
    start = uniform_steps(schedule, 10, start_log_snr=-1.5)[0]
    assert schedule.log_snr()[start] >= -1.5 > schedule.log_snr()[start + 1]


def test_log_snr_steps():
    schedule = cosine_schedule(1600)
    steps = log_snr_steps(schedule, 25)
    assert len(steps) <= 25
    assert steps[-1] == 0
    distances = schedule.log_snr()[steps].diff()
    assert distances.max() < 2 * distances.min()
