import torch

from rvd.diffusion.schedule import clean_from_noise, clean_from_velocity, cosine_schedule, velocity


def test_cosine_schedule_of_the_paper():
    schedule = cosine_schedule(1600)
    assert len(schedule) == 1600
    assert schedule.beta.max() <= 0.999
    assert (schedule.beta > 0).all()
    assert schedule.alpha_bar[0] > 0.9999
    assert 0 < schedule.alpha_bar[-1] < 1e-8
    assert (schedule.log_snr().diff() < 0).all()


def test_noise_and_velocity_imply_the_clean_value():
    schedule = cosine_schedule(100)
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 8, 3, dtype=torch.float64, generator=generator)
    step = torch.arange(0, 96, 12)
    noisy = schedule.signal(step, clean) * clean + schedule.noise(step, clean) * noise
    v = velocity(clean, noise, schedule, step)
    torch.testing.assert_close(clean_from_noise(noisy, noise, schedule, step), clean)
    torch.testing.assert_close(clean_from_velocity(noisy, v, schedule, step), clean)
