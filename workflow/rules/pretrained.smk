# As for a dataset's archives, the output is the record of the checksum: a partial download is not
# deleted by Snakemake, and is resumed. The file is named by its checksum, so that models of one
# checkpoint share it, and another checksum is another file.
rule fetch_pretrained:
    output:
        protected(LAYOUT.pretrained_record("{digest}")),
    log:
        LAYOUT.log("fetch_pretrained", "{digest}"),
    retries: 2
    localrule: True
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(600),
    params:
        config=LAYOUT.config,
        model=lambda wildcards: PLAN.downloading(wildcards.digest),
    message:
        "Fetch the checkpoint of {params.model}"
    shell:
        "python -m rvd --log {log:q} fetch-pretrained --config {params.config:q}"
        " --model {params.model} --output {output:q}"


rule import_pretrained:
    input:
        lambda wildcards: PLAN.checkpoint_input(wildcards.model),
    output:
        result(layout.PREDICTOR),
    log:
        LAYOUT.log("import_pretrained", "{dataset}", "{model}", "seed{seed}"),
    wildcard_constraints:
        model=pattern(PLAN.pretrained()),
    # Before any training, so that a faulty checkpoint is reported at once.
    priority: 2
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        config=LAYOUT.config,
        importing=lambda wildcards: rerun_keys.pretrained_import(
            EXPERIMENT, wildcards.model
        ),
        checkpoint=lambda wildcards: PLAN.checkpoint(wildcards.model),
    message:
        "Import {wildcards.model} for {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} import-pretrained {params.checkpoint:q}"
        " --config {params.config:q} --dataset {wildcards.dataset} --model {wildcards.model}"
        " --output {output:q}"
