"""Metrics of probabilistic video forecasts."""
