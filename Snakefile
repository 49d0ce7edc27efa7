"""From raw videos and simulated flows to the paper's tables, figures and gallery.

snakemake --cores 8 all                      the paper (config/config.yaml)
snakemake --cores 8 results/ablation.csv     Table 2 alone
snakemake --cores 8 results/flow_validation  the flow solver against flows with known answers
snakemake --cores 8 partial                  tables and figures of the results that exist
snakemake -n all                             the jobs to do, and why
"""

import shlex
import sys
from functools import partial
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.jobs import Job
from snakemake.logging import logger

from rvd.errors import UserError
from rvd.experiment import ConfigError, experiment_from_mapping
from rvd.metrics.registry import FETCHERS
from rvd.runtime.locks import hold
from rvd.workflow import layout, rerun_keys
from rvd.workflow.layout import pattern
from rvd.workflow.partial import existing_results
from rvd.workflow.plan import Plan
from rvd.workflow.provenance import write_config
from rvd.workflow.resources import conversion_threads, growing
from rvd.workflow.retries import (
    MARK_EXIT_CODE_2,
    retry_unmarked_only,
    unmark_all,
)
from rvd.workflow.shell import repeated, shown_files


configfile: f"{workflow.basedir}/config/config.yaml"


# Rules call `python`: the one that runs Snakemake, whether or not its environment was activated. glibc keeps
# freed memory instead of returning it after each step, which saves a few per cent of a training's time.
shell.prefix(
    f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"'
    " MALLOC_MMAP_THRESHOLD_=${{MALLOC_MMAP_THRESHOLD_:-1073741824}}"
    " MALLOC_TRIM_THRESHOLD_=${{MALLOC_TRIM_THRESHOLD_:-4294967296}}; "
)


try:
    EXPERIMENT = experiment_from_mapping(config)
    PLAN = Plan(EXPERIMENT)
    PLAN.check_local_checkpoints()
except ConfigError as error:
    raise WorkflowError(str(error)) from None

LAYOUT = PLAN.layout
# A file, given by its name, of one model on one dataset with one seed.
result = partial(LAYOUT.result, "{dataset}", "{model}", "{seed}")
# Forecasting and the networks that score take one GPU, however many train.
ONE_GPU = min(1, EXPERIMENT.compute.gpus)
NOTEBOOKS = [
    "frames",
    "crps_by_frame",
    "crps_maps",
    "calibration",
    "ablations",
    "training",
]


# A faulty config or a damaged input is not retried; an interruption is.
retry_unmarked_only(Job, logger.info)


# Each verb reads the resolved config from here; it is written before the first job starts. What a
# rule depends on is in its params, so that a change reruns what it touches and nothing else.
#
# The lock ends with this process, however that ends. It takes the place of Snakemake's own, which
# remains after a kill (`nolock` in the profiles). Dry runs and jobs take none.
onstart:
    try:
        hold(Path(LAYOUT.lock), "workflow")
        write_config(EXPERIMENT, Path(LAYOUT.config))
        unmark_all(Path(LAYOUT.logs))
    except UserError as error:
        raise WorkflowError(str(error)) from None


wildcard_constraints:
    dataset=pattern(EXPERIMENT.datasets),
    simulated=pattern(PLAN.simulated(EXPERIMENT.datasets)),
    model=pattern(EXPERIMENT.models),
    seed=r"\d+",
    notebook=pattern(NOTEBOOKS),
    run=r"(train|val|test)-\d+",
    network=pattern(FETCHERS),
    archive=pattern(PLAN.archives()),
    digest=pattern(PLAN.digests()),
    table=pattern(layout.TABLES),


# On a cluster these run where Snakemake does: each takes seconds, or needs the internet, which the
# nodes of many clusters cannot reach.
localrules:
    all,
    fetch,
    fetch_pretrained,
    table,
    weights,


rule all:
    default_target: True
    input:
        LAYOUT.shown.tables(),
        [LAYOUT.shown.figures(notebook) for notebook in NOTEBOOKS],
        [LAYOUT.flow(dataset) for dataset in PLAN.simulated(EXPERIMENT.run.datasets)],
        LAYOUT.shown.gallery,


include: "workflow/rules/data.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/pretrained.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/partial.smk"
