"""Forecasts of clips, and of videos of one's own."""
