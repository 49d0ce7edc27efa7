"""Films and folders written by other software."""

import gzip
import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from rvd.datasets.bair.tfrecord import RecordError, index_records
from rvd.datasets.convert import convert
from rvd.datasets.folder.listing import split_videos
from rvd.datasets.folder.video import BLOCK, ReadingOptions, read_frames
from rvd.datasets.reading import frames
from rvd.datasets.reading.films import decode_film
from rvd.datasets.reading.frames import DecodingError, crop_and_resize, decode_picture
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.archives import film
from tests.datasets.test_folder import folder


def gradient(width, height):
    """Return a picture that is bright only at the top left, so all rotations differ."""
    y, x = np.mgrid[0:height, 0:width]
    return (255 * (1 - x / width) * (1 - y / height)).astype(np.uint8)


def mp4(path, picture, count=3, aspect=None, clockwise=0):
    """Write a film of one picture, with ``clockwise`` quarter turns in its header, like phones."""
    container = av.open(str(path), "w")
    stream = container.add_stream("mpeg4", rate=10)
    stream.height, stream.width = picture.shape
    stream.pix_fmt, stream.bit_rate = "yuv420p", 8_000_000
    if aspect is not None:
        stream.codec_context.sample_aspect_ratio = aspect
    for _ in range(count):
        frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
    container.close()
    data = bytearray(path.read_bytes())
    cosine, sine = [(1, 0), (0, 1), (-1, 0), (0, -1)][clockwise]
    one = 1 << 16
    matrix = [cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, 1 << 30]
    # After the box's type: version, three times, a number, spare bytes, and then the matrix.
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = struct.pack(">9i", *matrix)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("clockwise", [0, 1, 2, 3])
def test_a_film_with_a_rotation_is_turned_upright(tmp_path, clockwise):
    stored = gradient(64, 32)
    path = mp4(tmp_path / "phone.mp4", stored, clockwise=clockwise)
    expected = np.rot90(stored, -clockwise)
    (first, *_) = decode_film(path, 1, as_displayed=True)
    assert first.shape[:2] == expected.shape
    assert np.abs(first[..., 0].astype(int) - expected).mean() < 6
    (left_as_stored, *_) = decode_film(path, 1)
    assert np.abs(left_as_stored[..., 0].astype(int) - stored).mean() < 6


def test_non_square_pixels_are_stretched(tmp_path):
    stored = gradient(32, 48)
    path = mp4(tmp_path / "wide.mp4", stored, aspect=Fraction(2, 1))
    (first, *_) = decode_film(path, 1, as_displayed=True)
    assert first.shape == (48, 64, 1)
    expected = cv2.resize(stored, (64, 48), interpolation=cv2.INTER_LINEAR)
    assert np.abs(first[..., 0].astype(int) - expected).mean() < 6


def test_a_name_with_a_colon_is_not_a_protocol(tmp_path, monkeypatch):
    film(tmp_path / "12:30.avi", 4, (32, 32))
    monkeypatch.chdir(tmp_path)
    assert len(read_frames(Path("12:30.avi"), ReadingOptions(16, 1))) == 4


def test_hidden_files_of_other_systems_are_skipped(tmp_path):
    for number in range(3):
        cv2.imwrite(str(tmp_path / f"{number}.png"), np.full((8, 8), 80 * number, np.uint8))
        (tmp_path / f"._{number}.png").write_bytes(b"resource fork")
    assert read_frames(tmp_path, ReadingOptions(8, 1))[:, 0, 0, 0].tolist() == [0, 80, 160]


def test_names_with_digits_that_are_not_decimals_are_sorted(tmp_path):
    for value, name in enumerate(("2²1.png", "10.png")):
        cv2.imwrite(str(tmp_path / name), np.full((8, 8), value, np.uint8))
    assert read_frames(tmp_path, ReadingOptions(8, 1))[:, 0, 0, 0].tolist() == [0, 1]


def test_films_among_pictures_are_refused(tmp_path):
    mixed = tmp_path / "mixed"
    mixed.mkdir()
    film(mixed / "a.avi", 3, (16, 16))
    cv2.imwrite(str(mixed / "cover.png"), np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match="mixed: contains films and pictures"):
        split_videos(folder(tmp_path), tmp_path)


