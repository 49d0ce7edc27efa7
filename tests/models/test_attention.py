"""Linear attention, computed in the order that is fastest for its number of channels."""

import pytest
import torch

from rvd.models.layers.attention import ChannelNorm, LinearAttention


@pytest.mark.parametrize("channels", [8, 16, 48, 127])
def test_both_orders_of_multiplication_are_equal(channels):
    torch.manual_seed(0)
    attention = LinearAttention(channels).double()
    x = torch.randn(3, channels, 6, 5, dtype=torch.float64)
    found, expected = [], []
    for results, order in ((found, attention._of_few_channels), (expected, attention._mixed)):
        given = x.clone().requires_grad_()
        attention.zero_grad()
        mixed = order(given)
        mixed.square().sum().backward()
        slopes = [p.grad for p in attention.parameters() if p.grad is not None]
        results += [mixed.detach(), given.grad, *slopes]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("channels", [16, 127, 128, 200])
def test_the_order_is_that_of_the_number_of_channels(channels, monkeypatch):
    attention = LinearAttention(channels)
    used = "_of_few_channels" if channels < 128 else "_mixed"
    monkeypatch.setattr(attention, used, lambda x: torch.zeros_like(x))
    x = torch.randn(1, channels, 4, 4)
    torch.testing.assert_close(attention(x), x)


def test_the_norm_is_that_of_torch():
    norm = ChannelNorm(12).double()
    torch.nn.init.normal_(norm.gain)
    torch.nn.init.normal_(norm.bias)
    x = 100 + torch.randn(2, 12, 4, 3, dtype=torch.float64)
    expected = torch.nn.functional.layer_norm(
        x.movedim(1, -1), (12,), norm.gain, norm.bias, norm.EPSILON
    )
    torch.testing.assert_close(norm(x), expected.movedim(-1, 1))
