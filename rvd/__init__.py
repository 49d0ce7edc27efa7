"""Residual Video Diffusion: probabilistic video forecasting, from raw video to the paper's tables."""
