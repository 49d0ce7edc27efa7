"""A checkpoint that was trained elsewhere: the authors', or a predictor file from anyone."""

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
    """A model that is scored, but not trained here.

    Its file is at ``path``, or is downloaded from ``address`` and must have the checksum
    ``sha256``. ``format`` is ``predictor`` (a predictor file of this project) or ``official`` (a
    checkpoint of the authors' code, whose ``raw`` or ``average`` ``weights`` are taken). ``size``
    is the frame size of an official checkpoint; None takes Table 3's for its width, or the
    dataset's where Table 3 has no such width. ``sampler`` replaces that of the file, and
    ``datasets`` names those that the model is tested on; None for all.
    """

    kind: Literal["pretrained"]
    path: LocalPath | None = None
    address: Address | None = None
    sha256: Sha256 | None = None
    format: Literal["predictor", "official"] = "predictor"
    weights: Literal["raw", "average"] = "raw"
    size: PositiveInt | None = None
    sampler: SamplerConfig | None = None
    datasets: Annotated[tuple[str, ...], Field(min_length=1)] | None = None

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
            ValueError: the file is local.
        """
        if self.address is None or self.sha256 is None:
            raise ValueError(f"{self.path} is not downloaded")
        parts = urlsplit(self.address)
        server = f"{parts.scheme}://{parts.netloc}"
        remote = RemoteFileConfig(path=self.address[len(server) + 1 :], sha256=self.sha256)
        return DownloadConfig(mirrors=(server,), files={self.sha256: remote})
