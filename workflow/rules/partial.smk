# Not in `all`, and without inputs: it shows what exists when it runs, and starts nothing else. A change
# of the existing files changes `existing`, and with it the rule runs again.
rule partial:
    output:
        directory(AT("results/partial")),
    log:
        AT("logs/partial.log"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=CONFIG,
        run=PLAN.tabulation(),
        existing=existing_results(PLAN).fingerprint(),
        notebooks=[f"{workflow.basedir}/notebooks/{name}.ipynb" for name in NOTEBOOKS],
    message:
        "Tabulate and draw the results that exist"
    shell:
        "python -m rvd --log {log:q} partial {params.notebooks:q} --config {params.config:q}"
        " --output {output:q}"
