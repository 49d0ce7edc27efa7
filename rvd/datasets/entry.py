"""An entry of the registry of datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rvd.datasets.base import VideoDatasetConfig
from rvd.plugins import owner, require_type, resolve, why_not_section

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
        package: Name and version of the package that adds the reader; empty for this project.
    """

    reader: str
    config: type[VideoDatasetConfig]
    function: str
    labels: Mapping[str, str] = field(default_factory=dict)
    package: str = ""

    def read(self, config: Any, raw: Sequence[Path], threads: int | None) -> ReaderResult:
        """Return the videos in the files ``raw``.

        Raises:
            UserError: A file is missing, damaged or unfit.
        """
        reading: ReaderResult = resolve(self.function, self.package)(config, raw, threads)
        if self.package:
            from rvd.datasets.reading.reader import ReaderResult as Expected

            require_type(reading, Expected, f"'{self.function}'", self.package)
        return reading

    def conflict(self, known: Sequence[DatasetEntry]) -> str | None:
        """Return the reason why a plug-in's entry cannot join ``known``, or None."""
        for other in known:
            if other.reader == self.reader:
                return f"adds the reader '{self.reader}', which {owner(other.package)} has already"
        return why_not_section(self.config, VideoDatasetConfig, "reader", self.reader)
