"""Films of other software: whole, trimmed, of variable frame rate, and cut short."""

import struct

import av
import numpy as np
import pytest

from rvd.datasets.convert import convert
from rvd.datasets.folder.video import ReadingOptions, read_frames
from rvd.datasets.reading.conversion import FrameConverter
from rvd.datasets.reading.films import CutFilmError, film_frames
from rvd.datasets.reading.frames import DecodingError
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.films import CODECS, FFMPEG, by_ffmpeg, packed, trimmed, write_film
from tests.datasets.test_folder import folder

# Containers whose structure tells their end; that of an MPEG program stream does not.
STRUCTURED = [suffix for suffix in CODECS if suffix != ".mpg"]


def decoded(path, threads=2):
    """Return the grey frames of a film (frame, height, width)."""
    return np.stack([frame.picture() for frame in film_frames(path, 1, threads)])[..., 0]


def announced(path):
    with av.open(str(path)) as container:
        return container.streams.video[0].frames


def read(path, **options):
    return read_frames(path, ReadingOptions(48, 1, **options))


def cut(path, share):
    """Cut a film, and return the path of the part that is left."""
    part = path.with_name(f"cut{path.suffix}")
    data = path.read_bytes()
    part.write_bytes(data[: int(len(data) * share)])
    return part


