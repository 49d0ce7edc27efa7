"""Tiny archives in the exact formats of the datasets, with their content."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import av
import cv2
import numpy as np

from rvd.datasets.bair.tfrecord import masked_crc32c

ACTIONS = ("walking", "jogging", "running", "boxing", "handwaving", "handclapping")
PREAMBLE = """The files below are the 599 video files of the database.
Frames of subsequences are counted from 1.

"""


def film(path: Path, frames: int, size=(160, 120), tag="DX50", seed=0) -> bytes:
    """Write an MPEG-4 film in AVI like KTH's: frame i has grey 20 + i % 200 and a square."""
    container = av.open(str(path), "w", format="avi")
    stream = container.add_stream("mpeg4", rate=25)
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    stream.codec_context.codec_tag = tag
    stream.bit_rate = 4_000_000
    for index in range(frames):
        picture = np.full((size[1], size[0]), 20 + index % 200, np.uint8)
        left = (seed * 17 + 3 * index) % (size[0] - 20)
        picture[40:60, left : left + 20] = 230
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()
    return path.read_bytes()


def decoded(data: bytes, folder: Path) -> np.ndarray:
    """Decode the grey frames of a film with OpenCV, independently of the tested reader."""
    path = folder / "decoded.avi"
    path.write_bytes(data)
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
    return np.stack(frames)


def kth(folder: Path, persons=range(1, 26), frames=40, actions=ACTIONS) -> dict[str, bytes]:
    """Write six zips and 00sequences.txt; return the bytes by film. Ranges overlap, out of order.

    ``person13_handclapping_d3`` is listed as missing and is, as in the original.
    """
    folder.mkdir(parents=True, exist_ok=True)
    films: dict[str, bytes] = {}
    lines = []
    for action in ACTIONS:
        with zipfile.ZipFile(folder / f"{action}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for person in persons if action in actions else ():
                scene = 3 if (person, action) == (13, "handclapping") else 1
                name = f"person{person:02}_{action}_d{scene}"
                if scene == 3:
                    lines.append(f"{name}\t*missing*\n")
                    continue
                tag = "DIVX" if person % 2 else "DX50"
                films[name] = film(folder / "film.avi", frames, tag=tag, seed=person)
                archive.writestr(f"{name}_uncomp.avi", films[name])
                lines.append(f"{name}\t\tframes\t21-{frames}, 1-24\n")
    (folder / "film.avi").unlink()
    (folder / "00sequences.txt").write_text(PREAMBLE + "\n".join(lines))
    return films


def _varint(value: int) -> bytes:
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def _field(number: int, value: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(value)) + value


def example(pictures: dict[str, np.ndarray], sequence: bool = False) -> bytes:
    """Return an Example (or SequenceExample) of raw pictures and floats."""
    floats = _field(2, _field(1, struct.pack("<4f", 1, 2, 3, 4)))
    entries = [_field(1, _field(1, b"0/action") + _field(2, floats))]
    for name, picture in pictures.items():
        feature = _field(1, _field(1, picture.tobytes()))
        entries.append(_field(1, _field(1, name.encode()) + _field(2, feature)))
    message = _field(1, b"".join(entries))
    return message + (_field(2, b"") if sequence else b"")


def tfrecord(records: list[bytes]) -> bytes:
    found = b""
    for record in records:
        length = struct.pack("<Q", len(record))
        found += length + struct.pack("<I", masked_crc32c(length))
        found += record + struct.pack("<I", masked_crc32c(record))
    return found


def add_to_tar(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def bair(path: Path, train=4, test=2, frames=30, size=64) -> dict[str, np.ndarray]:
    """Write a tar of TFRecords, files out of order; return the image_aux1 frames by video."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(0)
    videos = {}
    with tarfile.open(path, "w") as archive:
        for split, count in (("train", train), ("test", test)):
            files = {}
            for first in range(0, count, 2):
                stem, records = f"traj_{first}_to_{first + 1}", []
                for number in range(min(2, count - first)):
                    shape = (frames, size, size, 3)
                    aux, main = (generator.integers(0, 256, shape, np.uint8) for _ in range(2))
                    # Times are out of order within a record, as entries of a map may be.
                    pictures = {}
                    for time in reversed(range(frames)):
                        pictures[f"{time}/image_aux1/encoded"] = aux[time]
                        pictures[f"{time}/image_main/encoded"] = main[time]
                    records.append(example(pictures, sequence=number == 1))
                    videos[f"{stem}/{number}"] = aux
                files[f"softmotion30_44k/{split}/{stem}.tfrecords"] = tfrecord(records)
            for name in reversed(files):
                add_to_tar(archive, name, files[name])
    return videos


def snippet(frames: int, size=(2048, 1024), seed=0) -> np.ndarray:
    """Return RGB frames (frame, height, width, 3) of moving blocks that encode the frame number."""
    generator = np.random.default_rng(seed)
    blocks = generator.integers(0, 256, (frames, size[1] // 16, size[0] // 16, 3), np.uint8)
    return blocks.repeat(16, axis=1).repeat(16, axis=2)


def cityscapes(path: Path, snippets=None, frames=30, size=(64, 32)) -> dict[str, np.ndarray]:
    """Write a zip of PNGs in reverse order; return the frames by snippet.

    ``snippets`` are (split, city, sequence, first frame).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    snippets = snippets or [
        ("train", "aachen", 0, 0),
        ("train", "aachen", 1, 0),
        ("train", "hamburg", 0, 20),
        ("train", "hamburg", 0, 20 + frames),  # follows the previous one without a gap
        ("val", "frankfurt", 0, 275),
        ("test", "bonn", 3, 0),
    ]
    videos, files = {}, {}
    for number, (split, city, sequence, first) in enumerate(snippets):
        drive = f"{city}_{sequence:06}"
        videos[f"{drive}_{first:06}"] = snippet(frames, size, number)
        for index, frame in enumerate(videos[f"{drive}_{first:06}"]):
            name = f"{drive}_{first + index:06}_leftImg8bit.png"
            png = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()
            files[f"leftImg8bit_sequence/{split}/{city}/{name}"] = png
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README", "not a picture")
        for name in reversed(files):
            archive.writestr(name, files[name])
    return videos
