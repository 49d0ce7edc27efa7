# The output is the record of an archive's checksum, not the archive: Snakemake removes the outputs of
# a rule before it runs and when it fails, and with them a file that was put there by hand, or the
# part of it that a broken download left to go on from. `rvd fetch` write-protects the archive.
rule fetch:
    output:
        protected(AT("data/raw/{dataset}/{archive}.sha256")),
    log:
        AT("logs/fetch/{dataset}/{archive}.log"),
    # For a server that is away for long. A missing login or an unknown name fails at once, at each
    # attempt.
    retries: 2
    # It waits for the network: no core is reserved, so that simulations and trainings have them all.
    threads: 0
    resources:
        download=1,
        mem_mb=growing(500),
        runtime=growing(2880),
    params:
        config=CONFIG,
    message:
        "Fetch {wildcards.archive} of {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} fetch {wildcards.archive} --config {params.config:q}"
        " --dataset {wildcards.dataset} --output {output:q}"


rule convert:
    input:
        lambda wildcards: PLAN.raw_files(wildcards.dataset),
    output:
        AT("data/{dataset}.h5"),
    log:
        AT("logs/convert/{dataset}.log"),
    benchmark:
        AT("logs/convert/{dataset}.tsv")
    threads: lambda wildcards: PLAN.conversion_threads(wildcards.dataset)
    resources:
        mem_mb=growing(4000),
        runtime=growing(720),
    params:
        config=CONFIG,
        dataset=lambda wildcards: PLAN.conversion(wildcards.dataset),
    message:
        "Turn {wildcards.dataset} into a video file"
    shell:
        "python -m rvd --log {log:q} convert {input:q} --config {params.config:q}"
        " --dataset {wildcards.dataset} --output {output:q} --threads {threads}"
