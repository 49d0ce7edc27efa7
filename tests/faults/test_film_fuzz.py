"""Damaged films cannot make `predict` or `inspect` crash, hang, fill memory or touch files."""

import resource
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from PIL import Image

import rvd.cli.forecasts
import rvd.models.files
import tests.faults.fuzz
from rvd.datasets.inspection import inspect
from rvd.errors import UserError
from rvd.models.baselines.config import PersistenceConfig
from rvd.models.baselines.persistence import PersistenceForecast
from tests.datasets.films import pictures, write_film
from tests.faults.fuzz import fuzz, mangled, scratch, tree
from tests.tiny import SIZE

pytestmark = pytest.mark.slow

CONTAINERS = [".avi", ".gif", ".mkv", ".mov", ".mp4", ".mpg", ".ogv", ".webm"]
# Peak memory above that of the first valid film, in MB. A header may claim frames of 2²⁸ pixels.
MEMORY = 2000


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        (Path(name) / "inside").mkdir()
        yield Path(name) / "inside"


@pytest.fixture
def predict(folder, monkeypatch):
    """The command with a model without weights, whose file need not be read each time."""
    model = PersistenceForecast(PersistenceConfig(kind="persistence"), SIZE, 1)
    monkeypatch.setattr(rvd.models.files, "load", lambda path: model)

    def run(path, **options):
        rvd.cli.forecasts.predict(
            path,
            predictor=Path("p.safetensors"),
            output=folder / "out.h5",
            horizon=1,
            ensemble=1,
            context=2,
            threads=1,
            **options,
        )

    return run


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def valid_films(folder):
    """Return the bytes of a small film in each container, with its suffix."""
    found = {}
    for suffix in CONTAINERS:
        path = folder / f"a{suffix}"
        write_film(path, 12, (48, 32), group=4)
        found[suffix] = path.read_bytes()
        path.unlink()
    return found


def damaged(films):
    """Generate a suffix and a damaged film of that container."""
    return st.sampled_from(sorted(films)).flatmap(
        lambda suffix: st.tuples(st.just(suffix), mangled(films[suffix]))
    )


OPTIONS = [{}, {"drop_last_group": True}, {"frame": 6}, {"at": 0.2}, {"stride": 3}]


def test_predict(folder, predict, capfd):
    films = valid_films(folder)
    output = folder / "out.h5"
    for suffix, data in films.items():
        path = folder / f"a{suffix}"
        path.write_bytes(data)
        for options in OPTIONS:
            predict(path, **options)
        path.unlink()
    before = peak()

    def read(given):
        (suffix, data), options = given
        path = folder / f"a{suffix}"
        path.write_bytes(data)
        output.unlink(missing_ok=True)
        try:
            predict(path, **options)
        finally:
            capfd.readouterr()
            path.unlink()

    fuzz("film", st.tuples(damaged(films), st.sampled_from(OPTIONS)), read)
    assert tree(folder.parent) <= {str(folder), str(output)}
    assert peak() - before < MEMORY


def test_inspect(folder):
    films = valid_films(folder)

    def read(given):
        suffix, data = given
        path = folder / f"a{suffix}"
        path.write_bytes(data)
        try:
            inspect(path, folder / "sheet.png")
        finally:
            path.unlink()

    fuzz("film for inspect", damaged(films), read)
    assert tree(folder.parent) == {str(folder)}


@pytest.mark.parametrize("suffix", [".webp", ".tif"])
def test_animations(folder, predict, suffix, monkeypatch):
    # Each takes as long as a film, and there are fewer ways to read them.
    monkeypatch.setattr(tests.faults.fuzz, "INPUTS", tests.faults.fuzz.INPUTS // 10)
    path, output = folder / f"a{suffix}", folder / "out.h5"
    first, *others = [Image.fromarray(picture) for picture in pictures(6, (32, 24))]
    first.save(path, save_all=True, append_images=others)
    valid = path.read_bytes()

    def read(data):
        path.write_bytes(data)
        output.unlink(missing_ok=True)
        predict(path)

    read(valid)
    fuzz(f"animation {suffix}", mangled(valid), read)
    assert tree(folder.parent) <= {str(folder), str(path), str(output)}


def test_the_films_are_valid(folder):
    from rvd.forecasting.reading import read_video

    for suffix, data in valid_films(folder).items():
        path = folder / f"a{suffix}"
        path.write_bytes(data)
        assert len(read_video(path, SIZE, 1)) == 12
        path.write_bytes(data[: len(data) // 2])
        with pytest.raises(UserError, match="cannot be read"):
            read_video(path, SIZE, 1)
