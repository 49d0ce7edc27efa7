"""The training loop: it knows steps, optimisers and checkpoints, and no model."""

from __future__ import annotations

import math
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from rvd.config.trained import Stage, TrainedModelConfig
from rvd.config.training import PlayerConfig, TrainingConfig
from rvd.errors import UserError
from rvd.models.base import VideoPredictor
from rvd.models.files import save
from rvd.models.noise import micro_batches
from rvd.runtime.interruption import Interrupted, StopRequest, exclusive, stop_requests
from rvd.runtime.memory import enough_memory
from rvd.runtime.progress import progress
from rvd.training.checkpoint import first_not_finite, load_checkpoint, save_checkpoint
from rvd.training.history import History
from rvd.training.journal import Journal, write_curve
from rvd.training.rate import learning_rate
from rvd.training.validation import Validation
from rvd.video.clips import ClipStream, stored_to_unit, training_loader
from rvd.video.file import VideoFile

AGAINST_INFINITY = "A smaller learning_rate, a gradient_clip or float32 may help"


@dataclass(frozen=True)
class TrainingTask:
    """One training: what to train on, where its state is kept, and what it makes.

    ``stamp`` holds all that the weights depend on beside the model's own config.
    """

    name: str
    video: Path
    augmentation: str
    seed: int
    stamp: dict[str, Any]
    checkpoints: Path
    output: Path
    curve: Path


def train(
    predictor: VideoPredictor, settings: TrainingConfig, task: TrainingTask, *, gpu: bool = True
) -> None:
    """Train ``predictor``, from its last checkpoint when there is one.

    The weights depend on config and seed alone: interrupted and resumed anywhere, they are the same
    to the last bit (on one kind of machine, in one process).

    Args:
        predictor: the model; its weights are replaced.
        settings: how to train it.
        task: on what, and where to.
        gpu: train on a GPU if there is one; False keeps to the CPU.

    Raises:
        Interrupted: TERM or INT came; the state is saved.
        UserError: the loss is not finite, another trainer is at work in the folder, the checkpoint
            is of another config, the disk is full, or memory is not enough.
    """
    with stop_requests() as stop:
        mixed = "bf16" if settings.precision == "bfloat16" else "no"
        # With several players each pass leaves the weights of the others without gradients.
        parallel = DistributedDataParallelKwargs(find_unused_parameters=len(predictor.players) > 1)
        accelerator = Accelerator(
            mixed_precision=mixed,
            cpu=not (gpu and torch.cuda.is_available()),
            kwargs_handlers=[parallel],
        )
        # One process of several writes, and holds the folder for all of them.
        main = accelerator.is_main_process
        with exclusive(task.checkpoints) if main else nullcontext():
            history = History(task.checkpoints) if main else None
            trainer = _Trainer(accelerator, predictor, settings, task, history)
            remedy = trainer.config.remedy_of_memory(predictor.size)
            with trainer.attempt(), enough_memory("a training step", remedy):
                trainer.run(stop)


