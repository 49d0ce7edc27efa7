"""Residual Video Diffusion: probabilistic video forecasting, from raw videos to tables."""
