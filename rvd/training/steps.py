"""The training steps of a model: each of its players in turn, then the averaged weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from rvd.config.trained import Stage, TrainedModelConfig
from rvd.config.training import PlayerConfig, TrainingConfig
from rvd.errors import UserError
from rvd.models.base import VideoPredictor
from rvd.models.interface import require_losses
from rvd.models.noise import derived_seed, micro_batches
from rvd.models.registry import package_of
from rvd.runtime.graph import GraphedCall
from rvd.training.optimisers import (
    adam,
    learning_rate,
    load_optimiser,
    optimiser_state,
    set_rate,
)


def batch_at(config: TrainedModelConfig, size: int, step: int) -> int:
    """Return the number of clips that each process takes at ``step`` (from 0)."""
    return config.stage(step, size).batch


class TrainingSteps:
    """A model with its optimisers and averaged weights, and the number of steps done.

    Args:
        accelerator: Device, precision and processes of the training.
        predictor: Model, which is moved to the device.
        settings: Settings of the training.
        seed: Seed of the training.
        graphed: Record a step's passes and updates as one CUDA graph, which is then replayed.

    Raises:
        UserError: The settings name a player that the model does not have, or its steps cannot be a
            graph.
    """

    def __init__(
        self,
        accelerator: Accelerator,
        predictor: VideoPredictor,
        settings: TrainingConfig,
        seed: int,
        *,
        graphed: bool = False,
    ) -> None:
        self.accelerator, self.settings, self.seed = accelerator, settings, seed
        if graphed and (problem := _why_no_graph(accelerator, predictor, settings)):
            raise UserError(f"compute.compile: cuda-graph needs {problem}; give default")
        predictor.to(accelerator.device)
        optimisers = {
            player: adam(module.parameters(), settings, graphed=graphed)
            for player, module in predictor.players.items()
        }
        if foreign := settings.players.keys() - optimisers.keys():
            raise UserError(
                f"training.players: '{min(foreign)}' is none of {', '.join(optimisers)}"
            )
        self.predictor = predictor.train()
        self.model: nn.Module = accelerator.prepare(self.predictor)
        self.optimisers = {
            player: accelerator.prepare(optimiser) for player, optimiser in optimisers.items()
        }
        self.updates: dict[str, Callable[[Tensor], dict[str, Tensor]]] = {
            player: partial(self._update, player, optimiser)
            for player, optimiser in self.optimisers.items()
        }
        if graphed:
            self.updates = {player: GraphedCall(call) for player, call in self.updates.items()}
        self.average = self._averaged_model()
        config: Any = predictor.config
        self.config: TrainedModelConfig = config
        self.package = package_of(config)
        self.done = 0

    def take(self, video: Tensor) -> dict[str, Tensor | float]:
        """Take one step: update each player whose turn it is.

        Args:
            video: Clips (clip, frame, channel, height, width) in [0, 1], on the device.

        Returns:
            Losses of this process by name, and ``learning_rate``.
        """
        # All randomness of a step follows from its number, so that a resumed step repeats it.
        torch.manual_seed(derived_seed(self.seed, self.done))
        stage: Stage = self.config.stage(self.done, self.predictor.size)
        self.predictor.begin_step(self.done)
        rate = stage.rate * learning_rate(
            self.settings.learning_rate, self.done, self.settings.steps
        )
        found: dict[str, Tensor | float] = {}
        for player, optimiser in self.optimisers.items():
            settings = self.settings.players.get(player, PlayerConfig())
            if stage.fresh:
                optimiser.state.clear()
            set_rate(optimiser, rate * settings.rate)
            if (self.done + 1) % settings.every == 0:
                losses = self.updates[player](video)
                prefix = "" if len(self.optimisers) == 1 else f"{player}_"
                found |= {prefix + name: value for name, value in losses.items()}
        self.done += 1
        average = self.settings.average
        due = average and self.done >= average.start and self.done % average.every == 0
        if due and self.average is not None:
            self.average.update_parameters(self.predictor)
        return found | {"learning_rate": rate}

    def state(self) -> dict[str, Any]:
        """Return the state that a checkpoint stores: weights, optimisers, averaged weights."""
        return {
            "model": self.predictor.state_dict(),
            "optimisers": {name: optimiser_state(o) for name, o in self.optimisers.items()},
            "average": self.average.state_dict() if self.average else None,
        }

    def restore(self, done: int, state: Any) -> None:
        """Resume after ``done`` steps from the ``state`` of a checkpoint."""
        self.done = done
        self.predictor.load_state_dict(state["model"])
        for name, optimiser in self.optimisers.items():
            load_optimiser(optimiser, state["optimisers"][name])
        if self.average is not None:
            self.average.load_state_dict(state["average"])

    def exported(self) -> VideoPredictor:
        """Return the model with the weights that are tested: the last, or the averaged ones."""
        wanted = self.settings.weights == "average"
        if wanted and self.average is not None and int(self.average.n_averaged) > 0:
            averaged = self.average.module
            assert isinstance(averaged, VideoPredictor)  # a copy of the predictor
            return averaged
        return self.predictor

    def _update(self, player: str, optimiser: Any, video: Tensor) -> dict[str, Tensor]:
        """Update one player's weights; return its losses by name."""
        players = self.predictor.players
        for module in players.values():
            module.requires_grad_(module is players[player])
        optimiser.zero_grad(set_to_none=True)
        losses = self._accumulate_gradients(player, video)
        if self.settings.gradient_clip is not None:
            losses["gradient_norm"] = self.accelerator.clip_grad_norm_(
                players[player].parameters(), self.settings.gradient_clip
            )
        optimiser.step()
        return losses

    def _accumulate_gradients(self, player: str, video: Tensor) -> dict[str, Tensor]:
        """Sum the gradients of the batch's micro-batches; return the means of their losses.

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
                if self.package:
                    require_losses(losses, self.config, self.package)
                self.accelerator.backward(losses["loss"] / count)
            for name, value in losses.items():
                # A quotient is a copy: a CUDA graph's results are overwritten by its next run.
                value = value.detach() / count
                sums[name] = sums[name] + value if name in sums else value
        return sums

    def _averaged_model(self) -> MovingAverage | None:
        average = self.settings.average
        return None if average is None else MovingAverage(self.predictor, average.decay)


class MovingAverage(AveragedModel):
    """An exponential moving average of a model's weights, updated without waiting for a GPU.

    Weights and state equal those of torch's class, which at each update copies the number of
    updates to the device, and waits for it.

    Args:
        model: Model whose copy holds the averages; buffers are those of the last update.
        decay: Weight of the average at each update.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        super().__init__(model)
        self.decay = decay

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move the averages towards the weights of ``model``; the first update copies them."""
        averages: list[Tensor] = list(self.module.parameters())
        weights: list[Tensor] = list(model.parameters())
        if int(self.n_averaged) == 0:
            torch._foreach_copy_(averages, weights)
        else:
            torch._foreach_lerp_(averages, weights, 1 - self.decay)
        for own, buffer in zip(self.module.buffers(), model.buffers(), strict=True):
            own.copy_(buffer)
        self.n_averaged += 1


def _why_no_graph(
    accelerator: Accelerator, predictor: VideoPredictor, settings: TrainingConfig
) -> str | None:
    """Return what the steps lack to be one CUDA graph, or None."""
    if accelerator.device.type != "cuda":
        return "a GPU"
    if accelerator.num_processes > 1:
        return "compute.gpus: 1"
    if len(predictor.players) > 1 or type(predictor).begin_step is not VideoPredictor.begin_step:
        return "a model whose steps are all alike (kind rvd or svg-lp)"
    if settings.micro_batch.get(predictor.size, math.inf) < settings.batch[predictor.size]:
        return "whole batches (no training.micro_batch)"
    return None
