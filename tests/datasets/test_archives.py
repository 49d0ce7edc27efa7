"""Archives cannot write outside their folder, expand without limit, or hide damage."""

import io
import tarfile
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rvd.datasets.reading.archives import sorted_by_name, tar_members, zip_members
from rvd.errors import UserError

LARGEST = 2**20
OUTSIDE = ["../x.avi", "a/../../x.avi", "/etc/x.avi", "..\\x.avi", "C:\\x.avi", "\\x.avi"]


def zipped(path, files, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path, name="a", kind=tarfile.REGTYPE, data=b"x", link=""):
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(name)
        info.type, info.linkname, info.size = kind, link, len(data)
        archive.addfile(info, io.BytesIO(data))
    return path


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8})?", fullmatch=True), st.binary()))
@settings(max_examples=25, deadline=None)
def test_members_equal_the_written_files(tmp_path_factory, files):
    folder = tmp_path_factory.mktemp("a")
    for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
        members = zip_members(zipped(folder / "a.zip", files, method), LARGEST)
        assert {member.name: member.read() for member in members} == files
    with tarfile.open(folder / "a.tar", "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    members = tar_members(folder / "a.tar", LARGEST)
    assert {member.name: member.read() for member in members} == files
    assert [member.name for member in sorted_by_name(members)] == sorted(files)


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_member_outside_its_folder_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"a\.zip: refused, since its member"):
        zip_members(zipped(tmp_path / "a.zip", {name: b"x"}), LARGEST)
    with pytest.raises(UserError, match=r"a\.tar: refused, since its member"):
        tar_members(tarred(tmp_path / "a.tar", name), LARGEST)


def test_links_and_devices_are_refused(tmp_path):
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
        with pytest.raises(UserError, match="its member 'a' is a link"):
            tar_members(tarred(tmp_path / "a.tar", kind=kind, link="/etc/passwd", data=b""), 9)
    info = zipfile.ZipInfo("a")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(UserError, match="its member 'a' is a link"):
        zip_members(tmp_path / "a.zip", LARGEST)


def test_decompression_bombs_are_refused(tmp_path):
    with pytest.raises(UserError, match="'a' has 1048577 bytes, more than 1048576"):
        zip_members(
            zipped(tmp_path / "a.zip", {"a": bytes(LARGEST + 1)}, zipfile.ZIP_STORED), LARGEST
        )
    with pytest.raises(UserError, match="'a' would grow from"):
        zip_members(zipped(tmp_path / "a.zip", {"a": bytes(10**7)}), 10**8)
    with pytest.raises(UserError, match="'a' has 11 bytes, more than 10"):
        tar_members(tarred(tmp_path / "a.tar", data=bytes(11)), 10)


def test_a_member_larger_than_announced_is_not_decompressed(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a": bytes(1000)})
    data = path.read_bytes().replace((1000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    path.write_bytes(data)
    (member,) = zip_members(path, LARGEST)
    with pytest.raises(UserError, match=r"a.zip: a: is truncated \(11 of 10 bytes\)"):
        member.read()


def test_corrupt_bytes_are_detected(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a": b"0123456789" * 9}, zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"0123", b"0124", 1))
    (member,) = zip_members(path, LARGEST)
    with pytest.raises(UserError, match=r"a.zip: a: is corrupt \(its CRC-32 differs\)"):
        member.read()


@pytest.mark.parametrize("data", [b"", b"<html>Not found</html>", b"PK\x03\x04" + bytes(100)])
def test_files_that_are_not_archives_are_refused(tmp_path, data):
    (tmp_path / "a.zip").write_bytes(data)
    with pytest.raises(UserError, match=r"a\.zip: is not a whole zip archive"):
        zip_members(tmp_path / "a.zip", LARGEST)
    (tmp_path / "a.tar").write_bytes(data[:8] + b"x" * 600)
    with pytest.raises(UserError, match=r"a\.tar: is not a whole tar archive"):
        tar_members(tmp_path / "a.tar", LARGEST)


def test_a_truncated_zip_is_detected(tmp_path):
    path = zipped(tmp_path / "a.zip", {"a": b"0123456789" * 99})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(UserError, match=r"a\.zip: is not a whole zip archive"):
        zip_members(path, LARGEST)


def test_a_missing_archive_is_reported(tmp_path):
    with pytest.raises(UserError, match=r"a\.zip: there is no such file"):
        zip_members(tmp_path / "a.zip", LARGEST)
