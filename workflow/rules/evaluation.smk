rule sample:
    input:
        videos=LAYOUT.videos("{dataset}"),
        predictor=lambda wildcards: PLAN.predictor(
            wildcards.dataset, wildcards.model, wildcards.seed
        ),
        # Forecasts that were made elsewhere.
        stored=lambda wildcards: PLAN.stored(wildcards.dataset, wildcards.model),
    output:
        result(layout.SAMPLES),
    log:
        LAYOUT.log("sample", "{dataset}", "{model}", "seed{seed}"),
    benchmark:
        LAYOUT.benchmark("sample", "{dataset}", "{model}", "seed{seed}")
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
        config=LAYOUT.config,
        sampling=lambda wildcards: rerun_keys.sampling(
            EXPERIMENT, wildcards.dataset, wildcards.model
        ),
        predictor=lambda wildcards, input: repeated("--predictor", input.predictor),
        stored=lambda wildcards, input: repeated("--stored", input.stored),
    message:
        "Forecast the test videos of {wildcards.dataset} by {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} sample --config {params.config:q} --threads {threads}"
        " --dataset {wildcards.dataset} --model {wildcards.model} --seed {wildcards.seed}"
        " --videos {input.videos:q} {params.predictor} {params.stored} --output {output:q}"


rule weights:
    output:
        LAYOUT.weights(EXPERIMENT.evaluation.weights, "{network}"),
    log:
        LAYOUT.log("weights", "{network}"),
    retries: 2
    localrule: True
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
        samples=result(layout.SAMPLES),
        weights=PLAN.weights(),
    output:
        scores=result(layout.SCORES),
        maps=result(layout.MAPS),
    log:
        LAYOUT.log("score", "{dataset}", "{model}", "seed{seed}"),
    benchmark:
        LAYOUT.benchmark("score", "{dataset}", "{model}", "seed{seed}")
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(6000),
        runtime=growing(240),
        gpu=ONE_GPU if PLAN.weights() else 0,
    params:
        config=LAYOUT.config,
        scoring=rerun_keys.scoring(EXPERIMENT),
        features=LAYOUT.features("{dataset}"),
        weights=lambda wildcards, input: repeated("--weights", input.weights),
    message:
        "Score {wildcards.model} on {wildcards.dataset}, seed {wildcards.seed}"
    shell:
        "python -m rvd --log {log:q} score {input.samples:q} --config {params.config:q}"
        " --threads {threads} {params.weights} --features {params.features:q}"
        " --output {output.scores:q}"


# Not in `all`, because the ancestral sampler, the reference, takes all diffusion steps.
rule tune_sampler:
    input:
        videos=LAYOUT.videos("{dataset}"),
        predictor=result(layout.PREDICTOR),
    output:
        chosen=result(layout.SAMPLER),
        costs=result(layout.SAMPLER_COSTS),
    log:
        LAYOUT.log("tune_sampler", "{dataset}", "{model}", "seed{seed}"),
    threads: EXPERIMENT.compute.threads
    resources:
        mem_mb=growing(16000),
        runtime=growing(1440),
        gpu=ONE_GPU,
    params:
        config=LAYOUT.config,
    message:
        "Compare samplers of {wildcards.model} on validation videos of {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} tune-sampler --config {params.config:q} --threads {threads}"
        " --dataset {wildcards.dataset} --model {wildcards.model} --videos {input.videos:q}"
        " --predictor {input.predictor:q} --output {output.chosen:q} --costs {output.costs:q}"
