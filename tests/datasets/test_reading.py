"""Which frames of a video are read, in which memory."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from rvd.datasets.convert import convert
from rvd.datasets.folder import selection
from rvd.datasets.folder.listing import split_videos
from rvd.datasets.folder.selection import Selection
from rvd.datasets.folder.video import ReadingOptions, read_blocks, read_frames
from rvd.datasets.reading.animations import is_animation
from rvd.datasets.reading.conversion import FrameConverter
from rvd.datasets.reading.frames import DecodingError
from rvd.datasets.reading.streams import AHEAD, parallel_streams
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.films import pictures, write_film
from tests.datasets.test_folder import folder


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "a.mp4"
    write_film(path)
    return path, read_frames(path, ReadingOptions(48, 1))


def chosen(path, **choice):
    return read_frames(path, ReadingOptions(48, 1, selection=Selection(**choice)))


class TestSelection:
    @pytest.mark.parametrize(
        ("choice", "expected"),
        [
            ({}, slice(None)),
            ({"last": 4}, slice(-4, None)),
            ({"last": 99}, slice(None)),
            ({"frame": 10}, slice(10)),
            ({"frame": 10, "last": 3}, slice(7, 10)),
            ({"frame": 40, "last": 3}, slice(-3, None)),
            ({"at": 0.4, "last": 3}, slice(7, 10)),
            ({"at": 0.41, "last": 3}, slice(8, 11)),
            ({"at": 1.6, "last": 3}, slice(-3, None)),
            ({"stride": 3, "last": 2}, slice(36, 40, 3)),
            ({"stride": 3, "frame": 10, "last": 2}, slice(6, 10, 3)),
        ],
    )
    def test_frames_are_those_of_the_whole_film(self, film, choice, expected):
        path, whole = film
        assert (chosen(path, **choice) == whole[expected]).all()

    @pytest.mark.parametrize(
        ("choice", "message"),
        [
            ({"frame": 41}, "frame 41 lies outside: it has 40 frames"),
            ({"at": 1.7}, r"1\.7 seconds lie outside: it ends after 1\.6 seconds"),
            ({"frame": 0}, "it contains no frames before frame 0"),
            ({"at": 0.0}, "it contains no frames before 0 seconds"),
        ],
    )
    def test_moments_outside_are_refused(self, film, choice, message):
        with pytest.raises(DecodingError, match=message):
            chosen(film[0], **choice)

    def test_pictures_have_numbers_but_no_times(self, tmp_path):
        for number, picture in enumerate(pictures(5)):
            Image.fromarray(picture).save(tmp_path / f"{number}.png")
        assert len(chosen(tmp_path, frame=3)) == 3
        with pytest.raises(DecodingError, match="no times; give the number of a frame"):
            chosen(tmp_path, at=0.1)

    def test_only_the_frames_that_are_needed_are_converted(self, film, monkeypatch):
        numbers = []
        convert_frame = FrameConverter.__call__

        def counted(self, frame):
            numbers.append(frame.pts)
            return convert_frame(self, frame)

        monkeypatch.setattr(FrameConverter, "__call__", counted)
        expected = chosen(film[0], last=4)
        assert len(numbers) == 4
        # Large frames are not kept until the end.
        monkeypatch.setattr(selection, "HELD", 0)
        assert (chosen(film[0], last=4) == expected).all()
        assert len(numbers) == 44

    def test_no_frame_after_the_moment_is_decoded(self, film, tmp_path, monkeypatch):
        """Not those of a damaged end either, if the container is whole."""
        path = tmp_path / "a.mp4"
        data = bytearray(film[0].read_bytes())
        data[-1500:] = b"\xff" * 1500
        path.write_bytes(data)
        with pytest.raises(DecodingError, match="damaged"):
            chosen(path)
        assert (chosen(path, frame=9, last=4) == film[1][5:9]).all()


class TestBlocks:
    @pytest.mark.parametrize("length", [1, 7, 40, 64])
    def test_blocks_join_to_the_film(self, film, length):
        blocks = list(read_blocks(film[0], ReadingOptions(48, 1), length))
        assert max(map(len, blocks)) <= length
        assert (np.concatenate(blocks) == film[1]).all()

    @pytest.mark.parametrize("threads", [1, 3])
    def test_a_conversion_in_blocks_equals_the_films(self, tmp_path, threads):
        raw = tmp_path / "raw"
        raw.mkdir()
        for number, suffix in enumerate([".mp4", ".avi", ".gif", ".mkv", ".webm"] * 2):
            write_film(raw / f"{number}{suffix}", 5 + 7 * number)
        convert("own", folder(raw, size=48, channels=1), [raw], tmp_path / "v.h5", threads)
        with VideoFile(tmp_path / "v.h5") as file:
            found = {
                name: split.video(number)
                for split in file.splits.values()
                for number, name in enumerate(split.names)
            }
        assert len(found) == 10
        for name, video in found.items():
            assert (video == read_frames(raw / name, ReadingOptions(48, 1))).all()

    def test_streams_are_in_order_and_hold_few_results(self):
        made = [0] * 9

        def work(job):
            for number in range(20):
                made[job] += 1
                yield job, number

        for taken, (job, results) in enumerate(
            parallel_streams(work, range(9), 2, lambda job: job % 2 == 0)
        ):
            assert job == taken
            for number, result in enumerate(results):
                assert result == (job, number)
                assert made[job] <= number + AHEAD + 2
            assert all(count <= AHEAD + 1 for count in made[job + 1 :])
            assert not any(made[later] for later in range(job + 1, 9) if later % 2 == 0)

    def test_an_error_ends_the_streams(self):
        def work(job):
            yield job
            if job == 3:
                raise UserError("broken")

        taken = []

        def take():
            for _, results in parallel_streams(work, range(99), 2, lambda job: job == 4):
                taken.extend(results)

        with pytest.raises(UserError, match="broken"):
            take()
        assert taken == [0, 1, 2, 3]


class TestAnimations:
    @pytest.fixture
    def frames(self):
        return [Image.fromarray(picture).convert("RGB") for picture in pictures(6)]

    def test_an_animated_webp_is_a_film(self, tmp_path, frames):
        path = tmp_path / "a.webp"
        frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, lossless=True)
        expected = pictures(6)[:, :, 8:56, None]
        assert (chosen(path) == expected).all()
        assert (chosen(path, at=0.3) == expected[:3]).all()
        with pytest.raises(DecodingError, match=r"0\.7 seconds lie outside: it ends after 0\.6"):
            chosen(path, at=0.7)
        path.write_bytes(path.read_bytes()[:-200])
        with pytest.raises(DecodingError):
            chosen(path)

    @pytest.mark.parametrize("mode", ["L", "RGB", "1", "P", "I;16"])
    def test_the_pages_of_a_tiff_are_frames(self, tmp_path, mode):
        path = tmp_path / "a.tif"
        if mode == "I;16":
            pages = [Image.fromarray(page.astype(np.uint16) * 257) for page in pictures(6)]
        else:
            pages = [Image.fromarray(page).convert(mode) for page in pictures(6)]
        pages[0].save(path, save_all=True, append_images=pages[1:])
        assert is_animation(path)
        expected = (
            np.stack([page.convert("L") for page in pages]) if mode != "I;16" else pictures(6)
        )
        assert (chosen(path) == expected[:, :, 8:56, None]).all()
        assert len(chosen(path, frame=2)) == 2

    def test_numbers_without_grey_levels_are_refused(self, tmp_path):
        path = tmp_path / "a.tiff"
        pages = [Image.fromarray(page.astype(np.float32)) for page in pictures(2)]
        pages[0].save(path, save_all=True, append_images=pages[1:])
        with pytest.raises(DecodingError, match="pixels are of type 'F'"):
            chosen(path)

    def test_they_are_videos_of_a_folder(self, tmp_path, frames):
        frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "b.tif", save_all=True, append_images=frames[1:])
        frames[0].save(tmp_path / "single.tif")  # a picture outside of a folder of pictures
        inside = tmp_path / "pictures"
        inside.mkdir()
        for number, frame in enumerate(frames):
            frame.save(inside / f"{number}.webp")
        names = sorted(name for _, name, _ in split_videos(folder(tmp_path), tmp_path))
        assert names == ["a.webp", "b.tif", "pictures"]
        (tmp_path / "a.webp").rename(inside / "a.webp")
        with pytest.raises(UserError, match="contains films and pictures"):
            split_videos(folder(tmp_path), tmp_path)


MEASURED = """
import sys
from pathlib import Path
from rvd.datasets.folder.selection import Selection
from rvd.datasets.folder.video import ReadingOptions, read_frames

def peak():
    # Not ru_maxrss, which begins at the size of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024

before = peak()
options = ReadingOptions(240, 3, selection=Selection(last=4))
print(len(read_frames(Path(sys.argv[1]), options)), peak() - before)
"""


def test_memory_does_not_grow_with_the_film(tmp_path):
    """Frames that need no resizing take no more than others: all of these would take 260 MB."""
    write_film(tmp_path / "a.avi", 1500, (320, 240), group=50)
    command = [sys.executable, "-c", MEASURED, tmp_path / "a.avi"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    frames, added = map(int, run.stdout.split())
    assert frames == 4
    assert added < 60  # MB


LIMITED = """
import resource, sys
import av, cv2, torch
from rvd.errors import UserError
from rvd.forecasting.reading import read_video

used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200 * 2**20,) * 2)
try:
    read_video(sys.argv[1], 1024, 3, threads=1)
except UserError as error:
    print(error)
"""


def test_too_little_memory_is_one_line(tmp_path):
    write_film(tmp_path / "a.avi", 200)
    command = [sys.executable, "-c", LIMITED, tmp_path / "a.avi"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout.endswith(
        "a.avi: cannot be read: it needs more memory than this machine has\n"
    )
    assert run.stdout.count("\n") == 1
