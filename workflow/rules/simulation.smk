rule simulate:
    output:
        AT("data/{dataset}/{run}.h5"),
    params:
        flags=lambda wildcards: PLAN.street_flags(wildcards.dataset, wildcards.run),
    log:
        AT("logs/simulate/{dataset}/{run}.log"),
    benchmark:
        AT("logs/simulate/{dataset}/{run}.tsv")
    threads: 1
    resources:
        mem_mb=1000,
        runtime=60,
    message:
        "Simulate the run {wildcards.run} of {wildcards.dataset}"
    shell:
        "{PYTHON} -m lbm simulate {output} {params.flags} 2> >(tee -i {log} >&2)"


rule convert:
    input:
        lambda wildcards: PLAN.raw_files(wildcards.dataset),
    output:
        AT("data/{dataset}.h5"),
    params:
        dataset=lambda wildcards: PLAN.conversion(wildcards.dataset),
    log:
        AT("logs/convert/{dataset}.log"),
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    message:
        "Turn {wildcards.dataset} into a video file"
    shell:
        "{PYTHON} -m rvd --log {log} convert {input} --config {CONFIG}"
        " --dataset {wildcards.dataset} --output {output}"
