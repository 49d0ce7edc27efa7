import pytest
import torch
from torch import nn

from rvd.models.files import parameters
from rvd.models.noise import seeded_noise
from rvd.models.retro_gan.model import EDGES, Ends
from tests.models.assertions import assert_bfloat16_is_near
from tests.models.tiny_models import TINY, built, section
from tests.tiny import SIZE

VALUES = TINY["retrospective-cycle-gan"].values


def tiny(size=SIZE, **training):
    return section(VALUES, size, **{"future": 1} | training)


def test_parameters_are_those_of_the_source():
    published = section({"kind": "retrospective-cycle-gan"}, 64, future=1)
    with torch.device("meta"):
        model = built(published, 64, 3)
    assert parameters(model.generator) == pytest.approx(11.8e6, rel=0.02)


def test_losses_of_each_player():
    model = built(tiny(), SIZE)
    video = torch.rand(1, 5, 1, SIZE, SIZE)
    generator, critics = (model(video, player) for player in ("generator", "critics"))
    assert generator.keys() == {"loss", "image", "edge", "frame", "sequence", "diversity"}
    assert critics.keys() == {"loss", "frame", "sequence"}


def test_forecasts_are_of_the_last_frames():
    model = built(tiny(), SIZE)
    context = torch.rand(1, 6, 1, SIZE, SIZE)
    forecasts = [model.predict(c, 2, 1, seeded_noise([0])) for c in (context, context[:, 2:])]
    assert torch.equal(*forecasts)


class Recorded(nn.Module):
    """A generator that records its inputs, and returns their mean plus 100."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def forward(self, x):
        self.inputs.append(x)
        return x.mean(1, keepdim=True) + 100


def test_the_cycle_runs_forwards_and_backwards():
    """The order of real, predicted and reversed frames, shown by numbered ones."""
    model = built(tiny(), SIZE)
    model.generator = Recorded()
    window = torch.arange(5.0).view(1, 5, 1, 1, 1).expand(1, 5, 1, SIZE, SIZE)
    once, twice = model._fake(window)
    given = [row[:, 0, 0].tolist() for batch in model.generator.inputs for row in batch]
    assert given == [[0, 1, 2, 3], [4, 3, 2, 1], [102.5, 1, 2, 3], [101.5, 3, 2, 1]]
    assert (once.last[0, 0, 0, 0], once.first[0, 0, 0, 0]) == (101.5, 102.5)
    _, sequences = model._fake_inputs(window, once, twice)
    assert sequences[:, :, 0, 0].tolist() == [
        [0, 1, 2, 3, 101.5],
        [102.5, 1, 2, 3, 4],
        [102.5, 1, 2, 3, twice.last[0, 0, 0, 0]],
        [twice.first[0, 0, 0, 0], 1, 2, 3, 101.5],
    ]


def test_the_edge_kernel_is_symmetric_and_of_sum_zero():
    kernel = torch.tensor(EDGES)
    assert kernel.sum() == 0
    for axis in (0, 1):
        assert torch.equal(kernel, kernel.flip(axis))
    assert torch.equal(kernel, kernel.T)


def test_flat_frames_and_slopes_have_no_edges():
    model = built(tiny(), SIZE)
    slope = torch.linspace(0, 1, SIZE, dtype=torch.float64).expand(1, 1, SIZE, SIZE)
    torch.testing.assert_close(model._edges(slope), torch.zeros(1, 1, 12, 12).double())


def test_each_row_has_equal_weight_for_the_critics():
    """(2 real + 4 fake)/6 and (1 real + 4 fake)/5, as in the source."""
    model = built(tiny(), SIZE)
    for name in model.critics:
        # A score of 3 for everything: 4 from "real", 9 from "fake".
        model.critics[name] = nn.Sequential(nn.AvgPool2d(SIZE), Constant(3.0))
    window, ends = torch.zeros(2, 5, 1, SIZE, SIZE), Ends(*torch.zeros(2, 2, 1, SIZE, SIZE))
    losses = model._critic_losses(window, ends, ends)
    assert losses["frame"] == pytest.approx((2 * 4 + 4 * 9) / 6)
    assert losses["sequence"] == pytest.approx((1 * 4 + 4 * 9) / 5)


class Constant(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x):
        return torch.full_like(x[:, :1], self.value)


def test_players_have_separate_gradients():
    model = built(tiny(), SIZE)
    video = torch.rand(2, 5, 1, SIZE, SIZE)
    model(video, "critics")["loss"].backward()
    assert all(parameter.grad is None for parameter in model.generator.parameters())
    assert all(parameter.grad is not None for parameter in model.critics.parameters())


def test_bfloat16_is_near_float32():
    assert_bfloat16_is_near(built(tiny(), SIZE), torch.rand(2, 5, 1, SIZE, SIZE))


@pytest.mark.parametrize(
    ("size", "message"), [(18, "multiple of 4"), (4, "need 8"), (32, "no entry for images of 32")]
)
def test_sizes_that_it_cannot_take_are_refused(size, message):
    assert message in tiny().why_not_size(size)


def test_other_clips_are_refused():
    with pytest.raises(ValueError, match="one frame after its context"):
        section(VALUES, SIZE, future=4)
    assert "sees 4 frames, not 3" in tiny().why_not_context(3)
    assert tiny().why_not_context(5) is None
