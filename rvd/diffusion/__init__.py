"""Diffusion: the variance schedule, and samplers as free functions of a denoiser."""

from rvd.diffusion.samplers import ancestral, ddim, dpm_solver
from rvd.diffusion.schedule import Schedule, cosine_schedule

__all__ = ["Schedule", "ancestral", "cosine_schedule", "ddim", "dpm_solver"]
