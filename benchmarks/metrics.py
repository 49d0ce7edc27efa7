"""Time and memory of the metrics, as ratios to what else computes them, in one run.

CRPS against properscoring and scoringrules; I3D against its own convolutions alone; and the scoring
of an ensemble file of the demo's size. Each figure is the best of its repetitions: other work on
the machine only ever adds to a time. Peak memory is of a process that does one thing.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from rvd.errors import UserError
from rvd.evaluation.choice import ScoreSettings
from rvd.evaluation.crps import crps, crps_on_device, fair_crps
from rvd.evaluation.ensemble_file import EnsembleFile, EnsembleInfo, EnsembleShape, EnsembleWriter
from rvd.evaluation.i3d import load_i3d
from rvd.evaluation.scoring import score
from rvd.evaluation.weights import FETCHERS
from rvd.video.file import VideoInfo

MEMBERS, PIXELS = 100, 196_608


def ensemble(pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """A hundred members and a truth of grey levels."""
    grey = np.random.default_rng(0).integers(0, 256, (MEMBERS + 1, pixels), np.uint8)
    return grey[1:], grey[0]


def crps_time(name: str, pixels: int) -> tuple[float, float]:
    """Seconds for each million pixels, and MB of peak memory above what was there before."""
    import properscoring
    import scoringrules

    members, truth = ensemble(pixels)
    wide, x = members.T.astype(np.float64), truth.astype(np.float64)

    def rules(estimator: str) -> Callable[[], object]:
        return lambda: scoringrules.crps_ensemble(x, wide, estimator=estimator)

    pairwise = properscoring._crps._crps_ensemble_vectorized
    tensors = torch.from_numpy(members), torch.from_numpy(truth)
    run: dict[str, Callable[[], object]] = {
        "ours": lambda: crps(members, truth),
        "ours, fair": lambda: fair_crps(members, truth),
        "ours, by torch": lambda: crps_on_device(*tensors),
        "properscoring": lambda: properscoring.crps_ensemble(x, wide),
        "properscoring, numpy": lambda: pairwise(x, wide, np.ones_like(wide)),
    } | {f"scoringrules {e}": rules(e) for e in ("qd", "pwm")}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = best(run[name], 1 if name.endswith("numpy") else 3)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds / pixels * 1e6, (after - before) / 1024


def best(run: Callable[[], object], times: int) -> float:
    """The least seconds of several runs."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        found.append(time.perf_counter() - began)
    return min(found)


def bench_crps() -> None:
    context = multiprocessing.get_context("spawn")
    # scoringrules' other estimators compare all pairs of members, and take 15 GB here.
    names = ["ours", "ours, fair", "ours, by torch", "scoringrules qd", "scoringrules pwm"]
    # properscoring has a kernel for where numba is installed, and pairs of members where it is not.
    names += ["properscoring", "properscoring, numpy"]
    found = {}
    for name in names:
        pixels = PIXELS // 20 if name.endswith("numpy") else PIXELS
        with context.Pool(1) as pool:
            seconds, memory = pool.apply(crps_time, (name, pixels))
        found[name] = seconds
        ratio = seconds / found["ours"]
        print(
            f"CRPS, S = {MEMBERS}: {name:20} {seconds:8.2f} s a million pixels, "
            f"{ratio:6.2f} × ours, peak {memory:+6.0f} MB for {pixels} pixels",
            flush=True,
        )


class Recorded(TorchFunctionMode):
    """Keeps the calls of convolutions (and of products, which those of width 1 are)."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Callable[[], object]] = []

    def __torch_function__(self, function, types, arguments=(), options=None):
        options = options or {}
        if function in (F.conv3d, F.linear):
            self.calls.append(partial(function, *arguments, **options))
        return function(*arguments, **options)


def bench_i3d(weights: Path, rounds: int) -> None:
    """The network, and its own convolutions on the inputs that they had in it, by turns."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
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
        f"I3D on {device.type}, {torch.get_num_threads()} threads: {whole:.3f} s a clip of 16 "
        f"frames, its {len(recorded.calls)} convolutions alone {alone:.3f} s; ratio "
        f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} … {ratios[-1]:.3f}, {rounds} rounds)"
    )


def bench_scoring(weights: Path, folder: Path) -> None:
    """An ensemble file of the demo's size: 16 clips of 8 members, 16 frames of 32 × 32."""
    shape = EnsembleShape(16, 8, 4, 16, (32, 32, 1))
    info = EnsembleInfo("simulation", "bench", 0, VideoInfo("", "", 10.0, -1.0, 1.0, "", True))
    rng = np.random.default_rng(0)
    path = folder / "samples.h5"
    with EnsembleWriter(path, info, shape, np.float32) as writer:
        for clip in range(shape.clips):
            frames = rng.random((9, 20, 32, 32, 1), np.float32)
            writer.write(
                clip,
                video=str(clip),
                start=0,
                context=frames[0, :4],
                truth=frames[0, 4:],
                samples=frames[1:, 4:],
                seconds=0.0,
            )
        writer.finish()
    metrics = ("fvd", "lpips", "crps", "psnr", "ssim")
    for name, chosen in (("crps, psnr, ssim", metrics[2:]), ("with lpips and fvd", metrics)):
        settings = ScoreSettings(chosen, weights=weights)
        with EnsembleFile(path) as file:
            seconds = best(lambda f=file, s=settings: score(f, s, folder / "scores.csv"), 1)
        print(f"scoring a model of the demo, {name}: {seconds:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=Path("data/weights"))
    parser.add_argument("--rounds", type=int, default=5, help="of I3D and its convolutions")
    parser.add_argument("--threads", type=int, help="of torch")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    bench_crps()
    try:
        for name in ("i3d", "lpips-alex"):
            path = arguments.weights / f"{name}.safetensors"
            if not path.exists():
                FETCHERS[name](path, None)
    except UserError as error:
        print(f"I3D and scoring: skipped, {error}")
        return
    bench_i3d(arguments.weights / "i3d.safetensors", arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        bench_scoring(arguments.weights, Path(folder))


if __name__ == "__main__":
    main()
