rule table:
    input:
        lambda wildcards: PLAN.scores(wildcards.table),
    output:
        csv=report(
            AT("results/{table}.csv"),
            category="Tables",
            caption="../report/tables.rst",
            labels={"table": "{table}"},
        ),
        markdown=AT("results/{table}.md"),
        latex=AT("results/{table}.tex"),
    log:
        AT("logs/{table}.log"),
    params:
        config=CONFIG,
        run=PLAN.tabulation(),
    message:
        "Tabulate {output.csv}"
    shell:
        "python -m rvd --log {log:q} tabulate --config {params.config:q}"
        " --table {wildcards.table} --output {output.csv:q}"


rule figures:
    input:
        notebook=f"{workflow.basedir}/notebooks/{{notebook}}.ipynb",
        samples=PLAN.results("samples.h5"),
        scores=PLAN.results("scores.csv"),
        curves=PLAN.curves(),
        tables=[AT("results/table1.csv"), AT("results/ablation.csv")],
    output:
        report(
            directory(AT("results/figures/{notebook}")),
            patterns=["{figure}.svg"],
            category="Figures",
            subcategory="{notebook}",
            caption="../report/figures.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        AT("logs/figures/{notebook}.log"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=CONFIG,
    message:
        "Render the notebook {wildcards.notebook}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"


rule sampler_cost:
    input:
        notebook=f"{workflow.basedir}/notebooks/sampler_cost.ipynb",
        costs=AT("results/{dataset}/{model}/seed{seed}/sampler_costs.csv"),
    output:
        directory(AT("results/{dataset}/{model}/seed{seed}/sampler_cost")),
    log:
        AT("logs/sampler_cost/{dataset}/{model}/seed{seed}.log"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=CONFIG,
    message:
        "Draw what samplers of {wildcards.model} cost on {wildcards.dataset}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"
        " --costs {input.costs:q}"


rule flow:
    input:
        notebook=f"{workflow.basedir}/notebooks/simulation.ipynb",
        runs=lambda wildcards: PLAN.raw_files(wildcards.simulated),
    output:
        report(
            directory(AT("results/flow/{simulated}")),
            patterns=["{figure}.svg"],
            category="Figures",
            subcategory="{simulated}",
            caption="../report/flow.rst",
            labels={"figure": "{figure}"},
        ),
    log:
        AT("logs/flow/{simulated}.log"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=CONFIG,
        shown=lambda wildcards: json.dumps(PLAN.runs(wildcards.simulated)),
    message:
        "Look at the runs of {wildcards.simulated}"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"
        " --dataset {wildcards.simulated}"


# A target of its own, as it takes minutes and tells of the solver, not of the experiment.
rule flow_validation:
    input:
        notebook=f"{workflow.basedir}/notebooks/flow_validation.ipynb",
    output:
        directory(AT("results/flow_validation")),
    log:
        AT("logs/flow_validation.log"),
    benchmark:
        AT("logs/flow_validation.tsv")
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=growing(60),
    params:
        config=CONFIG,
    message:
        "Validate the flow solver"
    shell:
        "python -m rvd --log {log:q} render {input.notebook:q} --output {output:q} --config {params.config:q}"


rule gallery:
    input:
        samples=PLAN.results("samples.h5"),
        scores=PLAN.results("scores.csv"),
        curves=PLAN.curves(),
        tables=[AT("results/table1.csv"), AT("results/ablation.csv")],
    output:
        report(
            AT("results/gallery.html"),
            category="Gallery",
            caption="../report/gallery.rst",
        ),
    log:
        AT("logs/gallery.log"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=CONFIG,
        megabytes=EXPERIMENT.gallery.megabytes,
    message:
        "Build the gallery"
    shell:
        "python -m rvd --log {log:q} gallery --config {params.config:q} --output {output:q}"
