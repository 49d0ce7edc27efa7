"""Division of the tests among the processes of pytest-xdist (``pytest -n 2``).

The tests of one file stay in one process and in their order, as they share what is expensive to
make. Files that take longest come first, so that no process is left with a long one at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

# Files, or the beginnings of their names, that are one part: what one process makes or compiles
# serves all of them.
PARTS = {
    "tests/faults/": "faults",
    "tests/evaluation/test_crps.py": "scoringrules",
    "tests/evaluation/test_exceedance.py": "scoringrules",
    "tests/evaluation/test_multivariate.py": "scoringrules",
}

# Parts that take more than ten seconds, the longest first. The others come after them.
LONGEST = (
    "tests/test_workflow.py",
    "tests/docs/test_tutorials.py",
    "tests/training/test_processes.py",
    "tests/test_commands.py",
    "tests/test_cost.py",
    "tests/test_memory_estimate.py",
    "tests/test_notebooks.py",
    "tests/test_example_plugin.py",
    "tests/models/test_compilation.py",
    "tests/test_gpu_session.py",
    "tests/training/test_trackers.py",
    "faults",
    "tests/test_imported_workflow.py",
    "tests/models/test_every_model.py",
    "tests/training/test_training.py",
    "tests/datasets/test_pipeline.py",
    "tests/models/test_fake_cuda.py",
    "tests/lbm/test_pylbm_solver.py",
    "tests/test_plugins.py",
    "tests/plotting/test_paper.py",
    "tests/datasets/test_films.py",
    "tests/test_cli.py",
    "tests/models/test_stored_workflow.py",
    "tests/models/test_pretrained_workflow.py",
    "tests/test_gpu_day.py",
    "tests/evaluation/test_scoring.py",
    "tests/evaluation/test_fvd.py",
    "tests/evaluation/test_perceptual.py",
    "tests/models/test_overfitting.py",
    "tests/models/test_new_model.py",
    "tests/test_retries.py",
    "tests/gallery/test_browser.py",
    "tests/models/test_memory_savings.py",
)


def part_of(name: str) -> str:
    """Return the part to which the test of this id belongs; a part runs in one process."""
    file = name.partition("::")[0]
    return next((part for start, part in PARTS.items() if file.startswith(start)), file)


def rank(name: str) -> int:
    """Return the position of the part of this test among the longest parts."""
    part = part_of(name)
    return LONGEST.index(part) if part in LONGEST else len(LONGEST)


def scheduler(config: Any, log: Any) -> LoadScopeScheduling:
    """Return a scheduler that hands out one part after the other."""
    from xdist.scheduler import LoadScopeScheduling

    class Parts(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return part_of(nodeid)

    config.option.loadscopereorder = False  # not by their numbers of tests
    return Parts(config, log)
