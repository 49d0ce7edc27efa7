import torch

from rvd.diffusion.schedule import cosine_schedule


def test_cosine_schedule_of_the_paper():
    schedule = cosine_schedule(1600)
    assert len(schedule) == 1600
    assert schedule.beta.max() <= 0.999
    assert (schedule.beta > 0).all()
    assert schedule.alpha_bar[0] > 0.9999
    assert 0 < schedule.alpha_bar[-1] < 1e-8
    assert (schedule.log_snr().diff() < 0).all()


def test_noise_is_added_at_each_samples_own_step():
    schedule = cosine_schedule(100)
    clean, noise = torch.full((2, 3), 2.0), torch.full((2, 3), -1.0)
    noisy = schedule.add_noise(clean, noise, torch.tensor([5, 80]))
    for row, step in enumerate((5, 80)):
        alpha_bar = schedule.alpha_bar[step]
        expected = 2 * alpha_bar.sqrt() - (1 - alpha_bar).sqrt()
        torch.testing.assert_close(noisy[row].double(), expected.expand(3), rtol=1e-6, atol=1e-6)
