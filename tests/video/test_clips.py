import numpy as np
import pytest
import torch

from rvd.errors import UserError
from rvd.video import VideoFile
from rvd.video.clips import (
    ClipStream,
    RandomClips,
    authors_clips,
    fixed_clips,
    training_loader,
)
from rvd.video.ranges import stored_to_unit
from tests.tiny import write_squares


def stream(path, batch=6, **changes):
    values = {"length": 4, "seed": 3, "steps": 5} | changes
    return ClipStream(path, batch=lambda _: batch, **values)


def test_a_batch_is_a_function_of_seed_and_step(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    once, again = RandomClips(stream(path)), RandomClips(stream(path))
    assert torch.equal(once[3], again[3])
    assert not torch.equal(once[3], once[4])
    assert not torch.equal(once[3], RandomClips(stream(path, seed=4))[3])
    assert once[0].shape == (6, 4, 1, 16, 16)


def test_a_resumed_loader_returns_the_remaining_batches(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    whole = list(training_loader(stream(path), 0, workers=0))
    rest = list(training_loader(stream(path), 3, workers=1))
    assert len(whole) == 5
    assert all(torch.equal(a, b) for a, b in zip(whole[3:], rest, strict=True))


def test_processes_share_one_batch(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    whole = RandomClips(stream(path))[2]
    parts = [RandomClips(stream(path, batch=3, rank=r, processes=2))[2] for r in range(2)]
    assert torch.equal(whole, torch.cat(parts))


def test_clips_are_consecutive_frames_of_the_training_videos(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    with VideoFile(path) as file:
        split = file.splits["train"]
        windows = {
            split.frames[start : start + 4].transpose(0, 3, 1, 2).tobytes()
            for start in split.clip_starts(4)
        }
    for clip in RandomClips(stream(path, batch=40))[0].numpy():
        assert np.ascontiguousarray(clip).tobytes() in windows


def test_antisymmetric_mirror_is_an_involution_of_half_the_clips(tmp_path):
    path = write_squares(tmp_path / "v.h5")
    plain = RandomClips(stream(path, batch=64))[0]
    mirrored = RandomClips(stream(path, batch=64, augmentation="mirror-antisymmetric"))[0]
    changed = (plain != mirrored).flatten(1).any(1)
    assert 16 < changed.sum() < 48
    torch.testing.assert_close(mirrored[changed], 1 - plain[changed].flip(-2))


def test_fixed_clips_do_not_overlap_and_depend_on_the_split_alone(tmp_path):
    path = write_squares(tmp_path / "v.h5", frames=25)
    with VideoFile(path) as file:
        clips = fixed_clips(file.splits["train"], 6, 5)
        assert clips == fixed_clips(file.splits["train"], 6, 5)
        everything = fixed_clips(file.splits["train"], 6, 100)
    assert len(clips) == 5
    assert [(clip.video, clip.start) for clip in everything[:5]] == [
        ("train-0", 0),
        ("train-0", 6),
        ("train-0", 12),
        ("train-0", 18),
        ("train-1", 0),
    ]


def test_stored_frames_are_converted_to_the_unit_range():
    assert stored_to_unit(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [0.0, 1.0]
    assert stored_to_unit(torch.tensor([0.25])).tolist() == [0.25]


def test_the_authors_clips_are_consecutive_in_runs_and_first_in_films(
    tmp_path,
):
    path = write_squares(tmp_path / "v.h5", frames=12)
    with VideoFile(path) as file:
        split = file.splits["train"]
        runs = authors_clips(split, 10, 5, consecutive=True)
        films = authors_clips(split, 10, 2, consecutive=False)
    starts = [(clip.video, clip.start, clip.position) for clip in runs]
    assert starts[:3] == [("train-0", 0, 0), ("train-0", 1, 1), ("train-0", 2, 2)]
    assert starts[3:] == [("train-1", 0, 12), ("train-1", 1, 13)]
    assert [(clip.video, clip.start) for clip in films] == [("train-0", 0), ("train-1", 0)]


@pytest.mark.parametrize(("consecutive", "there_are"), [(True, 9), (False, 3)])
def test_fewer_than_the_authors_clips_are_refused(tmp_path, consecutive, there_are):
    path = write_squares(tmp_path / "v.h5", frames=12)
    with VideoFile(path) as file:
        split = file.splits["train"]
        assert len(authors_clips(split, 10, there_are, consecutive=consecutive)) == there_are
        with pytest.raises(UserError, match=rf"^evaluation.clips_from: .* has {there_are};"):
            authors_clips(split, 10, there_are + 1, consecutive=consecutive)
