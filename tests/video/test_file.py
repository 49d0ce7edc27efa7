import h5py
import numpy as np
import pytest

from rvd.errors import UserError
from rvd.video import VideoFile, VideoInfo, write_video_file
from tests.tiny import moving_squares, write_squares


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_round_trip(tmp_path, dtype, channels):
    path = write_squares(tmp_path / "v.h5", channels, dtype)
    with VideoFile(path) as file:
        train = file.splits["train"]
        assert train.names == ["train-0", "train-1", "train-2"]
        assert file.frame_shape == (16, 16, channels)
        for index in range(3):
            written = moving_squares(12, channels=channels, seed=index, dtype=dtype)
            np.testing.assert_array_equal(train.video(index), written)
            assert train.frames.dtype == dtype
        assert file.info.frame_rate == 5.0


def test_starts_never_cross_videos(tmp_path):
    with VideoFile(write_squares(tmp_path / "v.h5")) as file:
        starts = file.splits["train"].starts(5)
    assert len(starts) == 3 * (12 - 5 + 1)
    assert ((starts % 12) <= 12 - 5).all()


def test_frames_are_one_a_chunk_and_uncompressed(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path) as file:
        frames = file["train/frames"]
        assert frames.chunks == (1, 16, 16, 1)
        assert frames.compression is None


def test_fingerprint_tells_contents_apart(tmp_path):
    prints = set()
    for name, dtype in (("a", np.uint8), ("b", np.uint8), ("c", np.float32)):
        with VideoFile(write_squares(tmp_path / f"{name}.h5", dtype=dtype)) as file:
            prints.add(file.fingerprint())
    assert len(prints) == 2


def damage_truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def damage_foreign(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def damage_version(path):
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99


def damage_text(path):
    path.write_text("not HDF5")


def damage_attribute_in_a_heap(path):
    with h5py.File(path, "r+") as file:
        file.attrs["config"] = "{}"  # h5py gives it a variable length


def damage_names_in_a_heap(path):
    with h5py.File(path, "r+") as file:
        names = file["train/name"].asstr()[:]
        del file["train/name"]
        file["train"].create_dataset("name", data=names, dtype=h5py.string_dtype())


def damage_missing_split(path):
    with h5py.File(path, "r+") as file:
        del file["val"]


def damage_offsets(path):
    with h5py.File(path, "r+") as file:
        file["train/first_frame"][-1] = 5


def damage_names(path):
    with h5py.File(path, "r+") as file:
        file["train/name"][1] = "train-0"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (damage_truncated, "not a readable HDF5 file"),
        (damage_foreign, "so is foreign"),
        (damage_version, "version 99"),
        (damage_text, "not a readable HDF5 file"),
        (damage_attribute_in_a_heap, "'config' is of variable length"),
        (damage_names_in_a_heap, "name is no dataset of values of a fixed length"),
        (damage_missing_split, "is damaged"),
        (damage_offsets, "does not divide"),
        (damage_names, "not all different"),
    ],
)
def test_damage_is_named_in_one_line(tmp_path, damage, said):
    path = write_squares(tmp_path / "v.h5")
    damage(path)
    with pytest.raises(UserError, match=said) as caught:
        VideoFile(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        VideoFile(tmp_path / "absent.h5")


def test_failed_writing_leaves_the_file_before(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    before = path.read_bytes()

    def videos():
        yield "train", "a", moving_squares(5)
        raise UserError("the archive is damaged")

    with pytest.raises(UserError, match="archive"):
        write_video_file(path, videos(), (16, 16, 1), np.float32, VideoInfo())
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["v.h5"]


def test_wrong_shape_and_empty_split_are_refused(tmp_path):
    path = tmp_path / "v.h5"
    with pytest.raises(UserError, match="expected"):
        write_video_file(
            path, [("train", "a", moving_squares(5, 8))], (16, 16, 1), np.float32, VideoInfo()
        )
    with pytest.raises(UserError, match="'val' would hold no video"):
        write_video_file(
            path, [("train", "a", moving_squares(5))], (16, 16, 1), np.float32, VideoInfo()
        )
    assert list(tmp_path.iterdir()) == []
