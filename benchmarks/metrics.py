"""Time and memory of the metrics, as ratios to other implementations in the same run.

CRPS is compared with properscoring and scoringrules, the other scores of ensembles with CRPS, and
I3D with its own convolutions alone; the scoring of the demo is timed. Compared runs alternate, and
each ratio is that of consecutive runs: median (lowest … highest).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from rvd.datasets.reading.parallel import cores
from rvd.errors import UserError
from rvd.evaluation.ensembles.ensemble_file import EnsembleInfo, EnsembleWriter
from rvd.experiment.loading import load_experiment
from rvd.metrics.base import Clip, EnsembleShape
from rvd.metrics.entry import ScoredEnsemble, ScoreSettings
from rvd.metrics.functional.crps import crps, fair_crps
from rvd.metrics.networks.i3d_weights import load_i3d
from rvd.metrics.registry import METRICS, fetch_weights
from rvd.runtime.device import best_device
from rvd.video.file import VideoInfo

MEMBERS, PIXELS = 100, 196_608
REPOSITORY = Path(__file__).parents[1]
PAIRWISE = "properscoring, numpy"


def crps_runs(pixels: int) -> dict[str, Callable[[], object]]:
    """Return runs of each implementation of CRPS, with the arrays in the layout that suits it."""
    import properscoring
    import scoringrules

    grey = np.random.default_rng(0).integers(0, 256, (MEMBERS + 1, pixels), np.uint8)
    members, truth = grey[1:], grey[0]
    # The others need floats, with the members of a pixel contiguous.
    wide, x = np.ascontiguousarray(members.T, np.float64), truth.astype(np.float64)
    single = [(array / np.float32(255)).astype(np.float32) for array in (members, truth)]
    pairwise = properscoring._crps._crps_ensemble_vectorized

    def by(threads: int, score: Callable, *arrays: np.ndarray) -> Callable[[], object]:
        def run() -> None:
            torch.set_num_threads(threads)
            score(*arrays)

        return run

    # scoringrules' other estimators compare all pairs of members, and take 15 GB here; so does
    # properscoring without numba.
    return {
        "ours, 1 thread": by(1, crps, members, truth),
        "ours": by(cores(), crps, members, truth),
        "ours, fair": by(cores(), fair_crps, members, truth),
        "ours, of float32": by(cores(), crps, *single),
        **{
            f"scoringrules {name}": partial(scoringrules.crps_ensemble, x, wide, estimator=name)
            for name in ("qd", "pwm")
        },
        "properscoring, numba": partial(properscoring.crps_ensemble, x, wide),
        PAIRWISE: lambda: pairwise(x, wide, np.ones_like(wide)),
    }


def peak_memory(run: Callable[[], object]) -> float:
    """Return the peak memory of the arrays that ``run`` allocates, in MB."""
    tracemalloc.start()
    run()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 2**20


def seconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def bench_crps(rounds: int) -> None:
    for run in crps_runs(64).values():
        run()
    few = PIXELS // 20
    whole, part = crps_runs(PIXELS), crps_runs(few)
    found = {name: [] for name in whole}
    for _ in range(rounds):
        for name, run in whole.items():
            if name != PAIRWISE:
                found[name].append(seconds(run) / PIXELS)
    found[PAIRWISE].append(seconds(part[PAIRWISE]) / few)
    print(f"CRPS of {MEMBERS} members on {cores()} cores: medians of {rounds} interleaved rounds")
    print(f"{'':24}{'µs per pixel':>12}{'× ours':>24}{'MB for 196,608 pixels':>24}")
    for name, times in found.items():
        ratios = sorted(other / one for other, one in zip(times, found["ours"], strict=False))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} … {ratios[-1]:.2f})"
        memory = peak_memory(part[name]) * PIXELS / few
        print(f"{name:24}{statistics.median(times) * 1e6:12.3f}{spread:>24}{memory:24.0f}")


def bench_clips(rounds: int) -> None:
    """Time the scores of ensembles per clip, at the demo's size and at one of the paper's."""
    names = ("crps", "crps_fair", "spread_skill", "energy_score", "variogram_score")
    names += ("spectral_crps", "brier_score")
    sizes = {
        np.float32: EnsembleShape(1, 8, 4, 16, (32, 32, 1)),
        np.uint8: EnsembleShape(1, MEMBERS, 4, 16, (128, 128, 3)),
    }
    for dtype, shape in sizes.items():
        white = 255.0 if dtype is np.uint8 else 1.0
        grey = np.random.default_rng(0).integers(
            0, 256, (shape.ensemble + 1, shape.horizon, *shape.frame), np.uint8
        )
        samples, truth = np.split(grey if dtype is np.uint8 else (grey / 255).astype(dtype), [-1])
        ensemble = ScoredEnsemble(shape, False, ScoreSettings(names))

        def run(name: str, parts=(samples, truth[0], truth[0, :4]), white=white, of=ensemble):
            # A new clip, which has not stored what metrics share.
            METRICS[name].build(of).update(Clip(*parts, white, (0.0, 255.0)))

        found: dict[str, list[float]] = {name: [] for name in names}
        for name in names:
            run(name)
        for _ in range(rounds if white == 1 else min(rounds, 3)):
            for name in names:
                found[name].append(seconds(partial(run, name)))
        frame = " × ".join(map(str, shape.frame))
        print(
            f"scores per clip of {shape.ensemble} members × {shape.horizon} frames of {frame}, "
            f"{np.dtype(dtype)}, {torch.get_num_threads()} threads"
        )
        print(f"{'':24}{'ms per clip':>12}{'× crps':>24}{'MB':>24}")
        for name, times in found.items():
            ratios = sorted(one / crps for one, crps in zip(times, found["crps"], strict=True))
            spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} … {ratios[-1]:.2f})"
            memory = peak_memory(partial(run, name))
            print(f"{name:24}{statistics.median(times) * 1e3:12.1f}{spread:>24}{memory:24.0f}")


class Recorded(TorchFunctionMode):
    """Records the calls of convolutions (as matrix products for those of width 1)."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function in (F.conv3d, F.linear):
            self.calls.append(partial(function, *arguments, **options))
        return function(*arguments, **options)


