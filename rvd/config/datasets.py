"""The datasets of the experiment: one class for each reader, told apart by ``reader``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rvd.config.downloads import (
    BairDataset,
    CityscapesDataset,
    Download,
    DownloadedDataset,
    KthDataset,
    RemoteFile,
)
from rvd.config.folder import FolderDataset, Shares
from rvd.config.simulated import Runs, SimulationDataset
from rvd.config.video_dataset import SPLITS, VideoDataset

__all__ = [
    "SPLITS",
    "BairDataset",
    "CityscapesDataset",
    "Dataset",
    "Download",
    "DownloadedDataset",
    "FolderDataset",
    "KthDataset",
    "RemoteFile",
    "Runs",
    "Shares",
    "SimulationDataset",
    "VideoDataset",
]

Dataset = Annotated[
    SimulationDataset | KthDataset | BairDataset | CityscapesDataset | FolderDataset,
    Field(discriminator="reader"),
]
