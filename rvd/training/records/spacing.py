"""Steps at which a training writes a record, so that their number is bounded.

They follow from the config alone, so that an interrupted training writes the same records as one
without interruption.
"""

from __future__ import annotations

import math

from rvd.config.training import TrainingConfig


def spacing(every: int, steps: int, most: int) -> int:
    """Return the smallest multiple of ``every`` that occurs at most ``most`` times in ``steps``.

    Args:
        every: Steps from record to record where there are few.
        steps: Steps of the whole training.
        most: Largest number of records.
    """
    return every * max(1, math.ceil(steps / (every * most)))


def entry_spacing(settings: TrainingConfig) -> int:
    """Return the steps from entry to entry of the journal."""
    return spacing(settings.journal_every, settings.steps, settings.journal_entries)


def board_spacing(settings: TrainingConfig) -> int:
    """Return the steps from point to point of TensorBoard's curves: some of the journal's."""
    return spacing(entry_spacing(settings), settings.steps, settings.tensorboard_entries)


def picture_spacing(settings: TrainingConfig) -> int:
    """Return the steps from picture to picture of those that are kept next to the newest."""
    if settings.pictures == 1:
        return settings.steps + 1
    return spacing(settings.validate_every, settings.steps, settings.pictures - 1)
