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
        mem_mb=growing(16000),
        runtime=growing(1440),
        gpu=lambda wildcards: (
            ONE_GPU
            if PLAN.predictor(wildcards.dataset, wildcards.model, wildcards.seed)
            else 0
        ),
    params:
        config=CONFIG,
        sampling=lambda wildcards: PLAN.sampling(wildcards.dataset, wildcards.model),
        predictor=lambda wildcards, input: (
            f"--predictor {shlex.quote(str(input.predictor))}"
            if input.predictor
            else ""
        ),
    message:
        "Forecast the test videos of {wildcards.dataset} by {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} sample --config {params.config:q} --threads {threads}"
        " --dataset {wildcards.dataset} --model {wildcards.model} --seed {wildcards.seed}"
        " --videos {input.videos:q} {params.predictor} --output {output:q}"


rule weights:
    output:
        f"{AT(EXPERIMENT.evaluation.weights)}/{{network}}.safetensors",
    log:
        f"{AT('logs/weights')}/{{network}}.log",
    retries: 2
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(30),
    message:
        "Fetch the published weights of {wildcards.network}"
    shell:
        "python -m rvd --log {log:q} fetch-weights {wildcards.network} --output {output:q}"


rule score:
    input:
        samples=AT("results/{dataset}/{model}/seed{seed}/samples.h5"),
        weights=PLAN.weights(),
    output:
        scores=AT("results/{dataset}/{model}/seed{seed}/scores.csv"),
        maps=AT("results/{dataset}/{model}/seed{seed}/maps.h5"),
    log:
        AT("logs/score/{dataset}/{model}/seed{seed}.log"),
    benchmark:
        AT("logs/score/{dataset}/{model}/seed{seed}.tsv")
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
    params:
        config=CONFIG,
        scoring=PLAN.scoring(),
        features=AT("results/{dataset}/features"),
    message:
        "Score {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} score {input.samples:q} --config {params.config:q}"
        " --threads {threads} --features {params.features:q} --output {output.scores:q}"


# Not in `all`: ancestral sampling, with which the others are compared, takes all diffusion steps.
rule tune_sampler:
    input:
        videos=AT("data/{dataset}.h5"),
        predictor=AT("results/{dataset}/{model}/seed{seed}/predictor.safetensors"),
    output:
        chosen=AT("results/{dataset}/{model}/seed{seed}/sampler.yaml"),
        costs=AT("results/{dataset}/{model}/seed{seed}/sampler_costs.csv"),
    log:
        AT("logs/tune_sampler/{dataset}/{model}/seed{seed}.log"),
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(16000),
        runtime=growing(1440),
        gpu=ONE_GPU,
    params:
        config=CONFIG,
    message:
        "Compare samplers of {wildcards.model} on validation videos of {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} tune-sampler --config {params.config:q} --threads {threads}"
        " --dataset {wildcards.dataset} --model {wildcards.model} --videos {input.videos:q}"
        " --predictor {input.predictor:q} --output {output.chosen:q} --costs {output.costs:q}"
