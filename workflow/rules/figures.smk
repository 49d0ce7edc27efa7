rule table:
    input:
        lambda wildcards: PLAN.scores(wildcards.table),
    output:
        csv=report(
            LAYOUT.shown.table("{table}"),
            category="Tables",
            caption="../report/tables.rst",
            labels={"table": "{table}"},
        ),
        markdown=LAYOUT.shown.table("{table}", ".md"),
        latex=LAYOUT.shown.table("{table}", ".tex"),
    log:
        LAYOUT.log("{table}"),
    localrule: True
    params:
        config=LAYOUT.config,
        run=rerun_keys.table(EXPERIMENT),
    message:
        "Tabulate {output.csv}"
    shell:
        "python -m rvd --log {log:q} tabulate {input:q} --config {params.config:q}"
        " --table {wildcards.table} --output {output.csv:q}"


# Not in `all`: with many models there are many pairs.
rule paired_tests:
    input:
        PLAN.results(layout.MAPS),
    output:
        report(
            LAYOUT.shown.paired,
            category="Tables",
            caption="../report/paired.rst",
            labels={"table": "paired tests"},
        ),
    log:
        LAYOUT.log("paired"),
    params:
        config=LAYOUT.config,
    message:
        "Compare all pairs of models on the same clips"
    shell:
        "python -m rvd --log {log:q} paired-test {input:q} --config {params.config:q}"
        " --output {output:q}"


rule figures:
    input:
        notebook=f"{SHIPPED}/notebooks/{{notebook}}.ipynb",
        samples=PLAN.results(layout.SAMPLES),
        scores=PLAN.results(layout.SCORES),
        curves=PLAN.curves(),
        tables=LAYOUT.shown.tables(),
    output:
        report(
            directory(LAYOUT.shown.figures("{notebook}")),
            patterns=["{figure}.svg"],
            category="Figures",
            subcategory="{notebook}",
            caption="../report/figures.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        LAYOUT.log("figures", "{notebook}"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
        shown=shown_files,
    message:
        "Render the notebook {wildcards.notebook}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} {params.shown} --config {params.config:q}"
        " --output {output:q}"


rule sampler_cost:
    input:
        notebook=f"{SHIPPED}/notebooks/sampler_cost.ipynb",
        costs=result(layout.SAMPLER_COSTS),
    output:
        directory(result(layout.SAMPLER_COST_FIGURES)),
    log:
        LAYOUT.log("sampler_cost", "{dataset}", "{model}", "seed{seed}"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
    message:
        "Draw the cost of samplers of {wildcards.model} on {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"
        " --costs {input.costs:q}"


rule flow:
    input:
        notebook=f"{SHIPPED}/notebooks/simulation.ipynb",
        runs=lambda wildcards: PLAN.raw_files(wildcards.simulated),
    output:
        report(
            directory(LAYOUT.flow("{simulated}")),
            patterns=["{figure}.svg"],
            category="Figures",
            subcategory="{simulated}",
            caption="../report/flow.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        LAYOUT.log("flow", "{simulated}"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
        runs=lambda wildcards, input: repeated("--runs", input.runs),
        shown=lambda wildcards: rerun_keys.flow(
            EXPERIMENT, wildcards.simulated, PLAN.raw_files(wildcards.simulated)
        ),
    message:
        "Draw the runs of {wildcards.simulated}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"
        " --dataset {wildcards.simulated} {params.runs}"


# Not in `all`: it takes minutes, and validates the solver rather than the experiment.
rule flow_validation:
    input:
        notebook=f"{SHIPPED}/notebooks/flow_validation.ipynb",
    output:
        directory(LAYOUT.flow_validation),
    log:
        LAYOUT.log("flow_validation"),
    benchmark:
        LAYOUT.benchmark("flow_validation")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
    message:
        "Validate the flow solver"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"


rule gallery:
    input:
        samples=PLAN.results(layout.SAMPLES),
        scores=PLAN.results(layout.SCORES),
        curves=PLAN.curves(),
        tables=LAYOUT.shown.tables(),
    output:
        report(
            LAYOUT.shown.gallery,
            category="Gallery",
            caption="../report/gallery.rst",
        ),
    log:
        LAYOUT.log("gallery"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
        shown=shown_files,
        megabytes=EXPERIMENT.gallery.megabytes,
    message:
        "Build the gallery"
    shell:
        "python -m rvd --log {log:q} gallery {params.shown} --config {params.config:q}"
        " --output {output:q}"
