import zipfile

import cv2
import numpy as np
import pytest

from rvd.datasets.convert import convert
from rvd.datasets.kth.reader import PERSONS, read_sequences
from rvd.errors import UserError
from rvd.video import VideoFile
from tests.datasets.archives import decoded, film, kth
from tests.datasets.sections import section


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Write all persons with one action, without person 13's handclapping as in the original."""
    folder = tmp_path_factory.mktemp("kth")
    return folder, kth(folder, actions=("boxing",), frames=40)


def converted(raw, path, **changes):
    convert("kth", section("kth", **changes), sorted(raw.iterdir()), path)
    return VideoFile(path)


@pytest.mark.parametrize("split", ["authors", "svg"])
def test_splits_are_divided_by_person(raw, tmp_path, split):
    with converted(raw[0], tmp_path / "v.h5", split=split) as file:
        for name, videos in file.splits.items():
            assert {int(video[6:8]) for video in videos.names} == set(PERSONS[split][name])
            assert len(videos) == 2 * len(PERSONS[split][name])


def test_the_splits_equal_the_published_ones():
    assert sorted(sum(map(tuple, PERSONS["authors"].values()), ())) == list(range(1, 26))
    assert set(PERSONS["authors"]["test"]) == {19, 20, 21, 23, 24, 25, 1, 4}
    assert set(PERSONS["svg"]["test"]) == {21, 22, 23, 24, 25}


def test_frames_are_those_in_the_list(raw, tmp_path):
    folder, _ = raw
    with converted(folder, tmp_path / "v.h5", size=120) as file:
        train, test = file.splits["train"], file.splits["test"]
        # In listed order: 21-40, then 1-24, counted from 1, last frame included.
        assert train.names[:2] == ["person11_boxing_d1_21-40", "person11_boxing_d1_1-24"]
        assert [len(train.video(0)), len(train.video(1))] == [20, 24]
        # The grey of a corner encodes the frame number: 20 for the first frame of the film.
        corner = train.video(0)[:, :20, :20].mean((1, 2, 3))
        np.testing.assert_allclose(corner, 20 + np.arange(20, 40), atol=1.5)
        # Test videos begin at frame 12.
        assert test.names[:2] == ["person01_boxing_d1_33-40", "person01_boxing_d1_13-24"]
        assert file.info.frame_rate == 25


def test_frames_equal_those_of_another_decoder(raw, tmp_path):
    folder, films = raw
    with converted(folder, tmp_path / "v.h5") as file:
        split = file.splits["train"]
        for video, name in ((0, "person11_boxing_d1"), (2, "person12_boxing_d1")):
            frames = decoded(films[name], tmp_path)[20:40]
            expected = [cv2.resize(f, (64, 64), interpolation=cv2.INTER_AREA) for f in frames]
            found = split.video(video)[..., 0].astype(int)
            assert np.abs(found - np.stack(expected)).max() <= 1


def test_threads_change_nothing(raw, tmp_path):
    for threads in (1, 4):
        convert("k", section("kth"), list(raw[0].iterdir()), tmp_path / f"{threads}.h5", threads)
    with VideoFile(tmp_path / "1.h5") as one, VideoFile(tmp_path / "4.h5") as four:
        for split in one.splits:
            assert one.splits[split].names == four.splits[split].names
            assert (one.splits[split].frames[:] == four.splits[split].frames[:]).all()


class TestBadInput:
    def test_known_films_are_skipped_by_name(self, tmp_path, capsys):
        kth(tmp_path / "raw", actions=("handclapping",), frames=24)
        sequence_list = tmp_path / "raw" / "00sequences.txt"
        text = sequence_list.read_text().replace("21-24, 1-24", "1-24")
        sequence_list.write_text(text)
        converted(tmp_path / "raw", tmp_path / "v.h5").close()
        said = capsys.readouterr().err
        assert "left out, since missing: 1 (person13_handclapping_d3)" in said

    @pytest.mark.parametrize("may_fail", [[], ["person11_boxing_d1"]])
    def test_a_truncated_film(self, raw, tmp_path, may_fail, capsys):
        films = raw[1] | {"person11_boxing_d1": raw[1]["person11_boxing_d1"][:6000]}
        written(tmp_path / "raw", films)
        if may_fail:
            converted(tmp_path / "raw", tmp_path / "v.h5", may_fail=may_fail).close()
            assert "unreadable: 1 (person11_boxing_d1)" in capsys.readouterr().err
            return
        with pytest.raises(UserError, match=r"boxing.zip: person11_boxing_d1_uncomp.avi: .*frame"):
            converted(tmp_path / "raw", tmp_path / "v.h5", may_fail=may_fail)
        assert not (tmp_path / "v.h5").exists()

    def test_a_range_beyond_the_film(self, raw, tmp_path):
        short = film(tmp_path / "short.avi", 30)
        written(tmp_path / "raw", raw[1] | {"person11_boxing_d1": short})
        with pytest.raises(UserError, match=r"person11.*asks for frames 21-40 of 30"):
            converted(tmp_path / "raw", tmp_path / "v.h5")

    def test_a_missing_last_frame_shortens_the_last_subsequence(self, raw, tmp_path):
        short = film(tmp_path / "short.avi", 39)
        written(tmp_path / "raw", raw[1] | {"person11_boxing_d1": short})
        with converted(tmp_path / "raw", tmp_path / "v.h5") as file:
            assert len(file.splits["train"].video(0)) == 19

    def test_a_missing_film(self, raw, tmp_path):
        films = {name: data for name, data in raw[1].items() if "person12" not in name}
        written(tmp_path / "raw", films, raw[1])
        with pytest.raises(UserError, match="person12_boxing_d1 is missing"):
            converted(tmp_path / "raw", tmp_path / "v.h5")

    def test_a_film_under_two_paths(self, raw, tmp_path):
        folder = tmp_path / "raw"
        written(folder, raw[1])
        with zipfile.ZipFile(folder / "boxing.zip", "a") as archive:
            archive.writestr("copy/person12_boxing_d1_uncomp.avi", b"another")
        with pytest.raises(UserError, match="the film person12_boxing_d1 is there twice"):
            converted(folder, tmp_path / "v.h5")
        assert not (tmp_path / "v.h5").exists()

    @pytest.mark.parametrize("line", ["frames 1-", "frames 20-3", "frames 0-5", "fames 1-5"])
    def test_an_invalid_list(self, tmp_path, line):
        path = tmp_path / "00sequences.txt"
        path.write_text(f"person01_boxing_d1 frames 1-9\nperson02_boxing_d1\t{line}\n")
        with pytest.raises(UserError, match=r"00sequences.txt, line 2: not a list of frames"):
            read_sequences(path)

    def test_html_instead_of_a_list(self, tmp_path):
        (tmp_path / "00sequences.txt").write_text("<html>moved</html>")
        with pytest.raises(UserError, match="lists no film"):
            read_sequences(tmp_path / "00sequences.txt")


def written(folder, films, listed=None):
    """Write a zip of ``films`` and the list of ``listed``."""
    folder.mkdir()
    with zipfile.ZipFile(folder / "boxing.zip", "w") as archive:
        for name, data in films.items():
            archive.writestr(f"{name}_uncomp.avi", data)
    lines = [f"{name}\t\tframes\t21-40, 1-24" for name in listed or films]
    (folder / "00sequences.txt").write_text("\n\n".join(lines))
