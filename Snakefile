"""From raw videos and simulated flows to the paper's tables, figures and gallery.

snakemake --cores 8 all                      the paper (config/config.yaml)
snakemake --cores 8 results/ablation.csv     Table 2 alone
snakemake --cores 8 results/flow_validation  the flow solver against flows with known answers
snakemake --cores 8 partial                  tables and figures of what is there, and what is missing
snakemake -n all                             what would be done, and why
"""

import json
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

from rvd.experiment import ConfigError, experiment_from_mapping
from rvd.workflow.partial import existing_results
from rvd.workflow.plan import Plan, growing


configfile: f"{workflow.basedir}/config/config.yaml"


# Rules call `python`: the one that runs Snakemake, whether or not its environment was activated.
shell.prefix(f'export PATH={shlex.quote(str(Path(sys.executable).parent))}:"$PATH"; ')


try:
    EXPERIMENT = experiment_from_mapping(config)
    PLAN = Plan(EXPERIMENT)
    PLAN.check_local_checkpoints()
except ConfigError as error:
    raise WorkflowError(str(error)) from None

AT = PLAN.at
CONFIG = AT("results/config.json")
# Forecasting takes one GPU, however many train.
ONE_GPU = min(1, EXPERIMENT.compute.gpus)
NOTEBOOKS = ["frames", "crps_by_frame", "crps_maps", "ablations", "training"]


# Every verb reads the resolved config from here; it is written before the first job starts. What a
# rule depends on stands in its params, so that a change reruns what it touches and nothing else.
onstart:
    PLAN.write_config(CONFIG)


wildcard_constraints:
    dataset=PLAN.pattern(EXPERIMENT.datasets),
    simulated=PLAN.pattern(PLAN.simulated(EXPERIMENT.datasets)) or "none",
    model=PLAN.pattern(EXPERIMENT.models),
    seed=r"\d+",
    notebook=PLAN.pattern(NOTEBOOKS),
    run=r"(train|val|test)-\d+",
    network="i3d|lpips-alex|lpips-vgg",
    archive=PLAN.pattern(PLAN.archives()) or "none",
    digest=PLAN.pattern(PLAN.digests()) or "none",
    table="table1|ablation",


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
        AT("results/table1.csv"),
        AT("results/ablation.csv"),
        expand(AT("results/figures/{notebook}"), notebook=NOTEBOOKS),
        expand(AT("results/flow/{run}"), run=PLAN.simulated(EXPERIMENT.run.datasets)),
        AT("results/gallery.html"),


include: "workflow/rules/data.smk"
include: "workflow/rules/simulation.smk"
include: "workflow/rules/training.smk"
include: "workflow/rules/pretrained.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/partial.smk"