@pytest.mark.parametrize("suffix", CODECS)
def test_each_container_gives_all_frames_in_order(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    stored, found = write_film(path), decoded(path)
    assert found.shape == stored.shape
    # GIF has few colours.
    assert np.abs(found.astype(int) - stored).mean() < (20 if suffix == ".gif" else 3)
    assert (decoded(path, threads=1) == found).all()
    if FFMPEG:
        assert np.abs(found.astype(int) - by_ffmpeg(path)).max() <= 1


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_film_trimmed_by_an_edit_list_begins_where_it_says(tmp_path, suffix):
    whole, part = tmp_path / f"whole{suffix}", tmp_path / f"part{suffix}"
    write_film(whole)
    trimmed(whole, part, 13)
    assert announced(part) == 40
    assert (decoded(part) == decoded(whole)[13:]).all()
    assert len(read(part)) == 27
    if FFMPEG:
        assert len(by_ffmpeg(part)) == 27


def test_empty_chunks_of_an_avi_are_no_frames(tmp_path):
    path = tmp_path / "a.avi"
    times = [0, 1, 2, 10, 11, 20, 21, 40]
    stored = write_film(path, len(times), times=times)
    assert announced(path) == 41
    assert np.abs(decoded(path).astype(int) - stored).mean() < 3
    starts = [frame.start for frame in film_frames(path, 1)]
    assert starts == pytest.approx([time / 25 for time in times])


def test_packed_frames_of_xvid_are_read(tmp_path):
    path = tmp_path / "a.avi"
    stored = packed(path)
    assert announced(path) == len(stored) + 1
    assert np.abs(decoded(path).astype(int) - stored).mean() < 3
    starts = [frame.start for frame in film_frames(path, 1)]
    assert starts == sorted(starts)


class TestCut:
    @pytest.mark.parametrize("share", [0.5, 0.7, 0.95])
    @pytest.mark.parametrize("suffix", CODECS)
    def test_a_cut_film_is_refused(self, tmp_path, suffix, share):
        path = tmp_path / f"a{suffix}"
        write_film(path)
        with pytest.raises(DecodingError, match="cut short or damaged") as refused:
            read(cut(path, share))
        assert "\n" not in str(refused.value)

    @pytest.mark.parametrize("suffix", STRUCTURED)
    def test_it_is_refused_before_it_is_decoded(self, tmp_path, suffix):
        path = tmp_path / f"a{suffix}"
        write_film(path)
        with pytest.raises(CutFilmError):
            next(film_frames(cut(path, 0.7), 1))

    @pytest.mark.parametrize("suffix", CODECS)
    def test_its_whole_groups_are_read_on_demand(self, tmp_path, suffix, capsys):
        path = tmp_path / f"a{suffix}"
        write_film(path)
        whole = read(path, cut_films="drop")
        assert len(whole) == 40
        assert capsys.readouterr().err == ""
        part = cut(path, 0.7)
        found = read(part, cut_films="drop")
        assert 8 <= len(found) < 40
        assert (found == whole[: len(found)]).all()
        said = capsys.readouterr().err
        assert said.startswith(f"{part}: is cut short or damaged (")
        assert said.endswith("frames are left out\n")
        assert said.count("\n") == 1

    def test_a_film_of_one_group_is_refused(self, tmp_path):
        path = tmp_path / "a.mkv"
        write_film(path, group=100, **{"x264-params": "scenecut=0"})
        with pytest.raises(DecodingError, match="in its first group of frames"):
            read(cut(path, 0.8), cut_films="drop")

    def test_a_gif_without_a_trailer_is_refused(self, tmp_path):
        path = tmp_path / "a.gif"
        write_film(path)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(CutFilmError, match="its trailer is missing"):
            read(path)

    def test_an_avi_without_its_index_is_refused(self, tmp_path):
        path = tmp_path / "a.avi"
        write_film(path)
        data = path.read_bytes()
        path.write_bytes(data[: data.rindex(b"idx1")])
        with pytest.raises(CutFilmError, match="its last part lacks"):
            read(path)

    def test_films_written_live_are_read(self, tmp_path):
        """Without a size of the segment, a duration and an index, as browsers record."""
        path = tmp_path / "a.webm"
        write_film(path)
        with (
            av.open(str(path)) as source,
            av.open(str(tmp_path / "live.webm"), "w", options={"live": "1"}) as live,
        ):
            stream = source.streams.video[0]
            copy = live.add_stream_from_template(stream)
            for packet in source.demux(stream):
                if packet.dts is not None:
                    packet.stream = copy
                    live.mux(packet)
        assert (decoded(tmp_path / "live.webm") == decoded(path)).all()

    def test_a_film_that_ends_before_its_duration_is_refused(self, tmp_path):
        path = tmp_path / "a.mkv"
        write_film(path)
        data = bytearray(path.read_bytes())
        at = data.index(b"\x44\x89\x88") + 3  # the element of the duration, in milliseconds
        data[at : at + 8] = struct.pack(">d", 8000)
        path.write_bytes(data)
        with pytest.raises(CutFilmError, match=r"frames end after 1\.6 of 8\.0 seconds"):
            read(path)

    def test_the_conversion_says_so_and_has_an_option(self, tmp_path, capfd):
        raw = tmp_path / "raw"
        raw.mkdir()
        for name in "abc":
            write_film(raw / f"{name}.mkv")
        cut(raw / "c.mkv", 0.7)
        output = tmp_path / "v.h5"
        with pytest.raises(UserError, match=r"cut\.mkv: cannot be read: .*cut_films: drop"):
            convert("own", folder(raw), [raw], output)
        assert not output.exists()
        convert("own", folder(raw, cut_films="drop"), [raw], output)
        assert "cut.mkv: is cut short" in capfd.readouterr().err
        with VideoFile(output) as file:
            lengths = [
                len(split.video(i)) for split in file.splits.values() for i in range(len(split))
            ]
        assert sorted(lengths)[1:] == [40, 40, 40]


class TestConversionOfFrames:
    @pytest.mark.parametrize(
        "layout",
        ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "yuv420p10le", "nv12", "gbrp", "gray"],
    )
    @pytest.mark.parametrize("channels", [1, 3])
    def test_it_equals_that_of_single_frames(self, tmp_path, layout, channels):
        path = tmp_path / "a.avi"
        write_film(path, 2)
        generator = np.random.default_rng(0)
        with av.open(str(path)) as container:
            convert_frame = FrameConverter(container.streams.video[0], channels, True)
            for size in ((48, 64), (360, 638), (121, 161)):
                noise = generator.integers(0, 256, (*size, 3), np.uint8)
                frame = av.VideoFrame.from_ndarray(noise, format="rgb24").reformat(format=layout)
                expected = frame.to_ndarray(format="gray" if channels == 1 else "rgb24")
                found = convert_frame(frame)
                assert found.shape == (*size, channels)
                assert (found.reshape(expected.shape) == expected).all()
