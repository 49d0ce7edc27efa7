"""Broken or malicious archives cannot make a reader crash, hang, or touch other files."""

import io
import tarfile
import zipfile

import numpy as np
import pytest
from hypothesis import strategies as st

from rvd.datasets.bair.reader import _records
from rvd.datasets.bair.tfrecord import RecordError, read_features, read_record
from rvd.datasets.kth.reader import read_sequences
from rvd.datasets.reading.archives import tar_members, zip_members
from rvd.errors import UserError
from tests.datasets.archives import example, tfrecord
from tests.faults.fuzz import fuzz, mangled, tree

pytestmark = pytest.mark.slow

LARGEST = 2**20


def test_tfrecord(folder):
    pictures = {"0/image_aux1/encoded": np.arange(12, dtype=np.uint8)}
    message = example(pictures)
    valid = tfrecord([message, message])
    path = folder / "a.tar"

    def read(data):
        with tarfile.open(path, "w") as archive:
            info = tarfile.TarInfo("train/a.tfrecords")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        try:
            for member in tar_members(path, LARGEST):
                records = _records(member)
                with path.open("rb") as file:
                    for record in records:
                        read_features(read_record(file, record))
        except RecordError as error:
            raise UserError(str(error)) from None

    # Half of them with valid checksums, so that the messages are parsed.
    inside = mangled(message).map(lambda data: tfrecord([data]))
    fuzz("TFRecord", st.one_of(mangled(valid), inside), read)


def test_zip(folder):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.png", b"1" * 200)
        archive.writestr("../../outside", b"2")
    harmless = io.BytesIO()
    with zipfile.ZipFile(harmless, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/one.png", b"1" * 200)
        archive.writestr("b.png", bytes(range(256)))
    path = folder / "a.zip"

    def read(data):
        path.write_bytes(data)
        for member in zip_members(path, LARGEST):
            member.read()

    fuzz("zip", mangled(data.getvalue(), harmless.getvalue()), read)
    assert tree(folder.parent) == {str(folder), str(path)}


def test_tar(folder):
    found = []
    for names in (["a/one", "b"], ["../../outside", "c"]):
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                info = tarfile.TarInfo(name)
                info.size, info.pax_headers = 5, {"comment": "x"}
                archive.addfile(info, io.BytesIO(b"12345"))
        found.append(data.getvalue()[: 5 * 1024])
    path = folder / "a.tar"

    def read(data):
        path.write_bytes(data)
        for member in tar_members(path, LARGEST):
            member.read()

    fuzz("tar", mangled(*found), read)
    assert tree(folder.parent) == {str(folder), str(path)}


def test_sequence_list(folder):
    path = folder / "00sequences.txt"
    lines = (
        b"person01_boxing_d1\t\tframes\t1-95, 96-185, 186-245, 246-360\nperson02_x_d2 *missing*\n"
    )

    def read(data):
        path.write_bytes(data)
        for ranges in read_sequences(path).values():
            assert all(0 <= first < last for first, last in ranges)

    fuzz("sequence list", mangled(lines), read)
