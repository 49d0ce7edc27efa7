"""Micro-batches and activation checkpointing change a step's memory, not its result."""

import dataclasses

import pytest
import torch
from pydantic import ValidationError

from rvd.config.errors import ConfigError
from rvd.experiment.loading import experiment_from_mapping
from rvd.models.layers.checkpointing import Checkpointing
from rvd.models.noise import batch_noise, micro_batches, training_noise
from rvd.models.registry import build
from tests.models.tiny_models import TINY, built
from tests.tiny import config

CLIPS = 4
BATCH_NORM = dataclasses.replace(
    TINY["svg-lp"], values=TINY["svg-lp"].values | {"normalisation": "batch"}
)
MODELS = TINY | {"svg-lp, batch": BATCH_NORM}
# FutureGAN's critic compares the clips of a batch, so that it has no micro-batches.
SPLIT = [kind for kind in MODELS if kind != "future-gan"]
# Models with moments of the batch, or with a power iteration at each pass.
STATISTICAL = ["svg-lp, batch", "dvd-gan"]


def video_for(model):
    generator = torch.Generator().manual_seed(7)
    training = model.config.training
    shape = (CLIPS, training.clip_length, model.channels, model.size, model.size)
    return torch.rand(shape, generator=generator, dtype=torch.float64)


def gradients(model, player, rows):
    """Return a player's gradients with micro-batches of ``rows``, mean loss and next noise."""
    video = video_for(model)
    count = CLIPS // rows
    total = 0.0
    model.zero_grad()
    torch.manual_seed(3)
    for part in micro_batches(video, rows):
        loss = model(part, player)["loss"] / count
        loss.backward()
        total += float(loss.detach())
    after = torch.rand(1)
    slopes = {
        name: parameter.grad.clone()
        for name, parameter in model.players[player].named_parameters()
        if parameter.grad is not None
    }
    return slopes, total, after


def both(kind, player, rows, *, training):
    found = []
    for parts in (CLIPS, rows):
        model = MODELS[kind].model().double().train(training)
        found.append(gradients(model, player, parts))
    return found


def players(kinds):
    return [(kind, player) for kind in kinds for player in MODELS[kind].model().players]


def assert_equal(one, other):
    (slopes, loss, after), (others, other_loss, other_after) = one, other
    assert other_loss == pytest.approx(loss, rel=1e-9)
    assert slopes.keys() == others.keys()
    largest = max(float(slope.abs().max()) for slope in slopes.values())
    assert largest > 0
    for name, slope in slopes.items():
        torch.testing.assert_close(others[name], slope, rtol=1e-7, atol=1e-9 * largest)
    assert torch.equal(after, other_after)  # the generator is in the same state


@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(
    ("kind", "player"), players([kind for kind in SPLIT if kind not in STATISTICAL])
)
def test_micro_batches_have_the_gradient_of_the_batch(kind, player, rows):
    assert_equal(*both(kind, player, rows, training=True))


@pytest.mark.parametrize(("kind", "player"), players(STATISTICAL))
def test_micro_batches_differ_by_statistics_of_the_batch_alone(kind, player):
    """With fixed moments and power iterations they have the gradient of the batch."""
    (slopes, _, _), (others, _, _) = both(kind, player, 2, training=True)
    assert any(not torch.allclose(others[name], slope) for name, slope in slopes.items())
    assert_equal(*both(kind, player, 2, training=False))


def test_running_statistics_see_every_micro_batch():
    model = BATCH_NORM.model().double()
    gradients(model, "model", 2)
    norm = model.encoder.stages[0][0][1]
    assert int(norm.num_batches_tracked) == 2


def test_micro_batches_share_the_noise_of_the_batch():
    video = torch.zeros(6, 2)
    torch.manual_seed(0)
    whole = batch_noise(lambda rows: torch.rand(rows, 3), 6), training_noise(video)
    torch.manual_seed(0)
    parts = [
        (batch_noise(lambda rows: torch.rand(rows, 3), len(part)), training_noise(part))
        for part in micro_batches(video, 2)
    ]
    for index, noise in enumerate(whole):
        assert torch.equal(torch.cat([part[index] for part in parts]), noise)
    assert len(batch_noise(torch.rand, 6)) == 6  # not a micro-batch any more


def test_a_failed_micro_batch_ends_the_splitting():
    def fail():
        for _ in micro_batches(torch.zeros(4, 1), 2):
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert len(batch_noise(torch.rand, 4)) == 4