# fmt: off
HOSTILE = [
    "-rf", "--output=x", " ", "a b", " a", "a ", "'", '"', "`id`", "$(id)", "$HOME", "a;b",
    "a&b", "a|b", "a>b", "*", "?", "[a]", "{a}", "{0}", "%s", "%03d", "%n", "#", "!", "~", "^",
    "\\", "a\\b", "a\nb", "a\tb", "a\rb", "\x01", "\x1b[31m", "\x7f", "\u202eb", "\u200b",
    "\ufeffa", "é", "e\u0301", "ß", "Ω", "日本", "🎬", "👩\u200d👩\u200d👧", "ı", "²", "2²1", "٣",
    "ﬁ",
    "Ａ", "a.b", "a..b", "a...", "con", "nul", "12:30", "http:", "file:a", "concat:a|b",
    "pipe:0", "data:,a", "rtsp:", "fd:1", "subfile,,start,0,end,9,,:a", "crypto:a", "async:a",
    "cache:a", "tcp:", "null", "true", "1e3", "0", "00", "-1", "0x1", "NaN", "inf", "__init__",
    "<a>", "a=b", "a,b", "@a", "a@b", "+a", "(a)", "train", "frames", "a" * 200, "é" * 100,
    "a.mp4", "a.", "a:b:c", "::", "\xa0", "\u3000", "a%2Fb", "&amp;", "<b>", "\u2028", "\ud7ff",
    "file,a", "a'b", "x\"y",
]
# fmt: on


def test_a_hundred_hostile_names_are_names_of_videos(tmp_path):
    assert len(set(HOSTILE)) == len(HOSTILE) >= 100
    raw = tmp_path / "raw"
    raw.mkdir()
    data = film(tmp_path / "film.avi", 3, (32, 32))
    for name in HOSTILE:
        (raw / f"{name}.avi").write_bytes(data)
    convert("own", folder(raw), [raw], tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        names = [name for split in file.splits.values() for name in split.names]
        assert all(len(split.video(0)) == 3 for split in file.splits.values())
    assert sorted(names) == sorted(f"{name}.avi" for name in HOSTILE)
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "film.avi", "v.h5"}


def test_a_name_that_is_not_utf8_is_refused_in_one_line(tmp_path):
    with open(os.fsencode(tmp_path) + b"/\xff.avi", "wb"):
        pass
    with pytest.raises(UserError, match=r"udcff\.avi': its name is not in UTF-8"):
        split_videos(folder(tmp_path), tmp_path)


def test_a_cropped_frame_does_not_keep_the_original_in_memory():
    whole = np.zeros((480, 640, 3), np.uint8)
    assert crop_and_resize(whole, (0, 0, 64, 64), 64, "area").base is None


@pytest.mark.parametrize("count", [1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_frames_are_complete_across_blocks(tmp_path, count):
    film(tmp_path / "a.avi", count, (32, 64))
    found = read_frames(tmp_path / "a.avi", ReadingOptions(16, 1, "none"))
    assert len(found) == count
    means = found.reshape(count, -1).mean(1)
    assert np.abs(np.diff(means[: min(count, 150)]) - 1).max(initial=0) < 3


def test_too_large_pictures_are_refused_before_they_are_decoded(monkeypatch):
    data = cv2.imencode(".png", np.zeros((300, 300), np.uint8))[1].tobytes()
    assert decode_picture(data, 1).shape == (300, 300, 1)
    monkeypatch.setattr(frames, "LARGEST", 80_000)
    monkeypatch.setattr(cv2, "imdecode", None)  # calling it would fail
    with pytest.raises(DecodingError, match="claims 300×300 pixels"):
        decode_picture(data, 1)


def test_too_large_films_are_refused(tmp_path, monkeypatch):
    film(tmp_path / "a.avi", 3, (320, 240))
    monkeypatch.setattr(frames, "LARGEST", 70_000)
    with pytest.raises(DecodingError, match="claims 320×240 pixels"):
        next(decode_film(tmp_path / "a.avi", 1))


@pytest.mark.parametrize(("pack", "name"), [(gzip.compress, "GZIP"), (zlib.compress, "ZLIB")])
def test_compressed_records_are_reported(tmp_path, pack, name):
    path = tmp_path / "a.tfrecords"
    path.write_bytes(pack(os.urandom(200)))
    with path.open("rb") as file, pytest.raises(RecordError, match=f"compressed by {name}"):
        list(index_records(file, 0, path.stat().st_size))


def test_texts_in_a_film_may_have_any_encoding(tmp_path):
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "Kueche"
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        container.mux(stream.encode())
    path.write_bytes(path.read_bytes().replace(b"Kueche", b"K\xfcche!"))
    assert len(read_frames(path, ReadingOptions(16, 1))) == 1
