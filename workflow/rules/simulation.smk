rule simulate:
    output:
        AT("data/{dataset}/{run}.h5"),
    log:
        AT("logs/simulate/{dataset}/{run}.log"),
    benchmark:
        AT("logs/simulate/{dataset}/{run}.tsv")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        flags=lambda wildcards: PLAN.street_flags(wildcards.dataset, wildcards.run),
    message:
        "Simulate the run {wildcards.run} of {wildcards.dataset}"
    shell:
        "python -m lbm simulate {output:q} {params.flags} 2> >(tee -i {log:q} >&2)"
