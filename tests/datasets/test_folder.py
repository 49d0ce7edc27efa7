import cv2
import imageio.v3 as iio
import numpy as np
import pytest

from rvd.datasets.convert import convert
from rvd.datasets.folder.config import SharesConfig
from rvd.datasets.folder.listing import split_by_hash
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.archives import film, snippet
from tests.datasets.sections import validated


def folder(path, **changes):
    return validated({"reader": "folder", "path": str(path), "size": 16, **changes})


def pictures(path, frames):
    """Write frames as PNGs whose names sort by number (frame2 before frame10)."""
    path.mkdir(parents=True)
    for number, frame in enumerate(frames):
        cv2.imwrite(str(path / f"frame{number}.png"), cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Write train, val and test, each with a folder of pictures, and a GIF and a film in train."""
    path = tmp_path_factory.mktemp("films")
    frames = {
        split: snippet(12, (64, 32), seed) for seed, split in enumerate(("train", "val", "test"))
    }
    for split, those in frames.items():
        pictures(path / split / "day 1" / "drive", those)
    iio.imwrite(path / "train" / "a.gif", (frames["train"] // 128 * 255), extension=".gif")
    film(path / "train" / "b.avi", 15, size=(64, 32))
    (path / "train" / "notes.txt").write_text("no film")
    (path / "train" / ".hidden.mp4").write_bytes(b"no film")
    return path, frames


def test_folders_are_splits_and_frames_equal_the_written_ones(written, tmp_path):
    path, frames = written
    convert("own", folder(path, split="folders"), [path], tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        assert file.splits["train"].names == ["a.gif", "b.avi", "day 1/drive"]
        assert file.splits["test"].names == ["day 1/drive"]
        for split, video in (("train", 2), ("val", 0), ("test", 0)):
            cut = frames[split][:, :, 16:48].astype(float)
            expected = cut.reshape(12, 16, 2, 16, 2, 3).mean((2, 4))
            assert np.abs(file.splits[split].video(video) - expected).max() <= 0.5
        assert len(file.splits["train"].video(1)) == 15


def test_gifs_equal_the_written_frames(written, tmp_path):
    path, frames = written
    described = folder(path, split="folders", size=32)
    convert("own", described, [path], tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        found = file.splits["train"].video(0)
    expected = (frames["train"] // 128 * 255)[:, :, 16:48]  # eight colours, which a GIF preserves
    assert (found == expected).all()


def test_stride_crop_and_grey(written, tmp_path):
    path, frames = written
    described = folder(path, split="folders", stride=5, crop=[8, 0, 32, 32], channels=1)
    convert("own", described, [path], tmp_path / "v.h5")
    cut = frames["val"][::5, :, 8:40].astype(float) @ [0.299, 0.587, 0.114]
    expected = cut.reshape(3, 16, 2, 16, 2).mean((2, 4))
    with VideoFile(tmp_path / "v.h5") as file:
        assert np.abs(file.splits["val"].video(0)[..., 0] - expected).max() <= 1


def test_without_crop_the_frame_is_stretched(written, tmp_path):
    path, frames = written
    convert("own", folder(path, split="folders", crop="none"), [path], tmp_path / "v.h5")
    expected = frames["val"].astype(float).reshape(12, 16, 2, 16, 4, 3).mean((2, 4))
    with VideoFile(tmp_path / "v.h5") as file:
        assert np.abs(file.splits["val"].video(0) - expected).max() <= 0.5


def test_conversions_from_before_an_option_are_not_repeated(tmp_path):
    assert "cut_films" not in folder(tmp_path).model_dump_json()
    assert folder(tmp_path, cut_films="drop").model_dump(mode="json")["cut_films"] == "drop"


def test_hashes_depend_on_names_alone():
    names = [f"film{index}.mp4" for index in range(100)]
    first, second = split_by_hash(names, SharesConfig()), split_by_hash(names[::-1], SharesConfig())
    assert first == second
    counts = {split: list(first.values()).count(split) for split in ("train", "val", "test")}
    assert counts == {"train": 80, "val": 10, "test": 10}
    assert set(split_by_hash(names[:3], SharesConfig()).values()) == {"train", "val", "test"}


class TestBadInput:
    def test_no_folder(self, tmp_path):
        with pytest.raises(UserError, match="nowhere: there is no such folder"):
            convert("own", folder("x"), [tmp_path / "nowhere"], tmp_path / "v.h5")

    def test_too_few(self, tmp_path):
        film(tmp_path / "a.avi", 3, (16, 16))
        with pytest.raises(UserError, match=r"holds 1 videos .* at least three"):
            convert("own", folder(tmp_path), [tmp_path], tmp_path / "v.h5")

    def test_a_split_without_videos(self, tmp_path):
        film_folder = tmp_path / "train"
        film_folder.mkdir()
        film(film_folder / "a.avi", 3, (16, 16))
        with pytest.raises(UserError, match=r"val: contains no video"):
            convert("own", folder(tmp_path, split="folders"), [tmp_path], tmp_path / "v.h5")

    @pytest.mark.parametrize("bad", ["cut", "text", "playlist"])
    def test_an_unreadable_film(self, tmp_path, bad):
        for name in "ab":
            data = film(tmp_path / f"{name}.avi", 20, (64, 32))
        playlist = "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n"
        content = {"cut": data[: len(data) // 2], "text": b"text", "playlist": playlist.encode()}
        (tmp_path / "bad.avi").write_bytes(content[bad])
        with pytest.raises(UserError, match=r"bad.avi: cannot be read"):
            convert("own", folder(tmp_path), [tmp_path], tmp_path / "v.h5")
        assert not (tmp_path / "v.h5").exists()

    def test_pictures_that_do_not_fit(self, tmp_path):
        for name in "abc":
            pictures(tmp_path / name, snippet(3, (64, 32)))
        cv2.imwrite(str(tmp_path / "b" / "frame3.png"), np.zeros((8, 8, 3), np.uint8))
        with pytest.raises(UserError, match=r"b: cannot be read: frame 3 has \(8, 8, 3\)"):
            convert("own", folder(tmp_path), [tmp_path], tmp_path / "v.h5")
        (tmp_path / "b" / "frame3.png").write_bytes(b"")
        with pytest.raises(UserError, match=r"frame3.png: it is not a picture"):
            convert("own", folder(tmp_path), [tmp_path], tmp_path / "v.h5")

    def test_a_crop_outside_the_frame(self, written, tmp_path):
        described = folder(written[0], split="folders", crop=[40, 0, 32, 32])
        with pytest.raises(UserError, match=r"crop \[40, 0, 32, 32\] does not lie within 64×32"):
            convert("own", described, [written[0]], tmp_path / "v.h5")
