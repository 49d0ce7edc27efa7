"""Memory and speed of reading films of any length, compared with ffmpeg.

A film is written first. Memory is the peak of a process of its own for each command, above what its
imports take. Speed is the processor and wall time of reading frames in blocks, as `rvd convert`
does, and of ffmpeg's own decoding, cropping and area scaling, in turn, on one and on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import av
import cv2
import numpy as np

SIZE, FRAME = 128, 360  # pixels of a model's frames, and of the square that is cut out of the film

ENCODED = 1000  # frames that are encoded

# The commands that read a film; each runs in a process of its own, after its imports.
COMMANDS = {
    "read_video": """
import torch, rvd
from rvd.forecasting.reading import read_video
start()
found = read_video(film, {size}, 3)
note(result=found.nbytes)
""",
    "predict": """
import torch, rvd
from rvd.forecasting.reading import read_video
start()
read_video(film, {size}, 3, last=4)
""",
    "predict --frame": """
import torch, rvd
from rvd.forecasting.reading import read_video
start()
read_video(film, {size}, 3, last=4, frame={frames} // 2)
""",
    "convert": """
from rvd.datasets.convert import convert
from rvd.datasets.folder.config import FolderConfig
folder = Path(film).parent
start()
convert("films", FolderConfig(reader="folder", path="", size={size}), [folder], folder / "v.h5")
""",
}
HEAD = """
import json, sys, time
from pathlib import Path
film = sys.argv[1]
noted = {}
def peak():
    # Not ru_maxrss, which begins at the size of the parent process.
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
def note(**values):
    noted.update(values)
def start():
    note(before=peak(), began=time.perf_counter())
"""
TAIL = """
note(after=peak(), ended=time.perf_counter())
print(json.dumps(noted))
"""


def write_film(path: Path, frames: int, width: int = 640, height: int = 360) -> None:
    """Write an H.264 film of a moving texture and a disc, 2 Mbit/s at 25 frames per second.

    At most ``ENCODED`` frames are encoded; the film repeats them.
    """
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 255, (height // 8, width // 4, 3), np.uint8)
    texture = cv2.GaussianBlur(cv2.resize(coarse, (2 * width, height)), (0, 0), 2)
    encoded = min(frames, ENCODED)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate, stream.options = 2_000_000, {"preset": "veryfast"}
        stream.codec_context.thread_type = "AUTO"
        packets = []
        for number in range(encoded):
            left = (3 * number) % width
            picture = texture[:, left : left + width].copy()
            cv2.circle(picture, ((7 * number) % width, height // 2), 40, (255, 30, 60), -1)
            packets += stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24"))
        packets += stream.encode()
        contents = [
            (bytes(packet), packet.pts, packet.dts, packet.is_keyframe) for packet in packets
        ]
        for shift in range(0, frames - frames % encoded, encoded):
            for data, shown, decoded, key in contents:
                packet = av.Packet(data)
                packet.pts, packet.dts = shown + shift, decoded + shift
                packet.time_base, packet.is_keyframe = stream.codec_context.time_base, key
                packet.stream = stream
                container.mux(packet)


def measured(name: str, film: Path, frames: int, size: int) -> dict[str, float]:
    """Run a command in a process of its own; return its memory in MB and its seconds."""
    script = HEAD + COMMANDS[name].format(size=size, frames=frames) + TAIL
    run = subprocess.run(
        [sys.executable, "-c", script, str(film)], capture_output=True, text=True, check=True
    )
    found = json.loads(run.stdout.splitlines()[-1])
    return {
        "added": (found["after"] - found["before"]) / 1e6,
        "result": found.get("result", 0) / 1e6,
        "seconds": found["ended"] - found["began"],
    }


def children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command: list[str], cores: int) -> tuple[float, float]:
    """Run a command on some cores; return its wall and processor seconds, without its start."""
    available = sorted(os.sched_getaffinity(0))[:cores]
    before, began = children(), time.perf_counter()
    run = subprocess.run(
        command,
        check=True,
        capture_output=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, available),
    )
    wall, processor = time.perf_counter() - began, children() - before
    if run.stdout:  # what the reading itself took, without Python's imports
        wall, processor = json.loads(run.stdout)
    return wall, processor


READ = """
import json, resource, sys, time
from pathlib import Path
from rvd.datasets.folder.video import ReadingOptions, read_blocks

def processor():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

film, size, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
before, began = processor(), time.perf_counter()
for _ in read_blocks(film, ReadingOptions(size, 3, threads=threads), 64):
    pass
print(json.dumps([time.perf_counter() - began, processor() - before]))
"""


def speed(film: Path, rounds: int) -> None:
    """Print the times of reading and of ffmpeg, and their ratios."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        print("ffmpeg is not installed: no comparison")
        return
    print(f"{'cores':>5}{'':12}{'reading, s':>24}{'ffmpeg, s':>24}{'ratio':>22}")
    scaling = f"crop={FRAME}:{FRAME},scale={SIZE}:{SIZE}:flags=area,format=rgb24"
    for cores in (1, 2):
        if cores > len(os.sched_getaffinity(0)):
            continue
        threads = str(cores)
        read = [sys.executable, "-c", READ, str(film), str(SIZE), threads]
        plain = [ffmpeg, "-v", "error", "-threads", threads, "-filter_threads", threads]
        plain += ["-i", str(film), "-vf", scaling, "-f", "rawvideo", "-y", os.devnull]
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(timed(read, cores))
            theirs.append(timed(plain, cores))
        for place, what in enumerate(("wall", "processor")):
            one, other = ([found[place] for found in those] for those in (ours, theirs))
            ratio = [a / b for a, b in zip(one, other, strict=True)]
            print(f"{cores:5} {what:11}" + "".join(f"{spread(x):>24}" for x in (one, other, ratio)))


def spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} … {max(values):.2f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=20_000, help="frames of the long film")
    parser.add_argument("--timed", type=int, default=2_000, help="frames of the timed film")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        film = Path(name) / "long" / "a.mp4"
        film.parent.mkdir()
        write_film(film, arguments.frames)
        for other in "bc":  # a data set has at least three videos
            os.link(film, film.with_name(f"{other}.mp4"))
        print(f"{arguments.frames} frames of 640×360; MB above the imports")
        print(f"{'command':18}{'pixels':>7}{'MB':>8}{'of it the result':>18}{'seconds':>9}")
        for command in COMMANDS:
            for size in (SIZE, FRAME) if command != "convert" else (SIZE,):
                found = measured(command, film, arguments.frames, size)
                print(
                    f"{command:18}{size:7}{found['added']:8.0f}{found['result']:18.0f}"
                    f"{found['seconds']:9.1f}",
                    flush=True,
                )
        short = Path(name) / "short.mp4"
        write_film(short, arguments.timed)
        speed(short, arguments.rounds)


if __name__ == "__main__":
    main()
