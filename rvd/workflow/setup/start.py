"""The start of a workflow: its lock, and the config that the verbs read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rvd.errors import UserError
from rvd.runtime.locks import hold
from rvd.workflow.plan import Plan
from rvd.workflow.provenance import write_config
from rvd.workflow.retries import unmark_all


def start(plan: Plan) -> None:
    """Lock the experiment's root, write its resolved config, and allow failed jobs to be retried.

    Args:
        plan: The experiment.

    Raises:
        WorkflowError: Another workflow holds the root, or it cannot be written.
    """
    from snakemake.exceptions import WorkflowError

    layout = plan.layout
    try:
        hold(Path(layout.lock), "workflow")
        write_config(plan.experiment, Path(layout.config))
        unmark_all(Path(layout.logs))
    except UserError as error:
        raise WorkflowError(str(error)) from None


def imported_to_run(workflow: Any) -> bool:
    """Return whether the rules being read are a module of a workflow that is to run.

    Snakemake runs the ``onstart`` of the importing workflow alone, so that a module starts while it
    is read: not in a dry run, nor in the processes of jobs.

    Args:
        workflow: Snakemake's workflow.
    """
    return (
        not workflow.modifier.is_main_snakefile()
        and workflow.is_main_process
        and not workflow.output_settings.dryrun
    )
