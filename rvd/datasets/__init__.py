"""Readers: from a dataset's raw files to named videos, and nothing else."""

from rvd.datasets.convert import convert

__all__ = ["convert"]
