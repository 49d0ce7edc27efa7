"""Frames per second of the conversion of each dataset, compared with plain decoding.

Archives with the original formats and frame sizes, but few videos, are written first. Plain
decoding opens each film (PyAV) or picture (zipfile, OpenCV) with the same number of threads and
discards the frames. BAIR's frames are not encoded: its records are read and verified, and their
frames written to a plain file. Peak memory is that of the process after each dataset, mostly due to
imports.
"""

from __future__ import annotations

import argparse
import io
import os
import resource
import statistics
import struct
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from rvd.datasets.bair.config import BairConfig
from rvd.datasets.bair.tfrecord import masked_crc32c, read_features
from rvd.datasets.base import VideoDatasetConfig
from rvd.datasets.cityscapes.config import CityscapesConfig
from rvd.datasets.convert import convert
from rvd.datasets.download.config import DownloadConfig, RemoteFileConfig
from rvd.datasets.kth.config import KthConfig
from rvd.datasets.reading.parallel import cores
from rvd.video import VideoFile
from tests.datasets import archives

DOWNLOAD = DownloadConfig(mirrors=("http://localhost",), files={"none": RemoteFileConfig()})


def kth(folder: Path) -> tuple[VideoDatasetConfig, list[Path]]:
    archives.kth(folder, frames=360, actions=("boxing",))
    (folder / "00sequences.txt").write_text(
        "".join(f"person{p:02}_boxing_d1 frames 1-120, 121-240, 241-360\n" for p in range(1, 26))
    )
    section = KthConfig(reader="kth", size=64, test_from=0, download=DOWNLOAD)
    return section, [folder / "00sequences.txt", folder / "boxing.zip"]


def bair(folder: Path) -> tuple[VideoDatasetConfig, list[Path]]:
    archives.bair(folder / "bair.tar", train=2000, test=20)
    return BairConfig(reader="bair", size=64, validation=4, download=DOWNLOAD), [
        folder / "bair.tar"
    ]


def cityscapes(folder: Path) -> tuple[VideoDatasetConfig, list[Path]]:
    path = folder / "cityscapes.zip"
    generator = np.random.default_rng(0)
    folder.mkdir()
    # PNGs of photographs have about 2.3 MB at this size, like smooth shapes with four noise levels.
    shapes = cv2.resize(generator.integers(0, 250, (16, 32, 3), np.uint8), (2048, 1024))
    pictures = [
        cv2.imencode(".png", shapes + generator.integers(0, 4, shapes.shape, np.uint8))[1].tobytes()
        for _ in range(6)
    ]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for split in ("train", "val", "test"):
            for frame in range(60):
                name = f"{split}_000000_{frame:06}_leftImg8bit.png"
                archive.writestr(
                    f"leftImg8bit_sequence/{split}/{split}/{name}", pictures[frame % 6]
                )
    return CityscapesConfig(reader="cityscapes", size=128, download=DOWNLOAD), [path]


def plain_kth(raw: list[Path]) -> Iterator[Callable[[], int]]:
    def decode(name: str) -> int:
        with zipfile.ZipFile(raw[1]) as archive, av.open(io.BytesIO(archive.read(name))) as film:
            return sum(1 for frame in film.decode(video=0) if len(frame.to_ndarray(format="gray")))

    with zipfile.ZipFile(raw[1]) as archive:
        # The authors' splits contain all persons.
        yield from (lambda name=name: decode(name) for name in archive.namelist())


def plain_bair(raw: list[Path]) -> Iterator[Callable[[], int]]:
    """Yield jobs that read, verify and parse one record each, and write its frames in sequence.

    The frames are not encoded, so writing costs as much as reading. Without writing, this baseline
    would be out of reach for any conversion.
    """
    output = raw[0].with_suffix(".frames")
    frame = 64 * 64 * 3

    def copy(place: int, at: int, length: int) -> int:
        with raw[0].open("rb") as file, output.open("r+b") as copied:
            file.seek(at)
            data = file.read(length)
            assert masked_crc32c(data) == struct.unpack("<I", file.read(4))[0]
            found = read_features(data, "/image_aux1/encoded")
            copied.seek(place * 30 * frame)
            copied.write(b"".join(found[f"{time}/image_aux1/encoded"][0] for time in range(30)))
            return 30

    output.touch()
    with tarfile.open(raw[0]) as archive:
        place = 0
        for member in archive:
            position = member.offset_data
            while position < member.offset_data + member.size:
                with raw[0].open("rb") as file:
                    file.seek(position)
                    (length,) = struct.unpack("<Q", file.read(8))
                yield partial(copy, place, position + 12, length)
                place, position = place + 1, position + 16 + length

    def finish() -> int:
        with output.open("r+b") as file:
            os.fsync(file.fileno())
        output.unlink()
        return 0

    yield finish


def plain_cityscapes(raw: list[Path]) -> Iterator[Callable[[], int]]:
    def decode(archive: zipfile.ZipFile, name: str) -> int:
        data = np.frombuffer(archive.read(name), np.uint8)
        return int(cv2.imdecode(data, cv2.IMREAD_COLOR) is not None)

    archive = zipfile.ZipFile(raw[0])
    yield from (lambda name=name: decode(archive, name) for name in archive.namelist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(f"{cores()} cores; medians of {arguments.rounds} interleaved rounds (min … max)")
    print(
        f"{'dataset':12}{'frames':>8}{'frames/s':>28}{'plain decoding':>28}{'share':>22}{'MB':>6}"
    )
    datasets = {
        "kth": (kth, plain_kth),
        "bair": (bair, plain_bair),
        "cityscapes": (cityscapes, plain_cityscapes),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, plain) in datasets.items():
            section, raw = write(Path(folder) / name)
            output = Path(folder) / f"{name}.h5"
            rates: dict[str, list[float]] = {"converted": [], "plain": []}
            for _ in range(arguments.rounds):
                began = time.perf_counter()
                convert(name, section, raw, output)
                elapsed = time.perf_counter() - began
                with VideoFile(output) as file:
                    frames = sum(len(split.frames) for split in file.splits.values())
                rates["converted"].append(frames / elapsed)
                began = time.perf_counter()
                *works, last = plain(raw)
                with ThreadPoolExecutor(cores()) as pool:
                    decoded = sum(pool.map(lambda work: work(), works))
                decoded += last()
                rates["plain"].append(decoded / (time.perf_counter() - began))
            text = [
                f"{statistics.median(found):,.0f} ({min(found):,.0f} … {max(found):,.0f})"
                for found in rates.values()
            ]
            shares = sorted(one / other for one, other in zip(*rates.values(), strict=True))
            share = f"{statistics.median(shares):.0%} ({shares[0]:.0%} … {shares[-1]:.0%})"
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{name:12}{frames:8}{text[0]:>28}{text[1]:>28}{share:>22}{memory:6}", flush=True)


if __name__ == "__main__":
    main()
