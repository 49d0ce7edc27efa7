"""The models of the experiment: one class for each kind, told apart by ``kind``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rvd.config.dvd_gan import DvdGan
from rvd.config.future_gan import FutureGan
from rvd.config.ivrnn import Ivrnn
from rvd.config.pretrained import Pretrained
from rvd.config.residual_diffusion import ResidualDiffusion
from rvd.config.retrospective_cycle_gan import RetrospectiveCycleGan
from rvd.config.svg_lp import SvgLp
from rvd.config.untrained import Analogue, MeanOf, Persistence

Trained = ResidualDiffusion | SvgLp | Ivrnn | FutureGan | RetrospectiveCycleGan | DvdGan
Untrained = MeanOf | Persistence | Analogue | Pretrained
Model = Annotated[Trained | Untrained, Field(discriminator="kind")]
