"""Correctness, speed and a small experiment on a rented GPU, in stages that keep to their time.

``python -m benchmarks.gpu_session`` runs all stages in order; ``--minutes`` bounds the command.
Each stage runs in its own process, which ends by itself when its time is over, and is killed
shortly after. Rows are printed as lines of JSON and appended to ``<out>/<stage>.jsonl``; those that
are there already are not measured again, so that the same command continues. ``<out>/report.md``
has them as tables, predictions next to measurements. ``--device cpu`` tries everything with a few
steps.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.gpu.report import report
from benchmarks.gpu.rows import PAPER, TRIAL, Case, Row, all_rows

# Stage → module and function, and the limit in seconds; the most valuable ones come first.
STAGES: dict[str, tuple[str, float]] = {
    "device": ("device_rates.stage", 40),
    "training": ("speed.training", 240),
    "correctness": ("correctness.stage", 150),
    "denoising": ("speed.denoising", 120),
    "tests": ("correctness.tests", 60),
    "resume": ("science.resume", 60),
    "profile": ("speed.profile", 60),
    "models": ("speed.models", 240),
    "science": ("science.science", 1200),
}
# Seconds after a stage's end at which it is killed.
GRACE = 10
TRIAL_STEPS = 1


def main() -> None:
    arguments = _arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.only:
        _run(arguments)
        return
    ends = time.monotonic() + 60 * arguments.minutes
    for stage in arguments.stages:
        seconds = min(STAGES[stage][1], ends - time.monotonic() - GRACE)
        if seconds > 0:
            _in_a_process(stage, seconds, arguments)
        # After each stage, since the machine itself may end.
        (arguments.out / "report.md").write_text(report(all_rows(arguments.out)))
    print(f"tables: {arguments.out / 'report.md'}", file=sys.stderr)


def _in_a_process(stage: str, seconds: float, arguments: argparse.Namespace) -> None:
    """Run a stage in a new process, and kill it if it does not end in time."""
    command = [sys.executable, "-m", "benchmarks.gpu_session", *sys.argv[1:]]
    command += [f"--only={stage}", f"--seconds={seconds}"]
    start, end = time.monotonic(), "in time"
    try:
        code = subprocess.run(command, timeout=seconds + GRACE, check=False).returncode
        end = f"exit code {code}" if code else end
    except subprocess.TimeoutExpired:
        end = "killed at its limit"
    print(f"{stage}: {time.monotonic() - start:.0f} s of {seconds:.0f}", file=sys.stderr)
    _write(arguments.out, stage, {"stage": stage, "check": "end of the stage", "ended": end})


def _run(arguments: argparse.Namespace) -> None:
    """Run one stage in this process."""
    from benchmarks.gpu.session import Session

    trial = arguments.device == "cpu"
    defaults = Session("cpu", arguments.out, 0)
    session = Session(
        arguments.device,
        arguments.out.resolve(),
        time.monotonic() + arguments.seconds,
        tuple(arguments.small or defaults.small),
        tuple(arguments.large or (defaults.small if trial else defaults.large)),
        tuple(arguments.cases or (TRIAL if trial else PAPER)),
        arguments.steps or (TRIAL_STEPS if trial else defaults.steps),
        tuple(arguments.models),
    )
    module, function = STAGES[arguments.only][0].split(".")
    stage = getattr(import_module(f"benchmarks.gpu.{module}"), function)
    for row in stage(session):
        _write(session.folder, arguments.only, {"stage": arguments.only, **row})


def _write(folder: Path, stage: str, row: Row) -> None:
    """Print a row, and append it to the file of its stage."""
    line = json.dumps(row, ensure_ascii=False)
    print(line, flush=True)
    with (folder / f"{stage}.jsonl").open("a") as file:
        file.write(f"{line}\n")


def _case(text: str) -> Case:
    """Return a case from ``SIZE,CHANNELS,BATCH``."""
    size, channels, batch = map(int, text.split(","))
    return Case(f"{size} px", size, channels, batch)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stages", nargs="+", default=list(STAGES), choices=list(STAGES))
    parser.add_argument("--minutes", type=float, default=30.0, help="time of the whole command")
    parser.add_argument("--out", type=Path, default=Path("gpu-session"), help="folder of results")
    parser.add_argument("--device", default="cuda", choices=("cpu", "cuda"))
    parser.add_argument("--models", nargs="*", default=[], help="models (default: all)")
    parser.add_argument("--steps", type=int, help="timed steps of each measurement")
    parser.add_argument("--small", nargs="*", type=Path, help="configs of the correctness stages")
    parser.add_argument("--large", nargs="*", type=Path, help="configs of the speed stages")
    parser.add_argument("--cases", nargs="*", type=_case, help="SIZE,CHANNELS,BATCH of frames")
    parser.add_argument("--only", choices=list(STAGES), help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=60.0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not arguments.only:
        import torch

        if not torch.cuda.is_available():
            parser.error("PyTorch sees no GPU here; give --device cpu for a trial")
    return arguments


if __name__ == "__main__":
    main()
