import cv2
import numpy as np
import pytest

from rvd.cli import main
from rvd.datasets.inspection import COLUMNS, GAP, contact_sheet, summarise
from rvd.errors import UserError
from rvd.video import VideoFile, VideoInfo, write_video_file
from tests.tiny import write_squares


@pytest.fixture
def path(tmp_path):
    """Write a video file in which frame i of a video has grey level i."""

    def grey(frames):
        return np.arange(frames, dtype=np.uint8)[:, None, None, None].repeat(16, 1).repeat(16, 2)

    videos = [("train", "a", grey(10)), ("train", "b", grey(40)), ("val", "c", grey(5))]
    videos.append(("test", "d", grey(8)))
    write_video_file(tmp_path / "v.h5", videos, (16, 16, 1), np.uint8, VideoInfo(source="greys"))
    return tmp_path / "v.h5"


def test_counts_and_values(path):
    with VideoFile(path) as file:
        found = summarise(file.splits["train"])
    assert (found.videos, found.frames, found.shortest, found.longest) == (2, 50, 10, 40)
    levels = [*range(10), *range(40)]
    assert (found.minimum, found.maximum) == (0, pytest.approx(39, abs=1e-3))
    assert found.mean == pytest.approx(np.mean(levels), abs=1e-3)
    assert found.deviation == pytest.approx(np.std(levels), abs=1e-3)


def test_the_sheet_shows_first_to_last_frame(path):
    with VideoFile(path) as file:
        sheet = contact_sheet(file)
    # Rows: two of train, one each of val and test.
    step = 64 + GAP
    shown = [int(sheet[step + 32, column * step + 32, 0]) for column in range(COLUMNS)]
    assert shown == np.linspace(0, 39, COLUMNS).round().astype(int).tolist()
    assert sheet.shape == (4 * step + 2 * 3 * GAP, COLUMNS * step - GAP, 3)


def test_the_command(path, capsys):
    main_ends(["inspect", str(path)])
    said = capsys.readouterr().out
    assert "16×16 pixels, 1 channel, uint8" in said
    assert "source: greys" in said
    train = next(line for line in said.splitlines() if line.startswith("train")).split()
    assert train[:5] == ["train", "2", "50", "10-40", "0-39"]
    assert cv2.imread(str(path.with_suffix(".png"))) is not None


def test_signed_floats(tmp_path):
    main_ends(
        ["inspect", str(write_squares(tmp_path / "s.h5")), "--output", str(tmp_path / "s.png")]
    )
    assert cv2.imread(str(tmp_path / "s.png")).max() == 255


def test_a_foreign_file(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"x")
    from rvd.datasets.inspection import inspect

    with pytest.raises(UserError, match="is not a readable HDF5 file"):
        inspect(tmp_path / "x.h5", tmp_path / "x.png")
    assert not (tmp_path / "x.png").exists()


def main_ends(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
