"""Checkpoints of adversarial models, with the critics under another name."""

import copy

import pytest
import torch
from torch.optim.swa_utils import AveragedModel

from tests.models.tiny_models import TINY, built

KINDS = ["retrospective-cycle-gan", "dvd-gan", "future-gan"]


def pair(kind):
    """Return two models of one kind with different weights."""
    tiny = TINY[kind]
    return tuple(built(tiny.section(), tiny.size, seed=seed) for seed in (0, 1))


def renamed(tensors, old, new):
    """Return a state dict with the names that start with ``old`` changed to ``new``."""
    other = copy.copy(tensors)
    for name in [name for name in other if name.startswith(old)]:
        other[new + name[len(old) :]] = other.pop(name)
    assert other.keys() != tensors.keys()
    return other


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


@pytest.mark.parametrize("kind", KINDS)
def test_critics_under_another_name_are_loaded(kind, tmp_path):
    saved, loaded = pair(kind)
    torch.save(renamed(saved.state_dict(), "critics.", "before."), tmp_path / "state.pt")
    loaded.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert_equal(loaded.state_dict(), saved.state_dict())


@pytest.mark.parametrize("kind", KINDS)
def test_so_are_those_of_a_moving_average(kind):
    saved, loaded = map(AveragedModel, pair(kind))
    loaded.load_state_dict(renamed(saved.state_dict(), "module.critics.", "module.before."))
    assert_equal(loaded.state_dict(), saved.state_dict())


def test_a_state_dict_is_not_changed_by_loading():
    saved, loaded = pair("future-gan")
    tensors = renamed(saved.state_dict(), "critics.", "before.")
    names = list(tensors)
    loaded.load_state_dict(tensors)
    assert list(tensors) == names


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_next_to_the_critics_are_refused(kind):
    saved, loaded = pair(kind)
    tensors = saved.state_dict() | {"other.weight": torch.zeros(1)}
    with pytest.raises(RuntimeError, match=r"Unexpected key.*other\.weight"):
        loaded.load_state_dict(tensors)


def test_tensors_of_two_unknown_names_are_refused():
    saved, loaded = pair("future-gan")
    tensors = renamed(saved.state_dict(), "critics.", "before.")
    with pytest.raises(RuntimeError, match=r"Missing key.*critics"):
        loaded.load_state_dict(tensors | {"other.weight": torch.zeros(1)})


def test_a_predictor_without_critics_takes_no_others():
    saved, loaded = pair("future-gan")
    del loaded.critics
    with pytest.raises(RuntimeError, match=r"Unexpected key.*before\."):
        loaded.load_state_dict(renamed(saved.state_dict(), "critics.", "before."))
