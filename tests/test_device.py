"""The layout of a computation changes only rounding."""

import copy
import os

import jaxtyping
import pytest
import torch

from rvd.config.compute import ComputeConfig
from rvd.errors import UserError
from rvd.experiment import ConfigError
from rvd.models.noise import seeded_noise
from rvd.models.registry import build
from rvd.runtime import device
from tests.models.tiny_models import TINY
from tests.tiny import SIZE, experiment


def model():
    torch.manual_seed(0)
    return build(experiment().models["rvd"], SIZE, 1).double()


def loss_of(module, video):
    torch.manual_seed(1)
    return module(video)["loss"]


def test_channels_last_computes_the_same(tmp_path):
    plain = model()
    laid_out = copy.deepcopy(plain)
    device.prepare(laid_out, ComputeConfig(gpus=0, threads=1, channels_last=True))
    assert any(
        p.dim() == 4 and p.is_contiguous(memory_format=torch.channels_last) and p.shape[2] > 1
        for p in laid_out.parameters()
    )
    video = torch.rand(2, 4, 1, SIZE, SIZE, dtype=torch.float64)
    torch.testing.assert_close(loss_of(laid_out, video), loss_of(plain, video))
    forecasts = [m.predict(video[:, :2], 2, 2, seeded_noise([0, 1])) for m in (plain, laid_out)]
    torch.testing.assert_close(*forecasts)


def test_the_training_pass_is_one_graph(monkeypatch):
    """Code that torch.compile cannot trace breaks its graph, and CUDA graphs with it."""
    # The checks of shapes in tests are such code.
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    module, video = model(), torch.rand(2, 4, 1, SIZE, SIZE, dtype=torch.float64)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    torch.testing.assert_close(loss_of(compiled, video), loss_of(module, video))


def test_compilation_is_asked_for_by_config():
    module = model()
    device.compiled(module, ComputeConfig(gpus=0, threads=1))
    assert module._compiled_call_impl is None
    device.compiled(module, ComputeConfig(gpus=0, threads=1, compile="default"))
    assert module._compiled_call_impl is not None


@pytest.fixture
def on_a_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(device, "find_spec", lambda name: object())
    monkeypatch.setattr(device.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_compilation_is_automatic_on_a_gpu_that_can(monkeypatch, on_a_gpu):
    automatic = ComputeConfig(gpus=1, threads=1)
    assert device.compile_mode(automatic) == "default"
    assert device.compile_mode(ComputeConfig(gpus=0, threads=1)) == "none"
    by_model = ComputeConfig(gpus=1, threads=1, compile={"rvd": "cuda-graph", "svg-lp": "none"})
    assert [device.compile_mode(by_model, name) for name in ("rvd", "svg-lp", "ivrnn")] == [
        "cuda-graph",
        "none",
        "default",
    ]
    monkeypatch.setattr(device.shutil, "which", lambda name: None)
    assert device.compile_mode(automatic) == "none"


def test_a_name_of_compile_is_that_of_a_model():
    compute = {"gpus": 0, "threads": 1, "compile": {"rvf": "default"}}
    with pytest.raises(ConfigError, match=r"compute\.compile: 'rvf' does not exist; there are"):
        experiment(compute=compute)


def test_the_critic_of_future_gan_is_not_compiled():
    predictor = TINY["future-gan"].model()
    assert predictor.compiled_in_training == (predictor.generator,)
    others = [tiny.model() for kind, tiny in TINY.items() if kind != "future-gan"]
    assert all(model.compiled_in_training == (model,) for model in others)


def test_no_gpus_keeps_the_whole_process_to_the_cpu(on_a_gpu):
    device.apply(ComputeConfig(gpus=0, threads=1))
    assert device.best_device().type == "cpu"
    device.apply(ComputeConfig(gpus=1, threads=1))
    assert device.best_device().type == "cuda"


def test_a_gpu_that_is_asked_for_and_absent_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"^compute.gpus: 1, but PyTorch sees no GPU.* to score on"):
        device.require_gpu(ComputeConfig(gpus=1, threads=1), "score")
    device.require_gpu(ComputeConfig(gpus=0, threads=1), "score")


def test_deterministic_algorithms_are_as_the_config_says(monkeypatch):
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    device.apply(ComputeConfig(gpus=0, threads=1, deterministic=True))
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == device.CUBLAS_WORKSPACE
    device.apply(ComputeConfig(gpus=0, threads=1))
    assert not torch.are_deterministic_algorithms_enabled()


def test_tf32_is_as_the_config_says():
    before = torch.backends.cudnn.allow_tf32
    for wanted in (False, True):
        device.apply(ComputeConfig(gpus=0, threads=1, tf32=wanted))
        assert torch.backends.cuda.matmul.allow_tf32 is wanted
        assert torch.backends.cudnn.allow_tf32 is wanted
    torch.backends.cudnn.allow_tf32 = before


@pytest.mark.parametrize(("supported", "said"), [(False, "by software"), (True, "")])
def test_slow_bfloat16_is_said(monkeypatch, capsys, supported, said):
    monkeypatch.setattr(device, "bfloat16_in_hardware", lambda *_: supported)
    device.warn_of_slow_precision("bfloat16")
    assert said in capsys.readouterr().err
    device.warn_of_slow_precision("float32")
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("wanted", "found", "seen"), [(1, 0, "no GPU"), (4, 2, "only 2")])
def test_training_on_fewer_gpus_than_the_config_says_is_refused(monkeypatch, wanted, found, seen):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: found > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: found)
    with pytest.raises(UserError, match=rf"^compute.gpus: {wanted}, but PyTorch sees {seen} here"):
        device.require_gpus(ComputeConfig(gpus=wanted, threads=1))
    device.require_gpus(ComputeConfig(gpus=0, threads=1))
    device.require_gpus(ComputeConfig(gpus=found, threads=1))


def test_each_node_needs_gpus_for_its_own_processes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "run")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    device.require_gpus(ComputeConfig(gpus=8, threads=1))
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    with pytest.raises(UserError, match="only 4 for 8 processes here"):
        device.require_gpus(ComputeConfig(gpus=8, threads=1))


def test_no_gpus_keeps_to_the_cpu_on_a_machine_with_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.device_for(ComputeConfig(gpus=0, threads=1)).type == "cpu"
    assert device.device_for(ComputeConfig(gpus=1, threads=1)).type == "cuda"


@pytest.mark.parametrize(
    ("has", "expected"),
    [({"avx512_f": True}, False), ({"avx512_bf16": True}, True), ({"bf16": True}, True)],
)
def test_plain_avx_512_only_emulates_bfloat16(monkeypatch, has, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    assert device.bfloat16_in_hardware(torch.device("cpu")) is expected


def test_old_gpus_only_emulate_bfloat16(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **given: bool(asked.append(given)))
    assert not device.bfloat16_in_hardware(torch.device("cuda"))
    assert asked == [{"including_emulation": False}]
