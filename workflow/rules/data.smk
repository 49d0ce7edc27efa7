# The output is the record of an archive's checksum, not the archive: Snakemake removes the outputs of
# a rule before it runs and when it fails, and with them a file that was put there by hand, or a
# partial download, which is to be resumed. `rvd fetch` write-protects the archive.
rule fetch:
    output:
        protected(LAYOUT.archive_record("{dataset}", "{archive}")),
    log:
        LAYOUT.log("fetch", "{dataset}", "{archive}"),
    # For a server that is down for long. A missing login or an unknown name fails at once, at each
    # attempt.
    retries: 2
    localrule: True
    # A download waits for the network: it reserves no core, so that other jobs can use all of them.
    threads: 0
    resources:
        download=1,
        mem_mb=growing(500),
        runtime=growing(2880),
    params:
        config=LAYOUT.config,
    message:
        "Fetch {wildcards.archive} of {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} fetch {wildcards.archive} --config {params.config:q}"
        " --dataset {wildcards.dataset} --output {output:q}"


rule convert:
    input:
        lambda wildcards: PLAN.raw_files(wildcards.dataset),
    output:
        LAYOUT.videos("{dataset}"),
    log:
        LAYOUT.log("convert", "{dataset}"),
    benchmark:
        LAYOUT.benchmark("convert", "{dataset}")
    threads: lambda wildcards: conversion_threads(bool(PLAN.simulated([wildcards.dataset])))
    resources:
        mem_mb=growing(4000),
        runtime=growing(720),
    params:
        config=LAYOUT.config,
        dataset=lambda wildcards: rerun_keys.conversion(EXPERIMENT, wildcards.dataset),
    message:
        "Convert {wildcards.dataset} to a video file"
    shell:
        "python -m rvd --log {log:q} convert {input:q} --config {params.config:q}"
        " --dataset {wildcards.dataset} --output {output:q} --threads {threads}"
