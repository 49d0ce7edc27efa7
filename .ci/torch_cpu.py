"""Choose the build of torch without CUDA that a package index offers.

Arguments: the lock file, and a file to write: the lock, with its hashes, without torch, torchvision
and the packages of CUDA. Prints the requirement of torch. Exits with code 1 and a message where the
index offers no such build within the bounds of pyproject.toml.
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
# Of no use without CUDA, or chosen by pip to match torch.
LEFT_OUT = re.compile(r"(torch|torchvision|triton|nvidia-\S+|cuda-\S+)==")


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: ``2.13.0`` → (2, 13, 0)."""
    return tuple(int(number) for number in version.split("."))


def choose(offered: str, locked: str, bounds: str) -> str | None:
    """Return the newest version for CPUs within ``bounds``, that of the lock if there is one.

    Args:
        offered: Output of ``pip index versions torch``.
        locked: Version in the lock file.
        bounds: Bounds such as ``>=2.11,<3``.
    """
    builds = set(re.findall(r"\b(\d[\d.]*)\+cpu\b", offered))
    lowest, below = re.fullmatch(r">=([\d.]+),<([\d.]+)", bounds).groups()
    builds = {v for v in builds if numbers(lowest) <= numbers(v) < numbers(below)}
    if locked in builds:
        return locked
    return max(builds, key=numbers, default=None)


def without_cuda(lock: str) -> str:
    """Return the entries of a lock file except those that depend on the build of torch."""
    entries = re.split(r"\n(?=\S)", lock.rstrip())
    return "\n".join(entry for entry in entries if not LEFT_OUT.match(entry)) + "\n"


if __name__ == "__main__":
    lock = Path(sys.argv[1]).read_text()
    (locked,) = re.findall(r"^torch==([\d.]+)", lock, re.MULTILINE)
    requirements = tomllib.loads(PROJECT.read_text())["project"]["dependencies"]
    (bounds,) = (item.removeprefix("torch") for item in requirements if item.startswith("torch>"))
    command = [sys.executable, "-m", "pip", "index", "versions", "torch"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    version = choose(run.stdout, locked, bounds)
    if version is None:
        sys.exit(f"No CPU build of torch{bounds} in the package index: installing the default one")
    if version != locked:
        print(f"torch {version}+cpu instead of the tested {locked}", file=sys.stderr)
    Path(sys.argv[2]).write_text(without_cuda(lock))
    print(f"torch=={version}+cpu")
