"""Films as other software writes them, made by PyAV, and ffmpeg as an independent decoder."""

import re
import shutil
import subprocess
from fractions import Fraction

import av
import cv2
import numpy as np

SIZE = (64, 48)  # width, height
RATE = 25
# Container by the film's suffix, and a codec for it.
CODECS = {
    ".avi": "mpeg4",
    ".gif": "gif",
    ".mkv": "libx264",
    ".mov": "mpeg4",
    ".mp4": "libx264",
    ".mpg": "mpeg2video",
    ".ogv": "libvpx",
    ".webm": "libvpx",
    ".wmv": "wmv2",
}
FFMPEG = shutil.which("ffmpeg")


def pictures(count, size=SIZE):
    """Return grey frames (frame, height, width): a disc that moves over a gradient."""
    width, height = size
    gradient = np.linspace(20, 120, width, dtype=np.uint8)[None].repeat(height, 0)
    found = gradient[None].repeat(count, 0)
    for number, picture in enumerate(found):
        cv2.circle(picture, ((5 * number) % width, height // 2), 10, 230, -1)
    return found


def write_film(path, count=40, size=SIZE, group=8, times=None, **codec_options):
    """Write a film with a key frame at least every ``group`` frames; return its pictures.

    ``times`` are the numbers of the ticks (1/25 s) at which frames are shown; by default each.
    """
    suffix = path.suffix
    stored = pictures(count, size)
    options = {"movflags": "+faststart"} if suffix in (".mp4", ".mov") else {}
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(CODECS[suffix], rate=RATE)
        stream.width, stream.height = size
        stream.pix_fmt = "rgb8" if suffix == ".gif" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, RATE)
        stream.codec_context.gop_size = group
        stream.bit_rate = 2_000_000
        stream.options = {key: str(value) for key, value in codec_options.items()}
        for number, picture in enumerate(stored):
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame = frame.reformat(format=stream.pix_fmt)
            frame.pts = number if times is None else times[number]
            frame.time_base = Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return stored


def trimmed(source, path, start):
    """Copy the packets of a film, to be shown from frame ``start`` on, by an edit list."""
    with (
        av.open(str(source)) as whole,
        av.open(str(path), "w", options={"avoid_negative_ts": "disabled"}) as part,
    ):
        stream = whole.streams.video[0]
        copy = part.add_stream_from_template(stream)
        for packet in whole.demux(stream):
            if packet.dts is not None:
                shift = round(start / RATE / packet.time_base)
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                part.mux(packet)


def by_ffmpeg(path, size=SIZE):
    """Decode a film by ffmpeg: grey frames (frame, height, width)."""
    command = [FFMPEG, "-v", "error", "-i", path, "-fps_mode", "passthrough"]
    command += ["-pix_fmt", "gray", "-f", "rawvideo", "-"]
    run = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(run.stdout, np.uint8).reshape(-1, size[1], size[0])


def packed(path, count=21):
    """Write an AVI as DivX and XVID do with B-frames; return its pictures.

    A chunk holds a P-frame and the B-frame that is shown before it; an empty frame follows.
    """
    source = path.with_name("unpacked.avi")
    stored = write_film(source, count, bf=1)
    empty = b"\x00\x00\x01\xb6\x50\x4f"
    with av.open(str(source)) as whole, av.open(str(path), "w") as part:
        stream = whole.streams.video[0]
        copy = part.add_stream_from_template(stream)
        copy.codec_context.codec_tag = "XVID"
        waiting = b""
        chunks = []
        for packet in whole.demux(stream):
            data = re.sub(rb"(\x00\x00\x01\xb2)Lavc[\d.]*", rb"\1DivX503b1393p", bytes(packet))
            kind = data[data.find(b"\x00\x00\x01\xb6") + 4] >> 6 if data else 0
            if kind == 2:  # a B-frame
                chunks += [waiting + data, empty]
                waiting = b""
            else:
                chunks += [waiting] if waiting else []
                waiting = data
        # A last chunk without a frame, which counts in the header.
        for number, data in enumerate([*chunks, empty]):
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.time_base = Fraction(1, RATE)
            packet.is_keyframe = number == 0
            packet.stream = copy
            part.mux(packet)
    return stored
