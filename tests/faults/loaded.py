"""What the server of ``tests.faults.commands`` loads once, for all commands that it forks."""

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

# Threads do not survive a fork; a process that has started none can fork.
torch.set_num_threads(1)
