"""A full disk: one line that says so, and existing files are kept."""

import resource
import signal
import subprocess
import sys

import pytest

WRITERS = {
    "checkpoint": """
        from rvd.training.checkpoint import save_checkpoint
        save_checkpoint(here, 1, {}, {"weights": torch.zeros(100_000)})
    """,
    "predictor.safetensors": """
        from rvd.models.files import save
        from rvd.models.registry import build
        save(build(tiny.experiment().models["rvd"], 16, 1), here / "predictor.safetensors", {})
    """,
    "videos.h5": """
        tiny.write_squares(here / "videos.h5", frames=200)
    """,
    "samples.h5": """
        from rvd.evaluation.ensembles import ensemble_file
        from rvd.video import VideoInfo
        shape = ensemble_file.EnsembleShape(1, 50, 4, 10, (16, 16, 1))
        frames = np.zeros((50, 10, 16, 16, 1), np.float32)
        info = ensemble_file.EnsembleInfo("d", "m", 0, VideoInfo())
        path, places = here / "samples.h5", [("v", 0)]
        with ensemble_file.EnsembleWriter(path, info, shape, np.float32, places) as writer:
            writer.write(0, context=frames[0, :4], truth=frames[0],
                         samples=frames, seconds=1.0)
    """,
}

PROGRAM = """
import os
import sys
from pathlib import Path
import numpy as np
import torch
from rvd.errors import UserError
from tests import tiny
here = Path(sys.argv[1])
def write():
{body}
try:
    write()
except UserError as error:
    print(error, flush=True)
    os._exit(2)  # as the command line does: HDF5 crashes at the end otherwise
"""


def small_files():
    """Limit files of this process to 100 kB: writing beyond fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


@pytest.mark.parametrize("name", WRITERS)
def test_no_room_is_said_in_one_line_and_leaves_nothing_whole(tmp_path, name):
    (tmp_path / "before").write_text("kept")
    program = PROGRAM.format(body=WRITERS[name])
    run = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=small_files,
    )
    assert run.returncode == 2, run.stderr
    assert "cannot be written (File too large)" in run.stdout
    assert run.stdout.count("\n") == 1
    # A hidden, partial ensemble may stay for the next attempt; nothing that looks whole does.
    assert [path.name for path in tmp_path.iterdir() if path.name[0] != "."] == ["before"]
