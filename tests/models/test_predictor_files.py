"""Predictor files."""

import json
import struct

import torch

from rvd.models.files import content_digest, save
from rvd.models.registry import build
from tests.tiny import SIZE, experiment


def test_equal_predictors_have_equal_digests_whatever_the_order_of_their_metadata(tmp_path):
    torch.manual_seed(0)
    model = build(experiment().models["rvd"], SIZE, 1)
    path = tmp_path / "p.safetensors"
    save(model, path, {"seed": 0})
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(reversed(header["__metadata__"].items()))
    turned = json.dumps(header).encode()
    other = tmp_path / "q.safetensors"
    other.write_bytes(struct.pack("<Q", len(turned)) + turned + data[8 + length :])
    assert other.read_bytes() != data
    assert content_digest(other) == content_digest(path)
    with torch.no_grad():
        next(model.parameters()).add_(1e-6)
    save(model, other, {"seed": 0})
    assert content_digest(other) != content_digest(path)
