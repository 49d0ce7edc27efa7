"""Weights & Biases and MLflow through accelerate's trackers, on disk unless told otherwise.

Their packages are imported where a tracker starts, and nowhere else.
"""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from accelerate.tracking import GeneralTracker, MLflowTracker, WandBTracker

from rvd.errors import UserError

# Only the training's journal and pictures are recorded: neither output, code and packages, nor the
# machine and its use, for which W&B asks the network even when it is offline.
WANDB_SETTINGS = {
    "silent": True,
    "console": "off",
    "disable_code": True,
    "disable_git": True,
    "save_code": False,
    "x_disable_machine_info": True,
    "x_disable_meta": True,
    "x_disable_stats": True,
    "x_save_requirements": False,
    "finish_timeout": 300.0,
}


class Tracker(ABC):
    """One program that records a training. All methods but ``__init__`` are called on one thread.

    Args:
        folder: Folder in which it writes where it does not send to a server.
        project: Project or experiment.
        name: Name of the run.
    """

    # Name in the config, which is that of the package to import.
    package: ClassVar[str]
    # Environment variable with which the user chooses a server.
    variable: ClassVar[str]

    def __init__(self, folder: Path, project: str, name: str) -> None:
        self.folder, self.project, self.name = folder, project, name
        self.chosen = os.environ.get(self.variable)
        self._tracker: GeneralTracker | None = None

    @property
    @abstractmethod
    def sends(self) -> bool:
        """True where the user has chosen a server."""

    @abstractmethod
    def start(self, run: str | None, settings: Mapping[str, Any]) -> str:
        """Continue the run with the id ``run``, or start a new one; return its id.

        Args:
            run: Id of a run; None for a new one.
            settings: Settings of the training by name.
        """

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Add ``values`` by name after ``step`` steps."""
        assert self._tracker is not None
        self._tracker.log(dict(values), step=step)

    @abstractmethod
    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""

    def finish(self) -> None:
        """End the run, which may be continued later."""
        if self._tracker is not None:
            self._tracker.finish()


class WeightsAndBiases(Tracker):
    """A run of Weights & Biases in ``folder/wandb``, which ``wandb sync`` sends afterwards."""

    package, variable = "wandb", "WANDB_MODE"

    @property
    def sends(self) -> bool:
        """True where the user has chosen a server."""
        return self.chosen not in (None, "offline", "disabled", "dryrun")

    def start(self, run: str | None, settings: Mapping[str, Any]) -> str:
        """Continue the run with the id ``run``, or start a new one; return its id."""
        if not self.sends:  # its own errors would be reported to its authors
            os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        run = run or secrets.token_hex(8)
        known = wandb.Settings.model_fields
        tracker = WandBTracker(
            self.project,
            id=run,
            name=self.name,
            dir=str(self.folder),
            mode=self.chosen or "offline",
            resume="allow" if self.sends else None,  # one id is one run when it is sent
            settings=wandb.Settings(**{k: v for k, v in WANDB_SETTINGS.items() if k in known}),
        )
        tracker.start()
        self._tracker = tracker
        tracker.store_init_configuration(dict(settings))
        return run

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""
        assert isinstance(self._tracker, WandBTracker)
        self._tracker.log_images({name: [picture]}, step=step)


class MLflow(Tracker):
    """A run of MLflow, in ``folder/mlflow`` unless ``MLFLOW_TRACKING_URI`` is set."""

    package, variable = "mlflow", "MLFLOW_TRACKING_URI"

    @property
    def sends(self) -> bool:
        """True where the user has chosen a server."""
        return self.chosen is not None

    def start(self, run: str | None, settings: Mapping[str, Any]) -> str:
        """Continue the run with the id ``run``, or start a new one; return its id."""
        # Before the import: it reports its use to its authors, and refuses folders without these.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        import mlflow

        if self.chosen is None:
            mlflow.set_tracking_uri((self.folder / "mlflow").absolute().as_uri())
        tracker = MLflowTracker(self.project, run_id=run, run_name=self.name)
        tracker.start()
        self._tracker = tracker
        if run is None:  # a parameter cannot be changed
            tracker.store_init_configuration(dict(settings))
        started: str = tracker.tracker.info.run_id
        return started

    def show(self, step: int, name: str, picture: np.ndarray) -> None:
        """Add a picture (height, width, 3), uint8."""
        import mlflow

        mlflow.log_image(picture, artifact_file=f"{name}/step-{step:08d}.png")

    def finish(self) -> None:
        """End the run, which may be continued later."""
        super().finish()
        if self.chosen is None:  # MLflow has set the variable, which is the user's
            os.environ.pop(self.variable, None)


TRACKERS: dict[str, type[Tracker]] = {kind.package: kind for kind in (WeightsAndBiases, MLflow)}


def require_installed(names: tuple[str, ...]) -> None:
    """Refuse trackers that are not installed.

    Raises:
        UserError: The package of a tracker is missing.
    """
    for name in names:
        if find_spec(name) is None:
            raise UserError(
                f"tracking.trackers: the package {name} is not installed; pip install "
                "'rvd[trackers]'"
            )
