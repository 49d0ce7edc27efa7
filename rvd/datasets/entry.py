"""An entry of the registry of datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from rvd.datasets.base import VideoDatasetConfig

if TYPE_CHECKING:
    from rvd.datasets.reading.reader import ReaderResult


@dataclass(frozen=True)
class DatasetEntry:
    """A kind of dataset: its config, its reader (imported when it is used), and its labels.

    Attributes:
        reader: The value of ``reader`` in the config.
        config: The section's class.
        function: ``module:function`` that takes (config, raw files, threads) and returns a
            :class:`~rvd.datasets.reading.reader.ReaderResult`.
        labels: Names of sections as people read them, in the order in which tables show them.
    """

    reader: str
    config: type[VideoDatasetConfig]
    function: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def read(self, config: Any, raw: Sequence[Path], threads: int | None) -> ReaderResult:
        """Return the videos in the files ``raw``.

        Raises:
            UserError: A file is missing, damaged or unfit.
        """
        reading: ReaderResult = resolve_name(self.function)(config, raw, threads)
        return reading
