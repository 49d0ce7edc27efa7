import struct
import zipfile
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image

from rvd.datasets.convert import convert
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.archives import cityscapes
from tests.datasets.sections import section


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("cityscapes") / "sequence.zip"
    return path, cityscapes(path)


def square(frames):
    """Return the largest central square of 64×32 pixels, averaged over 2×2: 16×16."""
    cut = frames[:, :, 16:48].astype(np.float64)
    return cut.reshape(len(cut), 16, 2, 16, 2, 3).mean((2, 4))


def test_snippets_equal_the_written_frames(raw, tmp_path):
    path, videos = raw
    convert("city", section("cityscapes"), [path], tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        names = {name: split.names for name, split in file.splits.items()}
        assert names == {
            "train": [
                "aachen_000000_000000",
                "aachen_000001_000000",
                "hamburg_000000_000020",
                "hamburg_000000_000050",
            ],
            "val": ["bonn_000003_000000"],
            "test": ["frankfurt_000000_000275"],
        }
        for split in file.splits.values():
            for index, name in enumerate(split.names):
                found = split.video(index)
                assert found.shape == (30, 16, 16, 3)
                assert np.abs(found - square(videos[name])).max() <= 0.5


def test_the_papers_size_is_a_mean_of_eight_by_eight(tmp_path):
    splits = [("train", "a", 0, 0), ("val", "b", 0, 0), ("test", "c", 0, 0)]
    videos = cityscapes(tmp_path / "c.zip", splits, frames=2, size=(2048, 1024))
    described = section("cityscapes", stored=[2048, 1024], size=128, frames=20)
    convert(
        "c", described.model_copy(update={"frames": 2}), [tmp_path / "c.zip"], tmp_path / "v.h5"
    )
    cut = videos["a_000000_000000"][:, :, 512:1536].astype(np.float64)
    expected = cut.reshape(2, 128, 8, 128, 8, 3).mean((2, 4))
    with VideoFile(tmp_path / "v.h5") as file:
        assert np.abs(file.splits["train"].video(0) - expected).max() <= 0.5


def rewritten(source, target, change):
    """Rewrite the zip with ``change(name, data)`` for each member; None removes it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for info in old.infolist():
            data = change(info.filename, old.read(info))
            if data is not None:
                new.writestr(info.filename, data)


def other_size(data):
    return cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes()


def rotated(data, turned=3):
    """Return the PNG with an EXIF orientation (3: upside down)."""
    exif = Image.Exif()
    exif[0x0112] = turned
    content = exif.tobytes().removeprefix(b"Exif\0\0")
    chunk = b"eXIf" + content
    after_header = 8 + 25
    packed = struct.pack(">I", len(content)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return data[:after_header] + packed + data[after_header:]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (rotated, r"000025_leftImg8bit.png: .*its EXIF orientation is 3"),
        (lambda data: rotated(data, 6), r"000025_leftImg8bit.png: .*its EXIF orientation is 6"),
        (lambda data: None, r"hamburg_000000: frames 20 to 24 are not whole snippets of 30"),
        (
            lambda data: data[:-20],
            r"000025_.*: is not a picture of 64×32: .*truncated",
        ),
        (lambda data: data[:60] + b"xx" + data[62:], r"000025_leftImg8bit.png: .* corrupt"),
        (lambda data: b"GIF89a" + data, r"000025_leftImg8bit.png: .*it is not a PNG"),
        (other_size, r"000025_leftImg8bit.png: is not a picture of 64×32: 16×16 pixels"),
    ],
)
def test_a_bad_picture_is_named(raw, tmp_path, change, said):
    path = tmp_path / "bad.zip"
    wanted = "hamburg_000000_000025"
    rewritten(raw[0], path, lambda name, data: change(data) if wanted in name else data)
    with pytest.raises(UserError, match=said) as caught:
        convert("city", section("cityscapes"), [path], tmp_path / "v.h5")
    assert str(path) in str(caught.value)
    assert not (tmp_path / "v.h5").exists()


def test_another_number_of_snippets_is_refused(raw, tmp_path):
    described = section("cityscapes", videos={"train": 2975})
    with pytest.raises(UserError, match="holds 4 snippets of 'train', not 2975"):
        convert("city", described, [raw[0]], tmp_path / "v.h5")


def test_a_missing_split_is_reported(raw, tmp_path):
    path = tmp_path / "bad.zip"
    rewritten(raw[0], path, lambda name, data: None if "/val/" in name else data)
    with pytest.raises(UserError, match=r"holds no pictures leftImg8bit_sequence/val/"):
        convert("city", section("cityscapes"), [path], tmp_path / "v.h5")
