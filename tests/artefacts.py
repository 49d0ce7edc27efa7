"""Contents of artefacts without what differs from run to run: durations and times."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import struct
from pathlib import Path

import h5py

# Of an HDF5 file's attributes, and of a curve's columns.
TIMES = {"seconds", "steps_per_second"}
# A checkout may be changed between two runs.
COMMITS = {"commit", "samples_commit"}


def content(path: Path) -> str:
    """A digest of all that ``path`` says: equal for two files just when they say the same."""
    digest = hashlib.sha256()
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            _add(digest, file)
            names = []
            file.visit(names.append)
            for name in sorted(names):
                digest.update(name.encode())
                _add(digest, file[name])
    elif path.suffix == ".safetensors":
        # Its metadata come in the order of a hash table, which differs from process to process.
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        if origin := header.get("__metadata__", {}).get("provenance"):
            kept = {key: value for key, value in json.loads(origin).items() if key not in COMMITS}
            header["__metadata__"]["provenance"] = json.dumps(kept, sort_keys=True)
        digest.update(json.dumps(header, sort_keys=True).encode() + data[8 + length :])
    elif path.name == "curve.csv":
        for row in csv.DictReader(io.StringIO(path.read_text())):
            kept = {key: value for key, value in row.items() if key not in TIMES}
            digest.update(repr(kept).encode())
    else:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def contents(folder: Path, names: list[str]) -> dict[str, str]:
    """Name → digest, of files below ``folder``."""
    return {name: content(folder / name) for name in names}


def _add(digest, item) -> None:
    for key in sorted(item.attrs):
        if key not in TIMES | COMMITS:
            digest.update(f"{key}={item.attrs[key]!r}".encode())
    if isinstance(item, h5py.Dataset):
        values = item.asstr()[:].tolist() if h5py.check_string_dtype(item.dtype) else item[:]
        digest.update(repr((item.shape, item.dtype)).encode())
        digest.update(repr(values).encode() if isinstance(values, list) else values.tobytes())
