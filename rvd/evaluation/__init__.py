"""Forecasts of the test videos, and their scores."""
