# The checkpoints are no output: Snakemake deletes the outputs of a job that failed, and a training
# that was interrupted is to go on from them.
rule train:
    input:
        videos=AT("data/{dataset}.h5"),
    output:
        predictor=AT("results/{dataset}/{model}/seed{seed}/predictor.safetensors"),
        curve=AT("results/{dataset}/{model}/seed{seed}/curve.csv"),
    log:
        AT("logs/train/{dataset}/{model}/seed{seed}.log"),
    benchmark:
        AT("logs/train/{dataset}/{model}/seed{seed}.tsv")
    wildcard_constraints:
        model=PLAN.pattern(PLAN.trained()) or "none",
    # Before shorter jobs, which then fill the cores beside the last trainings.
    priority: 1
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(16000),
        runtime=7200,
        gpu=EXPERIMENT.compute.gpus,
    params:
        config=CONFIG,
        training=lambda wildcards: PLAN.training(wildcards.dataset, wildcards.model),
        checkpoints=PLAN.checkpoints("{dataset}", "{model}", "{seed}"),
    message:
        "Train {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} train --config {params.config:q} --threads {threads}"
        " --processes $(( {resources.gpu} > 1 ? {resources.gpu} : 1 ))"
        " --dataset {wildcards.dataset} --model {wildcards.model} --seed {wildcards.seed}"
        " --videos {input.videos:q} --checkpoints {params.checkpoints:q}"
        " --output {output.predictor:q} --curve {output.curve:q}"
