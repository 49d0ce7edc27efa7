"""The training loop, common to all models: steps, checkpoints, validation and interruption."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator, PartialState
from accelerate.utils import DistributedDataParallelKwargs

from rvd.config.training import TrainingConfig
from rvd.errors import UserError
from rvd.files import remove_abandoned
from rvd.models.base import VideoPredictor
from rvd.models.files import save
from rvd.runtime.background import BackgroundWork
from rvd.runtime.memory import enough_memory
from rvd.runtime.progress import progress
from rvd.runtime.signals import Interrupted, StopRequest, readers_alive, stop_requests
from rvd.training.alone import SharedFlags, sole_trainer
from rvd.training.checkpoint import (
    first_not_finite,
    load_checkpoint,
    newest_stamp,
    save_checkpoint,
    snapshot,
)
from rvd.training.environment import precision_of
from rvd.training.history import History
from rvd.training.journal import Journal, journal_path, write_curve
from rvd.training.losses import REMEDIES, LossMonitor
from rvd.training.records.board import pictures_folder
from rvd.training.records.spacing import board_spacing, entry_spacing, picture_spacing
from rvd.training.records.tracked_run import tracked_runs
from rvd.training.records.trackers import require_installed
from rvd.training.steps import TrainingSteps, batch_at
from rvd.training.task import TrainingTask
from rvd.training.validation import Validation
from rvd.video.clips import ClipStream, training_loader
from rvd.video.file import VideoFile
from rvd.video.ranges import stored_to_unit


def train(
    predictor: VideoPredictor,
    settings: TrainingConfig,
    task: TrainingTask,
    *,
    gpu: bool = True,
    graphed: bool = False,
) -> None:
    """Train ``predictor``, from its last checkpoint if there is one.

    The weights depend on config and seed alone: interrupted and resumed anywhere, they are equal to
    the last bit (on one kind of machine, in one process, and on a GPU with deterministic algorithms
    only; ``precision: auto`` is decided once, by :func:`precision_of`). While another trainer is at
    work in the folder of the checkpoints, this one waits, and then continues from what the other
    left.

    Args:
        predictor: Model; its weights are replaced.
        settings: Settings of the training.
        task: Data, state and outputs.
        gpu: Train on a GPU if there is one; False trains on the CPU.
        graphed: Replay each step as one CUDA graph (:class:`TrainingSteps`).

    Raises:
        Interrupted: TERM or INT came, and the state is saved; or a process that reads clips was
            killed.
        UserError: The loss is not finite, the checkpoint is of another config, the disk is full,
            memory is not sufficient, the steps cannot be a graph, or a tracker cannot start.
    """
    require_installed(task.tracking.trackers)
    with stop_requests() as stop:
        on_cpu = not (gpu and torch.cuda.is_available())
        processes = PartialState(cpu=on_cpu)
        with sole_trainer(task.checkpoints, processes, stop):
            # In the lock, since the checkpoint of another trainer may say it.
            stamp = newest_stamp(task.checkpoints) if settings.precision == "auto" else None
            precision = precision_of(settings, task.name, stamp, processes)
            section: Any = predictor.config
            predictor.config = section.with_precision(precision)
            settings = settings.model_copy(update={"precision": precision})
            # With several players each pass leaves the weights of the others without gradients.
            several = len(predictor.players) > 1
            parallel = DistributedDataParallelKwargs(find_unused_parameters=several)
            accelerator = Accelerator(
                mixed_precision="bf16" if precision == "bfloat16" else "no",
                cpu=on_cpu,
                kwargs_handlers=[parallel],
            )
            # One process of several writes.
            history = None
            if accelerator.is_main_process:
                history = History(task.checkpoints)
                # Their names differ from step to step, so that none would be written again.
                for folder in (task.checkpoints, pictures_folder(task.checkpoints)):
                    remove_abandoned(folder)
            steps = TrainingSteps(accelerator, predictor, settings, task.seed, graphed=graphed)
            trainer = _Trainer(steps, task, history)
            remedy = trainer.steps.config.remedy_of_memory(predictor.size)
            with (
                trainer.attempt(),
                trainer.writing,
                readers_alive(),
                enough_memory("a training step", remedy),
            ):
                trainer.run(stop)


class _Trainer:
    """A training from its last checkpoint to its outputs."""

    def __init__(self, steps: TrainingSteps, task: TrainingTask, history: History | None) -> None:
        self.accelerator, self.settings = steps.accelerator, steps.settings
        self.steps, self.task, self.history = steps, task, history
        self.flags = SharedFlags(steps.accelerator)
        self.writing = BackgroundWork()
        self.saved_at = time.monotonic()
        model = self.steps.config.training_fingerprint()
        self.stamp = task.stamp | {"model": model, "seed": task.seed}
        self.saved = -1
        on_damage = history.damaged if history else None
        found = load_checkpoint(task.checkpoints, self.stamp, on_damage, main=history is not None)
        if found is not None:
            self.steps.restore(*found)
            self.saved = self.steps.done

    def attempt(self) -> AbstractContextManager[None]:
        """Record this attempt in the history, and print the batch size of several processes."""
        if self.history is None:
            return nullcontext()
        processes = self.accelerator.num_processes
        batch = batch_at(self.steps.config, self.steps.predictor.size, self.steps.done)
        if processes > 1:
            print(
                f"{self.task.name}: {processes} processes with {batch} clips each, which is an "
                f"effective batch of {processes * batch}",
                file=sys.stderr,
            )
        return self.history.attempt(self.steps.done, processes=processes, batch=processes * batch)

    def run(self, stop: StopRequest) -> None:
        """Take all remaining steps, then write the outputs."""
        settings, task, steps = self.settings, self.task, self.steps
        stream = ClipStream(
            task.video,
            settings.clip_length,
            partial(batch_at, steps.config, steps.predictor.size),
            task.seed,
            settings.steps,
            task.augmentation,
            self.accelerator.process_index,
            self.accelerator.num_processes,
        )
        device = self.accelerator.device
        pinned = device.type == "cuda"
        loader = training_loader(stream, steps.done, settings.workers, pinned=pinned)
        main = self.accelerator.is_main_process
        with (
            VideoFile(task.video) as videos,
            self._journal() if main else nullcontext() as journal,
            progress(settings.steps, f"train {task.name}", "step", steps.done, shown=main) as bar,
        ):
            folder = pictures_folder(task.checkpoints)
            validation = Validation(videos, settings.context, folder, picture_spacing(settings))
            mean = partial(self.accelerator.reduce, reduction="mean")
            losses = LossMonitor(
                bar, journal, settings.journal_every, entry_spacing(settings), mean
            )
            for clips in loader:
                found = steps.take(stored_to_unit(clips.to(device, non_blocking=pinned)))
                losses.record(steps.done, found)
                self._after_step(losses, validation, journal, stop)
            if self.saved != steps.done:
                self._save(losses)
            self.writing.finish()
            if journal is not None:
                validation.show(steps.exported(), steps.done, journal, last=True)
        if main:
            write_curve(journal_path(task.checkpoints), task.curve)
            provenance = task.stamp | {"seed": task.seed, "steps": steps.done}
            save(steps.exported(), task.output, provenance)

    @contextmanager
    def _journal(self) -> Iterator[Journal]:
        """Yield the journal, continued from the last checkpoint, and the trackers' runs with it."""
        settings, task, section = self.settings, self.task, self.steps.config
        most, every = settings.journal_entries, board_spacing(settings)
        told = task.stamp | {"seed": task.seed, "model": section.model_dump(mode="json")}
        name = f"{task.name}/seed{task.seed}"
        with (
            tracked_runs(task.tracking, task.checkpoints, name, told) as runs,
            Journal(task.checkpoints, self.steps.done, most, every, runs) as journal,
        ):
            yield journal

    def _after_step(
        self,
        losses: LossMonitor,
        validation: Validation,
        journal: Journal | None,
        stop: StopRequest,
    ) -> None:
        """Save, validate or stop, where that is due."""
        settings, done = self.settings, self.steps.done
        # All processes have to stop, and to save, after the same step.
        asked, late = self.flags.in_any_process(stop.signal is not None, self._is_late())
        if late or done % settings.checkpoint_every == 0 or done == settings.steps:
            self._save(losses)
        due = done % settings.validate_every == 0 and done < settings.steps
        if due and journal is not None:
            validation.show(self.steps.exported(), done, journal)
        if asked and done < settings.steps:
            if self.saved != done:
                self._save(losses)
            self.writing.finish()
            name = stop.signal.name if stop.signal else "another process was asked to stop"
            raise Interrupted(
                f"{name}: stopped after step {done} of {settings.steps}, saved in "
                f"{self.task.checkpoints}; run the same command to resume"
            )

    def _is_late(self) -> bool:
        """Return whether the last checkpoint is older than the config allows."""
        minutes = self.settings.checkpoint_minutes
        return minutes is not None and time.monotonic() - self.saved_at > 60 * minutes

    def _save(self, losses: LossMonitor) -> None:
        """Check the state, copy it, and write the copy while the training continues."""
        losses.check()  # a state with NaN must not replace the one before it
        state, done = self.steps.state(), self.steps.done
        # In every process, so that all of them stop. A loss can be finite where a gradient is not.
        if name := first_not_finite(state):
            raise UserError(
                f"training stopped at step {done}: {name} is not finite; the last checkpoint "
                f"is kept. {REMEDIES}"
            )
        if self.accelerator.is_main_process:
            if losses.journal is not None:
                losses.journal.flush()
            folder, copied = self.task.checkpoints, snapshot(state)
            self.writing.start(partial(save_checkpoint, folder, done, self.stamp, copied))
        self.saved, self.saved_at = done, time.monotonic()
