rule sample:
    input:
        videos=AT("data/{dataset}.h5"),
        predictor=lambda wildcards: PLAN.predictor(
            wildcards.dataset, wildcards.model, wildcards.seed
        ),
    output:
        AT("results/{dataset}/{model}/seed{seed}/samples.h5"),
    log:
        AT("logs/sample/{dataset}/{model}/seed{seed}.log"),
    benchmark:
        AT("logs/sample/{dataset}/{model}/seed{seed}.tsv")
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=16000,
        runtime=1440,
        gpu=lambda wildcards: (
            EXPERIMENT.compute.gpus if PLAN.trained_by(wildcards.model) else 0
        ),
    params:
        config=CONFIG,
        sampling=lambda wildcards: PLAN.sampling(wildcards.dataset, wildcards.model),
        predictor=lambda wildcards, input: (
            f"--predictor {input.predictor}" if input.predictor else ""
        ),
    message:
        "Forecast the test videos of {wildcards.dataset} by {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log} sample --config {params.config} --threads {threads}"
        " --dataset {wildcards.dataset} --model {wildcards.model} --seed {wildcards.seed}"
        " --videos {input.videos} {params.predictor} --output {output}"


rule score:
    input:
        AT("results/{dataset}/{model}/seed{seed}/samples.h5"),
    output:
        AT("results/{dataset}/{model}/seed{seed}/scores.csv"),
    log:
        AT("logs/score/{dataset}/{model}/seed{seed}.log"),
    threads: 1
    resources:
        mem_mb=4000,
        runtime=240,
    params:
        config=CONFIG,
        metrics=EXPERIMENT.evaluation.metrics,
    message:
        "Score {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log} score {input} --config {params.config} --threads {threads}"
        " --output {output}"
