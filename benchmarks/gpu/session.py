"""One session: its device, sizes and end, and rows that are measured once."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState

from benchmarks.gpu.rows import PAPER, Case, Row, finished
from rvd.config.compute import CompileMode, ComputeConfig
from rvd.config.trained import TrainedModelConfig
from rvd.experiment.loading import load_experiment
from rvd.models.registry import build
from rvd.runtime import device
from rvd.training.steps import TrainingSteps

CONFIG = Path(__file__).parents[2] / "config"


@dataclass(frozen=True)
class Session:
    """The settings of a session's stages, and their end.

    Attributes:
        device: ``cuda``, or ``cpu`` for a trial.
        folder: Folder of the results.
        ends: Value of ``time.monotonic()`` after which no measurement starts.
        small: Config files of models that are checked for correctness; the last entries override.
        large: Config files of models whose speed is measured.
        cases: Sizes of the models whose speed is measured.
        steps: Timed steps of each measurement.
        models: Names of the models; empty for all.
    """

    device: str
    folder: Path
    ends: float
    small: tuple[Path, ...] = (CONFIG / "config.yaml", CONFIG / "demo.yaml")
    large: tuple[Path, ...] = (CONFIG / "config.yaml",)
    cases: tuple[Case, ...] = PAPER
    steps: int = 20
    models: tuple[str, ...] = ()

    @property
    def on_gpu(self) -> bool:
        """True on a GPU."""
        return self.device == "cuda"

    def left(self) -> float:
        """Return the seconds until the end, which may be negative."""
        return self.ends - time.monotonic()

    def sections(self, paths: tuple[Path, ...]) -> dict[str, TrainedModelConfig]:
        """Return the models of a config that are trained and chosen, by name."""
        return {
            name: section
            for name, section in load_experiment(list(paths)).models.items()
            if isinstance(section, TrainedModelConfig) and name in (self.models or (name,))
        }

    def row(self, compute: Callable[[], Row], **key: str) -> Iterator[Row]:
        """Yield the result of ``compute`` as one row, unless an earlier command measured it.

        After the session's end the row is named as skipped, so that a later command measures it;
        so is one that failed, with the first line of its error.
        """
        if any(key.items() <= row.items() for row in finished(self.folder)):
            return
        if self.left() <= 0:
            yield {**key, "skipped": "no time left"}
            return
        start = time.monotonic()
        try:
            reset(self.device)
            found = compute()
        except Exception as error:  # other rows are measured all the same
            first = (str(error).splitlines() or [""])[0]
            found = {"error": f"{type(error).__name__}: {first}"[:300]}
        yield {**key, **found, "seconds": round(time.monotonic() - start, 1)}


def reset(where: str) -> None:
    """Forget the precision, graphs and memory of the measurement before."""
    AcceleratorState._reset_state(reset_partial_state=True)
    if "torch._dynamo" in sys.modules:
        torch.compiler.reset()
    gc.collect()
    if where == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


@dataclass(frozen=True)
class Variant:
    """One way to compute training steps and forecasts."""

    precision: str = "float32"
    compile: CompileMode = "none"
    channels_last: bool = False
    tf32: bool = True

    @property
    def on_cpus(self) -> bool:
        """True where a trial on a CPU takes seconds."""
        return self.compile == "none"

    def compute(self, where: str) -> ComputeConfig:
        """Return the config's section for this variant."""
        return ComputeConfig(
            gpus=int(where == "cuda"),
            threads=torch.get_num_threads(),
            tf32=self.tf32,
            channels_last=self.channels_last,
            compile=self.compile,
        )


VARIANTS = {
    "float32 (TF32)": Variant(),
    "bfloat16": Variant("bfloat16"),
    "bfloat16, compiled": Variant("bfloat16", "default", channels_last=True),
    "bfloat16, compiled, CUDA graph": Variant("bfloat16", "cuda-graph", channels_last=True),
}


def training_steps(
    section: TrainedModelConfig, case: Case, variant: Variant, where: str
) -> TrainingSteps:
    """Return the training steps of a model with the initial weights of seed 0."""
    compute = variant.compute(where)
    device.apply(compute)
    torch.manual_seed(0)
    predictor = build(section, case.size, case.channels)
    device.prepare(predictor, compute)
    for module in predictor.compiled_in_training:
        device.compiled(module, compute)
    accelerator = Accelerator(
        mixed_precision="bf16" if variant.precision == "bfloat16" else "no", cpu=where == "cpu"
    )
    graphed = variant.compile == "cuda-graph"
    return TrainingSteps(accelerator, predictor, section.training, 0, graphed=graphed)


def clips(section: TrainedModelConfig, case: Case, batch: int, where: str, seed: int = 0) -> Any:
    """Return random clips (clip, frame, channel, height, width), equal on all devices."""
    shape = (batch, section.training.clip_length, case.channels, case.size, case.size)
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed)).to(where)
