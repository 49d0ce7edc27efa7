"""Diffusion: the variance schedule, and samplers as free functions of a denoiser."""

from rvd.diffusion.samplers import ancestral, ddim
from rvd.diffusion.schedule import Schedule, cosine_schedule

__all__ = ["Schedule", "ancestral", "cosine_schedule", "ddim"]
