rule simulate:
    output:
        LAYOUT.simulation("{dataset}", "{run}"),
    log:
        LAYOUT.log("simulate", "{dataset}", "{run}"),
    benchmark:
        LAYOUT.benchmark("simulate", "{dataset}", "{run}")
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=growing(60),
    params:
        flags=lambda wildcards: PLAN.simulation_flags(wildcards.dataset, wildcards.run),
    message:
        "Simulate the run {wildcards.run} of {wildcards.dataset}"
    shell:
        "python -m lbm simulate {output:q} {params.flags} 2> >(tee -i {log:q} >&2)"
        + MARK_EXIT_CODE_2
