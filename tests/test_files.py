"""Errors in writing are reported as those of the output, and other errors are not."""

import errno
import os

import h5py
import pytest

from rvd.errors import UserError
from rvd.files import atomic_write, reported


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO])
def test_a_failing_disk_is_reported(tmp_path, code):
    said = rf"out: cannot be written \({os.strerror(code)}\)"
    with pytest.raises(UserError, match=said), atomic_write(tmp_path / "out"):
        raise OSError(code, os.strerror(code))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_a_file_is_reported(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(UserError, match="file/folder/out: cannot be written"),
        atomic_write(tmp_path / "file" / "folder" / "out"),
    ):
        pass


def test_an_output_that_is_a_folder_is_reported(tmp_path):
    (tmp_path / "out").mkdir()
    with (
        pytest.raises(UserError, match="out: cannot be written"),
        atomic_write(tmp_path / "out") as partial,
    ):
        partial.touch()


def test_an_hdf5_file_that_cannot_be_created_is_reported(tmp_path):
    path = tmp_path / "absent" / "out.h5"
    with pytest.raises(UserError, match=r"out\.h5: cannot be written"), reported(path):
        h5py.File(path.with_name(".out.h5.1.partial"), "w")


@pytest.mark.parametrize("read", [lambda path: path.read_bytes(), h5py.File])
def test_an_input_that_is_missing_is_not_the_output_s_error(tmp_path, read):
    with pytest.raises(FileNotFoundError, match="input"), atomic_write(tmp_path / "out"):
        read(tmp_path / "input.h5")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "error",
    [
        OSError("cannot identify image file"),
        OSError(errno.EIO, "Can't synchronously read data (Input/output error)"),
        PermissionError(errno.EACCES, "Permission denied", "input"),
    ],
)
def test_an_input_that_cannot_be_read_is_not_the_output_s_error(tmp_path, error):
    with pytest.raises(type(error)) as caught, atomic_write(tmp_path / "out"):
        raise error
    assert caught.value is error
