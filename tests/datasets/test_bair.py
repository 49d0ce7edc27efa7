import numpy as np
import pytest

from rvd.datasets.bair.tfrecord import RecordError, masked_crc32c, read_features
from rvd.datasets.convert import convert
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.archives import bair, example
from tests.datasets.sections import section


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    path = tmp_path_factory.mktemp("bair") / "bair.tar"
    return path, bair(path, train=5, test=2)


def test_videos_equal_the_written_ones_in_the_order_of_names(raw, tmp_path):
    path, videos = raw
    convert("bair", section("bair"), [path], tmp_path / "v.h5")
    with VideoFile(tmp_path / "v.h5") as file:
        names = {name: split.names for name, split in file.splits.items()}
        assert names == {
            "train": ["traj_0_to_1/0", "traj_0_to_1/1", "traj_2_to_3/0", "traj_2_to_3/1"],
            "val": ["traj_4_to_5/0"],
            "test": ["traj_0_to_1/0", "traj_0_to_1/1"],
        }
        assert file.frame_shape == (64, 64, 3)
        # The test file of the same name was written last.
        assert (file.splits["test"].video(1) == videos["traj_0_to_1/1"]).all()
        for name in ("traj_2_to_3/0", "traj_2_to_3/1"):
            found = file.splits["train"].video(names["train"].index(name))
            assert (found == videos[name]).all()
        assert (file.splits["val"].video(0) == videos["traj_4_to_5/0"]).all()


def test_checksum_equals_the_standard():
    # RFC 3720, B.4: CRC-32C of 32 bytes of zeros is 0x8A9136AA; then TFRecord's mask.
    crc = 0x8A9136AA
    expected = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    assert masked_crc32c(bytes(32)) == expected
    assert masked_crc32c(b"") == 0xA282EAD8


@pytest.mark.parametrize("sequence", [False, True])
def test_both_message_types(sequence):
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    found = read_features(example({"a": picture, "b": picture + 1}, sequence))
    assert found == {"a": [picture.tobytes()], "b": [(picture + 1).tobytes()]}
    assert read_features(example({"a": picture, "b": picture}, sequence), "b").keys() == {"b"}


def test_a_truncated_message_is_detected():
    message = example({"a": np.zeros((2, 2, 3), np.uint8)})
    for length in range(1, len(message)):
        with pytest.raises(RecordError):
            read_features(message[:length])


def test_a_flipped_bit_is_detected_at_any_position(raw, tmp_path):
    data = bytearray(raw[0].read_bytes())
    begin = data.index(b"traj_4_to_5") + 512  # within the records of this file
    data[begin + 300_000] ^= 1
    (tmp_path / "bair.tar").write_bytes(data)
    with pytest.raises(UserError, match=r"bair.tar: .*traj_4_to_5.tfrecords: record 0.* CRC-32C"):
        convert("bair", section("bair"), [tmp_path / "bair.tar"], tmp_path / "v.h5")
    assert not (tmp_path / "v.h5").exists()


def test_a_truncated_tar_is_detected(raw, tmp_path):
    data = raw[0].read_bytes()
    (tmp_path / "bair.tar").write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError, match=r"bair.tar: .*traj_\d_to_\d.tfrecords: is truncated"):
        convert("bair", section("bair"), [tmp_path / "bair.tar"], tmp_path / "v.h5")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"videos": {"train": 43264, "test": 256}}, "holds 5 videos of 'train', not 43264"),
        ({"validation": 5}, "validation: 5 of 5 training videos leave none"),
        ({"frames": 31}, "record 0: feature '30/image_aux1/encoded' is not a picture"),
        ({"frames": 20, "horizon": 3}, "record 0: it holds more than 20 frames"),
        ({"stored": [32, 32]}, "is not a picture of 32×32"),
    ],
)
def test_a_mismatch_with_the_config_is_named(raw, tmp_path, change, said):
    with pytest.raises(UserError, match=said):
        convert("bair", section("bair", **change), [raw[0]], tmp_path / "v.h5")
    assert list(tmp_path.iterdir()) == []
