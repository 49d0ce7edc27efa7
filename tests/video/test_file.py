import hashlib

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


def test_clip_starts_never_cross_videos(tmp_path):
    with VideoFile(write_squares(tmp_path / "v.h5")) as file:
        starts = file.splits["train"].clip_starts(5)
    assert len(starts) == 3 * (12 - 5 + 1)
    assert ((starts % 12) <= 12 - 5).all()


def test_frames_are_in_uncompressed_chunks(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path) as file:
        frames = file["train/frames"]
        assert frames.chunks == (10, 16, 16, 1)
        assert frames.compression is None


@pytest.mark.parametrize("blocks", [1, 3, 10, 12])
def test_videos_do_not_begin_with_chunks(tmp_path, blocks):
    """Any length of videos and blocks gives the same content."""
    generator = np.random.default_rng(0)
    lengths = {"train": (7, 1, 23, 2), "val": (1,), "test": (10, 9)}
    videos = [
        (split, f"{split}-{place}", generator.integers(0, 255, (length, 4, 4, 1), np.uint8))
        for split, found in lengths.items()
        for place, length in enumerate(found)
    ]
    videos = [videos[place] for place in generator.permutation(len(videos))]

    def in_blocks():
        reused = np.empty((blocks, 4, 4, 1), np.uint8)
        for split, name, frames in videos:
            parts = (frames[first : first + blocks] for first in range(0, len(frames), blocks))
            # The reader may write each block into the same memory.
            yield split, name, (np.copyto(reused[: len(p)], p) or reused[: len(p)] for p in parts)

    path = tmp_path / "v.h5"
    write_video_file(path, in_blocks(), (4, 4, 1), np.uint8, VideoInfo())
    with VideoFile(path) as file:
        for split, name, frames in videos:
            found = file.splits[split]
            np.testing.assert_array_equal(found.video(found.names.index(name)), frames)
        fingerprint = file.fingerprint()
    write_video_file(path, videos, (4, 4, 1), np.uint8, VideoInfo())
    with VideoFile(path) as file:
        assert file.fingerprint() == fingerprint


def test_large_frames_have_one_chunk_each(tmp_path):
    shape = (256, 256, 3)
    videos = [(split, split, np.zeros((2, *shape), np.uint8)) for split in ("train", "val", "test")]
    write_video_file(tmp_path / "v.h5", videos, shape, np.uint8, VideoInfo())
    with h5py.File(tmp_path / "v.h5") as file:
        assert file["train/frames"].chunks == (1, *shape)


def test_a_file_with_one_frame_per_chunk_is_the_same(tmp_path):
    """Earlier versions wrote them."""
    path = write_squares(tmp_path / "v.h5")
    with VideoFile(path) as file:
        fingerprint, video = file.fingerprint(), file.splits["train"].video(1)
    with h5py.File(path, "r+") as file:
        for split in ("train", "val", "test"):
            frames = file[f"{split}/frames"][:]
            del file[f"{split}/frames"]
            file[split].create_dataset("frames", data=frames, chunks=(1, *frames.shape[1:]))
    with VideoFile(path) as file:
        assert file.fingerprint() == fingerprint
        np.testing.assert_array_equal(file.splits["train"].video(1), video)


def test_the_fingerprint_depends_on_the_content(tmp_path):
    prints = set()
    for name, dtype in (("a", np.uint8), ("b", np.uint8), ("c", np.float32)):
        with VideoFile(write_squares(tmp_path / f"{name}.h5", dtype=dtype)) as file:
            prints.add(file.fingerprint())
    assert len(prints) == 2


def test_the_fingerprint_covers_every_frame(tmp_path):
    prints = []
    for name, changed in (("a", None), ("b", None), ("c", 5)):
        frames = moving_squares(12, 16, 1, 0, np.uint8).copy()
        if changed is not None:
            frames[changed] += 1
        others = moving_squares(12, 16, 1, 1, np.uint8)
        videos = [("train", "a", frames), ("val", "b", others), ("test", "c", others)]
        path = tmp_path / f"{name}.h5"
        write_video_file(path, videos, (16, 16, 1), np.uint8, VideoInfo())
        with VideoFile(path) as file:
            prints.append(file.fingerprint())
    assert prints[0] == prints[1] != prints[2]


def test_a_file_from_before_the_checksum_keeps_its_fingerprint(tmp_path):
    """Checkpoints store the fingerprint, and must remain resumable."""
    path = write_squares(tmp_path / "v.h5")
    with h5py.File(path, "r+") as file:
        del file.attrs["content_sha256"]
    with VideoFile(path) as file:
        digest = hashlib.sha256(repr(file.info).encode())
        for split in file.splits.values():
            digest.update(split.first_frame.tobytes() + "\0".join(split.names).encode())
            digest.update(split.frames[:1].tobytes() + split.frames[-1:].tobytes())
        assert file.fingerprint() == digest.hexdigest()[:16]


def damage_truncated(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def damage_format(path):
    with h5py.File(path, "w") as file:
        file["x"] = 1


def damage_version(path):
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = 99


def damage_text(path):
    path.write_text("not HDF5")


def damage_attribute_in_a_heap(path):
    with h5py.File(path, "r+") as file:
        file.attrs["config"] = "{}"  # h5py stores it with variable length


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
        (damage_format, "so is of another program"),
        (damage_version, "version 99"),
        (damage_text, "not a readable HDF5 file"),
        (damage_attribute_in_a_heap, "'config' has variable length"),
        (damage_names_in_a_heap, "name is not a dataset of fixed-length values"),
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


def test_failed_writing_keeps_the_previous_file(tmp_path):
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
    with pytest.raises(UserError, match="'val' has no video"):
        write_video_file(
            path, [("train", "a", moving_squares(5))], (16, 16, 1), np.float32, VideoInfo()
        )
    assert list(tmp_path.iterdir()) == []