class _Trainer:
    """The state of a training and its steps."""

    def __init__(
        self,
        accelerator: Accelerator,
        predictor: VideoPredictor,
        settings: TrainingConfig,
        task: TrainingTask,
        history: History | None,
    ) -> None:
        self.accelerator, self.settings, self.task = accelerator, settings, task
        self.history = history
        optimisers = {
            player: torch.optim.Adam(
                module.parameters(),
                lr=settings.learning_rate.initial,
                betas=settings.betas,
                weight_decay=settings.weight_decay,
            )
            for player, module in predictor.players.items()
        }
        if foreign := settings.players.keys() - optimisers.keys():
            raise UserError(
                f"training.players: '{min(foreign)}' is none of {', '.join(optimisers)}"
            )
        self.predictor = predictor.to(self.accelerator.device).train()
        self.model: nn.Module = self.accelerator.prepare(self.predictor)
        self.optimisers = {
            player: self.accelerator.prepare(optimiser) for player, optimiser in optimisers.items()
        }
        self.average = self._averaged()
        config: Any = predictor.config
        self.config: TrainedModelConfig = config
        self.stamp = task.stamp | {"model": self.config.training_fingerprint(), "seed": task.seed}
        self.step = 0
        self.saved = -1
        passed_over = history.damaged if history else None
        found = load_checkpoint(task.checkpoints, self.stamp, passed_over)
        if found is not None:
            self.step, state = found
            self.saved = self.step
            self._restore(state)

    def attempt(self) -> AbstractContextManager[None]:
        """Keeps the history of this attempt, and says how many clips a step has."""
        if self.history is None:
            return nullcontext()
        processes = self.accelerator.num_processes
        batch = _batch_at(self.config, self.predictor.size, self.step)
        if processes > 1:
            print(
                f"{self.task.name}: {processes} processes with {batch} clips each, which is an "
                f"effective batch of {processes * batch}",
                file=sys.stderr,
            )
        return self.history.attempt(self.step, processes=processes, batch=processes * batch)

    def run(self, stop: StopRequest) -> None:
        """All steps that are left, then the outputs."""
        settings, task = self.settings, self.task
        stream = ClipStream(
            task.video,
            settings.clip_length,
            partial(_batch_at, self.config, self.predictor.size),
            task.seed,
            settings.steps,
            task.augmentation,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        loader = training_loader(stream, self.step, settings.workers)
        main = self.accelerator.is_main_process
        with (
            VideoFile(task.video) as videos,
            Journal(task.checkpoints, self.step) if main else nullcontext() as journal,
            progress(settings.steps, f"train {task.name}", "step", self.step, shown=main) as bar,
        ):
            validation = Validation(videos, settings.context, task.checkpoints / "pictures")
            watch = _Watch(bar, journal, settings.journal_every)
            for clips in loader:
                losses = self._step(stored_to_unit(clips.to(self.accelerator.device)))
                watch.note(self.step, losses)
                self._intervals(watch, validation, journal, stop)
            if self.saved != self.step:
                self._save(watch)
            if journal is not None:
                validation.show(self._exported(), self.step, journal)
        if main:
            write_curve(task.checkpoints / "journal.jsonl", task.curve)
            provenance = task.stamp | {"seed": task.seed, "steps": self.step}
            save(self._exported(), task.output, provenance)

    def _step(self, video: Tensor) -> dict[str, Tensor]:
        """One step of every player whose turn it is; their named losses."""
        # All randomness of a step follows from its number, so that a resumed step repeats it.
        sequence = np.random.SeedSequence([self.task.seed, self.step])
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0] >> 1))
        stage: Stage = self.config.stage(self.step, self.predictor.size)
        self.predictor.begin_step(self.step)
        rate = stage.rate * learning_rate(
            self.settings.learning_rate, self.step, self.settings.steps
        )
        found: dict[str, Tensor] = {}
        for player, optimiser in self.optimisers.items():
            settings = self.settings.players.get(player, PlayerConfig())
            if stage.fresh:
                optimiser.state.clear()
            for group in optimiser.param_groups:
                group["lr"] = rate * settings.rate
            if (self.step + 1) % settings.every == 0:
                losses = self._play(player, optimiser, video)
                prefix = "" if len(self.optimisers) == 1 else f"{player}_"
                found |= {prefix + name: value for name, value in losses.items()}
        self.step += 1
        average = self.settings.average
        due = average and self.step >= average.start and self.step % average.every == 0
        if due and self.average is not None:
            self.average.update_parameters(self.predictor)
        return found | {"learning_rate": torch.tensor(rate)}

    def _play(self, player: str, optimiser: Any, video: Tensor) -> dict[str, Tensor]:
        """One player's step; its named losses."""
        players = self.predictor.players
        for module in players.values():
            module.requires_grad_(module is players[player])
        optimiser.zero_grad(set_to_none=True)
        losses = self._accumulate(player, video)
        if self.settings.gradient_clip is not None:
            losses["gradient_norm"] = self.accelerator.clip_grad_norm_(
                players[player].parameters(), self.settings.gradient_clip
            )
        optimiser.step()
        return {name: self.accelerator.reduce(value, "mean") for name, value in losses.items()}

    def _accumulate(self, player: str, video: Tensor) -> dict[str, Tensor]:
        """Add up the gradients of the batch's micro-batches; the means of their named losses.

        Each loss is divided by their number, so that the sum is the gradient of the whole batch
        where its loss is a mean over clips. Processes exchange gradients once, after the last.
        """
        clips = self.settings.micro_batch.get(self.predictor.size, len(video))
        count = len(video) // clips
        sums: dict[str, Tensor] = {}
        for index, part in enumerate(micro_batches(video, clips)):
            last = index == count - 1
            with nullcontext() if last else self.accelerator.no_sync(self.model):
                losses = self.model(part, player)
                self.accelerator.backward(losses["loss"] / count)
            for name, value in losses.items():
                # Clones, because a CUDA graph's results are overwritten by its next run.
                value = value.detach().clone()
                sums[name] = sums[name] + value if name in sums else value
        return {name: value / count for name, value in sums.items()}

    def _intervals(
        self, watch: _Watch, validation: Validation, journal: Journal | None, stop: StopRequest
    ) -> None:
        """What is due after some steps and not after others."""
        settings = self.settings
        if self.step % settings.checkpoint_every == 0 or self.step == settings.steps:
            self._save(watch)
        due = self.step % settings.validate_every == 0 and self.step < settings.steps
        if due and journal is not None:
            validation.show(self._exported(), self.step, journal)
        if self._asked_to_stop(stop) and self.step < settings.steps:
            if self.saved != self.step:
                self._save(watch)
            name = stop.signal.name if stop.signal else "another process was asked to stop"
            raise Interrupted(
                f"{name}: stopped after step {self.step} of {settings.steps}, saved in "
                f"{self.task.checkpoints}; the same command goes on"
            )

    def _asked_to_stop(self, stop: StopRequest) -> bool:
        """Whether any of the processes was: they have to stop after the same step."""
        asked = torch.tensor(float(stop.signal is not None), device=self.accelerator.device)
        if self.accelerator.num_processes == 1:
            return stop.signal is not None
        return bool(self.accelerator.reduce(asked, "sum") > 0)

    def _save(self, watch: _Watch) -> None:
        watch.check()  # a state with NaN must not replace the one before it
        state = {
            "model": self.predictor.state_dict(),
            "optimisers": {name: o.state_dict() for name, o in self.optimisers.items()},
            "average": self.average.state_dict() if self.average else None,
        }
        # In every process, so that all of them stop. A loss can be finite where a gradient is not.
        if name := first_not_finite(state):
            raise UserError(
                f"training stopped at step {self.step}: {name} is not finite; the last checkpoint "
                f"is kept. {AGAINST_INFINITY}"
            )
        if self.accelerator.is_main_process:
            save_checkpoint(self.task.checkpoints, self.step, self.stamp, state)
        self.saved = self.step

    def _restore(self, state: Any) -> None:
        self.predictor.load_state_dict(state["model"])
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def _averaged(self) -> AveragedModel | None:
        if self.settings.average is None:
            return None
        average = get_ema_multi_avg_fn(self.settings.average.decay)
        return AveragedModel(self.predictor, multi_avg_fn=average)

    def _exported(self) -> VideoPredictor:
        """The predictor with the weights that are tested."""
        wanted = self.settings.weights == "average"
        if wanted and self.average is not None and int(self.average.n_averaged) > 0:
            averaged = self.average.module
            assert isinstance(averaged, VideoPredictor)  # a copy of the predictor
            return averaged
        return self.predictor


