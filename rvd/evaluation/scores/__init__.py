"""Scores: from an ensemble file to tidy tables and maps."""
