"""Modules that the server of ``tests.faults.commands`` loads once for all forked commands."""

import importlib

import accelerate  # noqa: F401
import torch
import torch._dynamo
import torch.utils.tensorboard.summary
from tensorboard.compat.proto import event_pb2  # noqa: F401

import lbm.cli
import lbm.vortex_street  # noqa: F401
import rvd.cli
import rvd.datasets.convert
import rvd.datasets.download.fetch
import rvd.evaluation.ensembles.sampling
import rvd.evaluation.scores.scoring
import rvd.forecasting.forecasting
import rvd.forecasting.reading
import rvd.forecasting.writing
import rvd.training.loop  # noqa: F401
from rvd.datasets.registry import DATASETS
from rvd.models.registry import MODELS

# Imported when they are used, in a command: under a limit of memory that would fail.
for entry in DATASETS.values():
    importlib.import_module(entry.function.partition(":")[0])
for entry in MODELS.values():
    importlib.import_module((entry.network or entry.opener).partition(":")[0])

# Threads do not survive a fork, so none may have been started.
torch.set_num_threads(1)