def _batch_at(config: TrainedModelConfig, size: int, step: int) -> int:
    """Clips a process at ``step``."""
    return config.stage(step, size).batch


class _Watch:
    """Looks at the losses now and then: reading each would make the device wait."""

    def __init__(self, bar: Any, journal: Journal | None, every: int) -> None:
        self.bar, self.journal, self.every = bar, journal, every
        self.last: dict[str, Tensor] = {}
        self.step = 0
        self.since = (time.monotonic(), 0)

    def note(self, step: int, losses: dict[str, Tensor]) -> None:
        """Take the losses of the step numbered ``step`` (from 1)."""
        self.step, self.last = step, self.last | losses
        self.bar.update()
        began, steps = self.since
        self.since = (began, steps + 1)
        if step % self.every == 0:
            self.check()
            values = {name: float(value) for name, value in self.last.items()}
            values["steps_per_second"] = (steps + 1) / max(time.monotonic() - began, 1e-9)
            if self.journal is not None:
                self.journal.write(step, values)
            told = [
                f"{name} {value:.4g}" for name, value in values.items() if name.endswith("loss")
            ]
            self.bar.set_postfix_str(", ".join(told), refresh=False)
            self.since = (time.monotonic(), 0)

    def check(self) -> None:
        """Raise UserError when the last loss is not finite."""
        for name, value in self.last.items():
            if not math.isfinite(float(value)):
                raise UserError(
                    f"training stopped at step {self.step}: {name} is {float(value)}; the last "
                    f"checkpoint is kept. {AGAINST_INFINITY}"
                )
