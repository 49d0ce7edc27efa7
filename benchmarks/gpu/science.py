"""Stages ``resume`` and ``science``: the pipeline itself on the device, killed and resumed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from benchmarks.gpu.rows import Row
from benchmarks.gpu.session import CONFIG, Session
from rvd.experiment.loading import load_experiment
from rvd.training.history import read_history, summarise
from rvd.workflow.layout import SCORES, Layout

ROOT = Path(__file__).parents[2]
DATASETS = ("simulation", "simulation-perturbed")
MODELS = ("rvd", "vd", "crps", "persistence", "analogue")
# Steps of each training on a GPU, about a minute of RVD each by the predictions.
STEPS = 4000
# What gpu-day.yaml and gpu.yaml change in RVD, for the model that they do not name.
LIKE_RVD = {
    "precision": "bfloat16",
    "learning_rate": {"initial": 2.0e-4, "warmup": 500, "decay_from": 0.5, "drops": {}},
    "gradient_clip": 1.0,
}
# Seconds between the request to stop, which saves checkpoints, and the end.
GRACE = 20


def resume(session: Session) -> Iterator[Row]:
    """Yield the history of a training that was killed after its first checkpoint."""
    yield from session.row(lambda: _killed_and_resumed(session), check="resume after a kill")


def science(session: Session) -> Iterator[Row]:
    """Train, sample and score on the vortex street; yield one row per scored model.

    The pipeline is stopped at the end of the session, and a later command with the same folder
    resumes it.
    """
    root = session.folder / "science"
    config = [*session.large, *_overlays(session, root)]
    experiment = load_experiment(config)
    layout = Layout(str(root))
    wanted = {
        (dataset, model): layout.result(dataset, model, 0, SCORES)
        for dataset in experiment.run.datasets
        for model in experiment.run.models
    }
    if session.left() < 3 * GRACE:
        yield {"part": "pipeline", "skipped": "no time left"}
        return
    start = time.monotonic()
    code = _pipeline(session, config, list(wanted.values()))
    yield {"part": "pipeline", "exit code": code, "seconds": round(time.monotonic() - start, 1)}
    for (dataset, model), path in wanted.items():
        found: Row = {"skipped": "no time left"}
        if Path(path).is_file():
            table = pd.read_csv(path)
            values = table[table.metric == "crps"]["value"]
            found = {"crps": round(float(values.mean()), 4)}
        yield {"part": dataset, "model": model, **found}


def _overlays(session: Session, root: Path) -> list[Path]:
    """Write what differs from the shipped configs; return the files to lay over the paper's."""
    small: dict[str, Any] = {
        "root": str(root),
        "evaluation": {"metrics": ["crps", "crps_fair", "psnr", "ssim", "spread_skill"]},
    }
    if session.on_gpu:
        training = {"steps": STEPS, "checkpoint_every": 1000, "checkpoint_minutes": 0.5}
        small["run"] = {"datasets": list(DATASETS), "models": list(MODELS), "seeds_of": {}}
        small["models"] = {name: {"training": training} for name in ("rvd", "vd")}
        small["models"]["crps"] = {"training": training | LIKE_RVD}
        runs = {split: {"frames": 150} for split in ("train", "val", "test")}
        small["datasets"] = {"simulation": {"runs": runs}}
        small["evaluation"] |= {"clips": 16}
    path = root / "session.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(small))
    return [CONFIG / "gpu-day.yaml", CONFIG / "gpu.yaml", path] if session.on_gpu else [path]


def _pipeline(session: Session, config: list[Path], targets: list[str]) -> int | None:
    """Run Snakemake until its end or that of the session; return its exit code, if it ended."""
    command = [
        sys.executable, "-m", "snakemake", f"--snakefile={ROOT / 'Snakefile'}",
        f"--directory={session.folder}", f"--cores={os.cpu_count()}", "--keep-going",
        *targets, "--configfile", *map(str, config),
    ]  # fmt: skip
    log = (session.folder / "science.log").open("a")
    with log, subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True) as run:
        try:
            return run.wait(session.left() - 2 * GRACE)
        except subprocess.TimeoutExpired:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(run.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    run.wait(GRACE)
            return None


def _killed_and_resumed(session: Session) -> Row:
    """Kill a training after its first checkpoint, and train to the end by the same command."""
    folder = session.folder / "resume"
    folder.mkdir(parents=True, exist_ok=True)
    overlay = folder / "session.yaml"
    training = {"steps": 40, "checkpoint_every": 5}
    gpus = {"gpus": int(session.on_gpu)}
    changes = {"models": {"rvd": {"training": training}}, "compute": gpus}
    overlay.write_text(yaml.safe_dump(changes))
    config = [*session.small, overlay]
    experiment = load_experiment(config)
    section: Any = experiment.models["rvd"]
    videos = folder / "videos.h5"
    _write_noise(videos, min(section.training.batch), section.training.clip_length)
    command = [
        sys.executable, "-m", "rvd", "train", *(f"--config={path}" for path in config),
        f"--dataset={next(iter(experiment.datasets))}", "--model=rvd", "--seed=0",
        f"--videos={videos}", f"--checkpoints={folder / 'checkpoints'}",
        f"--output={folder / 'predictor.safetensors'}", f"--curve={folder / 'curve.csv'}",
    ]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as run:
        while run.poll() is None and not list(folder.glob("checkpoints/step-*.pt")):
            if session.left() < 0:
                run.kill()
                raise TimeoutError("no checkpoint before the end of the session")
            time.sleep(0.02)
        run.kill()
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=max(session.left(), 1),
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    events = read_history(folder / "checkpoints")
    starts = [event["step"] for event in events if event["event"] == "began"]
    return {"resumed from step": starts[-1], "history": str(summarise(events))}


def _write_noise(path: Path, size: int, length: int) -> None:
    """Write a video file of random frames."""
    import numpy as np

    from rvd.video import VideoInfo, write_video_file

    frames = np.random.default_rng(0).random((3, 2 * length, size, size, 1), dtype=np.float32)
    names = ("train", "val", "test")
    videos = ((name, f"{name}-0", video) for name, video in zip(names, frames, strict=True))
    write_video_file(path, videos, (size, size, 1), np.float32, VideoInfo(frame_rate=10.0))
