"""Broken or malicious journals, histories and features cannot make a reader crash or hang."""

import hashlib
import json

import numpy as np
import pytest
from safetensors.numpy import save

from rvd.metrics.networks.stored_features import load_features
from rvd.training.history import FILE, read_history, summarise
from rvd.training.journal import journal_path, read_journal, write_curve
from tests.faults.fuzz import fuzz, mangled, tree

pytestmark = pytest.mark.slow

NASTY = b'{"step": 1e400}\n[[[[{"step": \xff}\n{"step": true, "\\ud800": [1]}\n{"step": NaN}\n'


def test_journal(folder):
    path, curve = journal_path(folder), folder / "curve.csv"
    lines = [{"step": step, "loss": 1 / step, "learning_rate": 1e-4} for step in (1, 2, 3)]
    valid = "".join(f"{json.dumps(line)}\n" for line in lines).encode()

    def read(data):
        path.write_bytes(data)
        steps = [entry["step"] for entry in read_journal(path)]
        assert all(isinstance(step, int) for step in steps)
        write_curve(path, curve)

    read(b"[" * 100_000)
    read(b'{"step": ' + b"9" * 5000 + b"}")
    fuzz("journal", mangled(valid, valid, NASTY), read)
    assert tree(folder) == {str(path), str(curve)}


def test_history(folder):
    events = [
        {"event": "began", "time": "2026-01-01", "step": 0},
        {"event": "stopped", "reason": "SIGTERM"},
        {"event": "began", "step": 4},
        {"event": "finished"},
    ]
    valid = "".join(f"{json.dumps(event)}\n" for event in events).encode()

    def read(data):
        (folder / FILE).write_bytes(data)
        return str(summarise(read_history(folder)))

    assert read(valid) == "resumed once (1 stopped)"
    read(b"[" * 100_000)
    fuzz("history", mangled(valid, NASTY.replace(b"step", b"event")), read)


def test_features(folder):
    """Files whose names are their checksums, since others are not opened."""
    valid = save({"0" * 64: np.ones(400, np.float32), "1" * 64: np.ones(400, np.float32)})
    header = valid[: 8 + int.from_bytes(valid[:8], "little")]

    def read(data):
        path = folder / f"{hashlib.sha256(data).hexdigest()}.safetensors"
        path.write_bytes(data)
        found = load_features(folder)
        assert all(values.dtype == np.float32 for values in found.values())
        path.unlink(missing_ok=True)

    fuzz("features", mangled(valid, header), read)
    assert tree(folder) == set()
