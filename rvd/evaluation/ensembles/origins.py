"""Commits and inputs of ensemble files, in words for the gallery."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rvd.evaluation.ensembles.ensemble_file import EnsembleFile


def format_origins(samples: Iterable[Path]) -> str:
    """Return one line per ensemble file: its commit, and the digests of its inputs as JSON.

    Args:
        samples: Ensemble files.

    Raises:
        UserError: A file is not a complete ensemble file.
    """
    lines = []
    for path in samples:
        with EnsembleFile(path) as file:
            info = file.info
            lines.append(
                f"{info.dataset}/{info.model}/seed{info.seed}: commit "
                f"{file.commit or 'unknown'}; made by {file.made_by or 'unknown'}"
            )
    return "\n".join(lines)
