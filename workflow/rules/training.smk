# The checkpoints are not an output: Snakemake deletes the outputs of a job that failed, and an
# interrupted training is to be resumed from them.
rule train:
    input:
        videos=LAYOUT.videos("{dataset}"),
    output:
        predictor=result(layout.PREDICTOR),
        curve=result(layout.CURVE),
    log:
        LAYOUT.log("train", "{dataset}", "{model}", "seed{seed}"),
    benchmark:
        LAYOUT.benchmark("train", "{dataset}", "{model}", "seed{seed}")
    wildcard_constraints:
        model=pattern(PLAN.trained()),
    # Before shorter jobs, which then use the cores that the last trainings leave free.
    priority: 1
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(16000),
        runtime=7200,
        gpu=EXPERIMENT.compute.gpus,
    params:
        config=LAYOUT.config,
        training=lambda wildcards: rerun_keys.training(
            EXPERIMENT, wildcards.dataset, wildcards.model
        ),
        checkpoints=LAYOUT.checkpoints("{dataset}", "{model}", "{seed}"),
    message:
        "Train {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} train --config {params.config:q} --threads {threads}"
        " --processes $(( {resources.gpu} > 1 ? {resources.gpu} : 1 ))"
        " --dataset {wildcards.dataset} --model {wildcards.model} --seed {wildcards.seed}"
        " --videos {input.videos:q} --checkpoints {params.checkpoints:q}"
        " --output {output.predictor:q} --curve {output.curve:q}"
