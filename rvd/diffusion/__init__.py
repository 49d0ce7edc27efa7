"""Diffusion: schedule, parameterization, objective and samplers."""
