"""The parity checkpoint as a pretrained model of the tiny config."""

import hashlib
from pathlib import Path

from rvd.models.pretrained.config import PretrainedConfig
from rvd.models.pretrained.importing import import_checkpoint
from tests.tiny import SIZE, config

REPOSITORY = Path(__file__).parents[2]
OFFICIAL = REPOSITORY / "tests" / "fixtures" / "parity" / "official_checkpoint.pt"
DIGEST = hashlib.sha256(OFFICIAL.read_bytes()).hexdigest()


def with_authors(root=".", run_on=("simulation",), **keys):
    """Return the tiny config with the model ``authors``, which is the parity checkpoint."""
    values = config(root=root)
    values["run"] |= {"models": ["persistence", "authors"], "datasets": list(run_on)}
    local = {} if "address" in keys else {"path": str(OFFICIAL)}
    authors = {"kind": "pretrained", "format": "official", **local, **keys}
    values["models"]["authors"] = {key: value for key, value in authors.items() if value != ""}
    return values


def section(**keys):
    """Return the section of that model, with other ``keys``."""
    return PretrainedConfig(
        **{"kind": "pretrained", "path": str(OFFICIAL), "format": "official"} | keys
    )


def imported(folder, described, checkpoint=OFFICIAL, *, size=SIZE, channels=1, context=2):
    """Import ``checkpoint`` and return the predictor file."""
    output = folder / "predictor.safetensors"
    import_checkpoint(described, checkpoint, output, size=size, channels=channels, context=context)
    return output
