# As for a dataset's archives, the output is the record of the checksum: a download that was broken
# off is not deleted by Snakemake, and is resumed. The file is named by its checksum, so that models
# of one checkpoint share it, and another checksum is another file.
rule fetch_pretrained:
    output:
        protected(AT("data/pretrained/{digest}.sha256")),
    log:
        AT("logs/fetch_pretrained/{digest}.log"),
    retries: 2
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=growing(600),
    params:
        config=CONFIG,
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
        AT("results/{dataset}/{model}/seed{seed}/predictor.safetensors"),
    log:
        AT("logs/import_pretrained/{dataset}/{model}/seed{seed}.log"),
    wildcard_constraints:
        model=PLAN.pattern(PLAN.pretrained()) or "none",
    # Before any training, as what is wrong with a checkpoint should be known at once.
    priority: 2
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(30),
    params:
        config=CONFIG,
        importing=lambda wildcards: PLAN.importing(wildcards.model),
        checkpoint=lambda wildcards: PLAN.checkpoint(wildcards.model),
    message:
        "Import {wildcards.model} for {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} import-pretrained {params.checkpoint:q}"
        " --config {params.config:q} --dataset {wildcards.dataset} --model {wildcards.model}"
        " --output {output:q}"
