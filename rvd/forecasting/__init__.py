"""Forecasts of one's own videos."""
