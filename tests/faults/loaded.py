"""Modules that the server of ``tests.faults.commands`` loads once for all forked commands."""

import accelerate  # noqa: F401
import rvd.evaluation.sampling
import rvd.evaluation.scoring
import torch
import torch.utils.tensorboard

import lbm.cli
import lbm.vortex_street  # noqa: F401
import rvd.cli
import rvd.datasets
import rvd.training  # noqa: F401

# Threads do not survive a fork, so none may have been started.
torch.set_num_threads(1)
