"""The config section of forecasts that were made elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import field_validator

from rvd.config.model import ModelConfig

# Braces would be wildcards of Snakemake's.
_PATH = re.compile(r"[^\x00-\x1f{}]+")


class StoredConfig(ModelConfig):
    """Forecasts that were made elsewhere, for the test clips that `rvd export-clips` writes.

    They are scored and shown as those of the models are (`docs/data-format.md`, forecasts made
    elsewhere).
    """

    kind: Literal["stored"]
    """Forecasts in arrays or films."""
    path: str | dict[str, str]
    """File (`.npy`, `.npz` or `.h5`) or folder of films; or a mapping of datasets to theirs, which
    leaves out other datasets."""

    @field_validator("path", mode="before")
    @classmethod
    def _one_message_for_the_union(cls, value: Any) -> Any:
        paths = list(value.values()) if isinstance(value, Mapping) else [value]
        if not paths or not all(isinstance(p, str) and _PATH.fullmatch(p) for p in paths):
            raise ValueError("is neither a path without braces nor a mapping of datasets to paths")
        return value

    @property
    def is_imported(self) -> bool:
        """True."""
        return True

    def predictor_of(self, name: str) -> None:
        """Return None: there is no predictor file."""
        return None

    def is_tested_on(self, dataset: str) -> bool:
        """Return True where there are forecasts of ``dataset``."""
        return isinstance(self.path, str) or dataset in self.path

    def on_dataset(self, dataset: str) -> Self:
        """Return the section with the path of ``dataset`` alone."""
        if isinstance(self.path, str) or dataset not in self.path:
            return self
        return self.model_copy(update={"path": self.path[dataset]})

    def local_files(self, dataset: str) -> tuple[str, ...]:
        """Return the file or folder with the forecasts of ``dataset``."""
        if isinstance(self.path, str):
            return (self.path,)
        return (self.path[dataset],) if dataset in self.path else ()

    def errors(
        self, models: Mapping[str, ModelConfig], datasets: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield a line for each dataset of ``path`` that does not exist."""
        for dataset in () if isinstance(self.path, str) else self.path:
            if dataset not in datasets:
                known = ", ".join(sorted(datasets))
                yield f"path: '{dataset}' does not exist; there are {known}"

    @property
    def origin(self) -> str:
        """The path, or paths, of the forecasts."""
        return self.path if isinstance(self.path, str) else ", ".join(self.path.values())