def bench_i3d(weights: Path, rounds: int) -> None:
    """Time the network, and its own convolutions alone on the same inputs, alternately."""
    device = best_device()
    network = load_i3d(weights, device)
    clips = 2
    video = 2 * torch.rand(clips, 3, 16, 224, 224, device=device) - 1

    def timed(run: Callable[[], object]) -> float:
        began = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return (time.perf_counter() - began) / clips

    with torch.inference_mode():
        with Recorded() as recorded:
            network(video)

        def convolutions() -> None:
            for call in recorded.calls:
                call()

        timed(convolutions)
        pairs = [(timed(lambda: network(video)), timed(convolutions)) for _ in range(rounds)]
    whole, alone = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratios = sorted(one / other for one, other in pairs)
    print(
        f"I3D on {device.type}, {torch.get_num_threads()} threads: {whole:.3f} s per clip of 16 "
        f"frames, its {len(recorded.calls)} convolutions alone {alone:.3f} s; ratio "
        f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} … {ratios[-1]:.3f}, {rounds} rounds)"
    )


def bench_scoring(weights: Path, folder: Path) -> None:
    """Time the scoring of the demo's models by processes of one thread, one process per core.

    The files contain noise, with the demo's numbers of clips, members and pixels.
    """
    change = folder / "change.yaml"
    change.write_text(f"root: {folder}\nevaluation: {{weights: {weights.absolute()}}}\n")
    configs = [REPOSITORY / "config" / name for name in ("config.yaml", "demo.yaml")] + [change]
    experiment = load_experiment(configs)
    (dataset,), evaluation = experiment.run.datasets, experiment.evaluation
    section = experiment.datasets[dataset]
    frame = (section.size, section.size, section.channels)
    context, clips = evaluation.context, evaluation.clips
    shape = EnsembleShape(clips, evaluation.ensemble, context, section.horizon, frame)
    commands = []
    for model in experiment.run.models:
        path = folder / model / "samples.h5"
        write_noise(path, EnsembleInfo(dataset, model, 0, VideoInfo(signed=True)), shape)
        options = ["--threads", "1", "--features", folder / "features"]
        options += [word for config in configs for word in ("--config", config)]
        commands.append(["score", path, *options, "--output", path.with_name("scores.csv")])

    def run(command: list[object]) -> None:
        subprocess.run([sys.executable, "-m", "rvd", *map(str, command)], check=True)

    with ThreadPoolExecutor(cores()) as pool:
        elapsed = seconds(lambda: list(pool.map(run, commands)))
    print(
        f"scoring the demo ({len(commands)} models × {clips} clips × {shape.ensemble} members × "
        f"{shape.horizon} frames: {', '.join(evaluation.metrics)}), {cores()} processes at a time: "
        f"{elapsed:.0f} s"
    )


def write_noise(path: Path, info: EnsembleInfo, shape: EnsembleShape) -> None:
    """Write an ensemble file of noise, with the same truth for all models."""
    truths = np.random.default_rng(0)
    forecasts = np.random.default_rng([*info.model.encode()])
    places = [(str(clip), 0) for clip in range(shape.clips)]
    with EnsembleWriter(path, info, shape, np.float32, places) as writer:
        for clip in range(shape.clips):
            frames = truths.random((shape.context + shape.horizon, *shape.frame), np.float32)
            samples = forecasts.random((shape.ensemble, shape.horizon, *shape.frame), np.float32)
            writer.write(
                clip,
                context=frames[: shape.context],
                truth=frames[shape.context :],
                samples=samples,
                seconds=0.0,
            )
        writer.finish()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("data/weights"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="of torch")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    bench_crps(arguments.rounds)
    bench_clips(arguments.rounds)
    try:
        for name in ("i3d", "lpips-alex"):
            path = arguments.weights / f"{name}.safetensors"
            if not path.exists():
                fetch_weights(name, path)
    except UserError as error:
        print(f"I3D and scoring: skipped, {error}")
        return
    bench_i3d(arguments.weights / "i3d.safetensors", arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        bench_scoring(arguments.weights, Path(folder))


if __name__ == "__main__":
    main()
