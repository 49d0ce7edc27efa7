"""Broken or malicious films and pictures cannot make a reader crash, hang, or exhaust memory."""

import struct

import av
import cv2
import imageio.v3 as iio
import numpy as np
import pytest

from rvd.datasets.folder.video import ReadingOptions, read_frames
from rvd.datasets.reading.frames import DecodingError, decode_picture
from rvd.errors import UserError
from tests.datasets.archives import film
from tests.faults.fuzz import fuzz, mangled, tree
from tests.tiny import moving_squares

pytestmark = pytest.mark.slow

HUGE = 60_000  # pixels: height and width of a bomb
GREY = ReadingOptions(8, 1)


def refused(read, *arguments):
    """Call ``read``; its refusal is a UserError, as it is for users."""
    try:
        return read(*arguments)
    except DecodingError as error:
        raise UserError(str(error)) from None


def replaced(data, place, *sizes, form):
    return data[:place] + struct.pack(form, *sizes) + data[place + struct.calcsize(form) :]


def png_bomb(data):
    return replaced(data, 16, HUGE, HUGE, form=">II")


def jpeg_bomb(data):
    return replaced(data, data.index(b"\xff\xc0") + 5, HUGE, HUGE, form=">HH")


def bmp_bomb(data):
    return replaced(data, 18, HUGE, HUGE, form="<ii")


def gif_bomb(data):
    """Change the size of the screen and of the first frame."""
    frame = data.index(b"\x2c", 13) + 5
    return replaced(replaced(data, 6, HUGE, HUGE, form="<HH"), frame, HUGE, HUGE, form="<HH")


def avi_bomb(data):
    """Change the size in both headers; that in the frames is the one that counts."""
    whole = replaced(data, data.index(b"avih") + 8 + 32, HUGE, HUGE, form="<II")
    return replaced(whole, whole.index(b"strf") + 8 + 4, HUGE, HUGE, form="<ii")


def motion_jpeg(path):
    """Return a film of JPEG pictures."""
    with av.open(str(path), "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
        for picture in moving_squares(3, dtype=np.uint8)[..., 0]:
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(frame.reformat(format="yuvj420p")))
        container.mux(stream.encode())
    return path.read_bytes()


def motion_jpeg_bomb(data):
    """Change the size of each picture."""
    at = data.find(b"\xff\xc0")
    while at >= 0:
        data = replaced(data, at + 5, HUGE, HUGE, form=">HH")
        at = data.find(b"\xff\xc0", at + 1)
    return avi_bomb(data)


def test_film(folder):
    path = folder / "a.avi"
    valid = film(path, 3, (64, 64))
    assert len(read_frames(path, GREY)) == 3

    def read(data):
        path.write_bytes(data)
        return refused(read_frames, path, GREY)

    jpegs = motion_jpeg(path)
    assert len(read(jpegs)) == len(read(avi_bomb(valid))) == 3
    with pytest.raises(UserError):
        read(motion_jpeg_bomb(jpegs))
    bombs = avi_bomb(valid), motion_jpeg_bomb(jpegs)
    fuzz("film", mangled(valid, jpegs, *bombs), read)
    assert tree(folder) == {str(path)}


def test_gif(folder):
    path = folder / "a.gif"
    squares = moving_squares(3, dtype=np.uint8)[..., 0]
    iio.imwrite(path, squares, duration=100, loop=0)
    valid = path.read_bytes()
    assert len(read_frames(path, GREY)) == 3

    def read(data):
        path.write_bytes(data)
        return refused(read_frames, path, GREY)

    with pytest.raises(UserError):
        read(gif_bomb(valid))
    fuzz("GIF", mangled(valid, valid, gif_bomb(valid)), read)
    assert tree(folder) == {str(path)}


@pytest.mark.filterwarnings("ignore")  # Pillow's, of damaged TIFFs
def test_picture():
    square = moving_squares(1, dtype=np.uint8)[0]
    formats = {
        name: bytes(cv2.imencode(f".{name}", square)[1])
        for name in ("png", "jpg", "bmp", "tiff", "webp", "pgm")
    }
    bombs = [png_bomb(formats["png"]), jpeg_bomb(formats["jpg"]), bmp_bomb(formats["bmp"])]
    bombs += [formats["pgm"].replace(b"16 16", b"60000 60000")]
    animated = iio.imwrite("<bytes>", np.repeat(square[None, ..., 0], 2, 0), extension=".gif")
    for data in formats.values():
        assert decode_picture(data, 1).shape == (16, 16, 1)
    for data in bombs:
        with pytest.raises(DecodingError, match=r"pixels|not a picture"):
            decode_picture(data, 1)

    def read(data):
        return refused(decode_picture, data, 1)

    fuzz("picture", mangled(*formats.values(), *bombs, animated), read)
