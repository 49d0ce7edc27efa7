"""The config section of a model that was trained elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from rvd.config.model import ModelConfig
from rvd.datasets.download.config import DownloadConfig, RemoteFileConfig
from rvd.diffusion.config import SamplerConfig

Address = Annotated[str, StringConstraints(pattern=r"^https?://[^\s@/]+/\S+$")]
# Braces would be wildcards of Snakemake's.
LocalPath = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f{}]+$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class PretrainedConfig(ModelConfig):
    """A model that was trained elsewhere: it is sampled, scored and shown as the others are.

    `docs/reproduction.md` has an example.
    """

    kind: Literal["pretrained"]
    """Predictor file, or checkpoint of the authors' code."""
    path: LocalPath | None = None
    """File; null where `address` is given."""
    address: Address | None = None
    """Address (http or https) from which the file is downloaded, resumed and checked as datasets'
    archives are; null where `path` is given."""
    sha256: Sha256 | None = None
    """SHA-256 checksum, 64 hexadecimal digits: a file that differs is refused before it is read.
    Required with `address`; null for any."""
    format: Literal["predictor", "official"] = "predictor"
    """Format of the file: `predictor` (a predictor file of this project) or `official` (a
    checkpoint of the authors' code)."""
    weights: Literal["raw", "average"] = "raw"
    """Weights of an official checkpoint: `raw`, or `average` (its `ema`)."""
    size: PositiveInt | None = None
    """Height and width of an official checkpoint's frames, in pixels; null for Table 3's of its
    width, or the dataset's where Table 3 has no such width."""
    sampler: SamplerConfig | None = None
    """Replacement of the file's sampler (an official checkpoint's is `ancestral`); null keeps
    it."""
    datasets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """Names of the datasets that the model is tested on. It is left out for others, and tables say
    so; null for all."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.path is None) == (self.address is None):
            given = "neither" if self.path is None else "both"
            raise ValueError(f"path: give either path or address, not {given}")
        if self.address is not None and self.sha256 is None:
            raise ValueError(
                "sha256: a file from an address needs its SHA-256, 64 hexadecimal digits"
            )
        return self

    @model_validator(mode="after")
    def _keys_belong_to_the_format(self) -> Self:
        if self.format == "predictor":
            if self.weights != "raw":
                raise ValueError("weights: a predictor file holds one set; use format: official")
            if self.size is not None:
                raise ValueError("size: a predictor file says its own; use format: official")
        return self

    @property
    def is_imported(self) -> bool:
        """True."""
        return True

    def is_tested_on(self, dataset: str) -> bool:
        """Return True where the model is sampled and scored on ``dataset``."""
        return self.datasets is None or dataset in self.datasets

    def errors(
        self, models: Mapping[str, ModelConfig], datasets: Mapping[str, Any]
    ) -> Iterator[str]:
        """Yield a line for each of its datasets that does not exist."""
        for dataset in self.datasets or ():
            if dataset not in datasets:
                known = ", ".join(sorted(datasets))
                yield f"datasets: '{dataset}' does not exist; there are {known}"

    @property
    def origin(self) -> str:
        """The origin of the file, and the first digits of its checksum if one is given."""
        source = self.path or self.address or ""
        return f"{source} (SHA-256 {self.sha256[:12]}…)" if self.sha256 else source

    def download(self) -> DownloadConfig:
        """The download of ``address``: one file, named by its checksum.

        Raises:
            ValueError: The file is local.
        """
        if self.address is None or self.sha256 is None:
            raise ValueError(f"{self.path} is not downloaded")
        parts = urlsplit(self.address)
        server = f"{parts.scheme}://{parts.netloc}"
        remote = RemoteFileConfig(path=self.address[len(server) + 1 :], sha256=self.sha256)
        return DownloadConfig(mirrors=(server,), files={self.sha256: remote})