@pytest.mark.parametrize("kind", ["rvd", "svg-lp", "svg-lp, batch", "ivrnn"])
def test_checkpointing_changes_neither_gradients_nor_statistics(kind):
    found = []
    for checkpointing in (False, True):
        tiny = MODELS[kind]
        model = built(tiny.section(gradient_checkpointing=checkpointing), tiny.size)
        tiny.readied(model)
        networks = [module for module in model.modules() if isinstance(module, Checkpointing)]
        assert networks
        assert all(network.checkpointed is checkpointing for network in networks)
        slopes, _, _ = gradients(model.double(), "model", CLIPS)
        found.append((slopes, dict(model.named_buffers()), model))
    (slopes, buffers, _), (others, other_buffers, model) = found
    for name, slope in slopes.items():
        torch.testing.assert_close(others[name], slope)
    for name, value in buffers.items():
        assert torch.equal(other_buffers[name], value), name
    momenta = {m.momentum for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert momenta <= {0.1}


@pytest.mark.parametrize("kind", ["rvd", "svg-lp", "svg-lp, batch", "ivrnn"])
def test_checkpointing_keeps_less(kind):
    kept = []
    for checkpointing in (False, True):
        tiny = MODELS[kind]
        model = build(tiny.section(gradient_checkpointing=checkpointing), tiny.size, 1)
        sizes = {}

        def note(tensor, sizes=sizes):
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            model(video_for(model).float())
        kept.append(sum(sizes.values()))
    assert kept[1] < 0.8 * kept[0]


@pytest.mark.parametrize("kind", ["dvd-gan", "future-gan", "retrospective-cycle-gan"])
def test_checkpointing_is_refused_where_it_does_nothing(kind):
    section = TINY[kind].section(gradient_checkpointing=True)
    assert section.why_not_size(TINY[kind].size).startswith("training.gradient_checkpointing: ")
    assert "gradient_checkpointing" not in section.remedy_of_memory(TINY[kind].size)


def test_that_refusal_is_one_line_when_the_config_is_read():
    values = config()
    section = TINY["future-gan"].section(gradient_checkpointing=True)
    values["models"]["gan"] = section.model_dump(mode="json")
    values["run"] |= {"models": ["gan"]}
    with pytest.raises(ConfigError, match=r"^models\.gan\.training\.grad") as caught:
        experiment_from_mapping(values)
    assert "\n" not in str(caught.value)


def test_future_gan_refuses_micro_batches():
    with pytest.raises(ValidationError, match="its critic compares the clips of a batch"):
        TINY["future-gan"].section(micro_batch={16: 1})
    assert "levels.<resolution>.batch" in TINY["future-gan"].section().remedy_of_memory(16)


@pytest.mark.parametrize("kind", ["rvd", "svg-lp", "ivrnn"])
def test_the_remedy_names_the_settings_that_would_help(kind):
    def remedy(**training):
        return TINY[kind].section(batch={16: 8}, **training).remedy_of_memory(16)

    micro_batch = "set training.micro_batch: {16: 4} (now 8)"
    checkpointing = "set training.gradient_checkpointing: true"
    assert remedy() == f"{micro_batch}, or {checkpointing}"
    assert remedy(gradient_checkpointing=True) == micro_batch
    assert remedy(micro_batch={16: 1}) == checkpointing
    assert "machine" in remedy(micro_batch={16: 1}, gradient_checkpointing=True)


def test_unset_micro_batches_are_not_written():
    """Checkpoints and predictor files from earlier versions still agree."""
    for tiny in MODELS.values():
        section = tiny.section()
        for values in (
            section.model_dump(mode="json"),
            section.model_dump(),
            section.training_fingerprint(),
        ):
            assert "micro_batch" not in values["training"]
        assert "micro_batch" not in section.model_dump_json()


@pytest.mark.parametrize("kind", SPLIT)
def test_micro_batches_are_in_the_training_fingerprint_where_statistics_depend_on_them(kind):
    whole = MODELS[kind].section(batch={16: 4})
    split = MODELS[kind].section(batch={16: 4}, micro_batch={16: 2})
    unsplit = MODELS[kind].section(batch={16: 4}, micro_batch={16: 4})
    assert (split.training_fingerprint() != whole.training_fingerprint()) is (kind in STATISTICAL)
    assert unsplit.training_fingerprint() == whole.training_fingerprint()
    assert type(split).model_validate(split.model_dump(mode="json")) == split
