# Not in `all`, and without inputs: it shows the results that exist when it runs, and starts no other
# job. Where the existing files change, so does `existing`, and the rule runs again.
rule partial:
    output:
        directory(LAYOUT.partial.folder),
    log:
        LAYOUT.log("partial"),
    threads: 1
    resources:
        mem_mb=growing(4000),
        runtime=growing(60),
    params:
        config=LAYOUT.config,
        run=rerun_keys.table(EXPERIMENT),
        existing=existing_results(PLAN).fingerprint(),
        notebooks=[f"{SHIPPED}/notebooks/{name}.ipynb" for name in NOTEBOOKS],
    message:
        "Tabulate and draw the results that exist"
    shell:
        "python -m rvd --log {log:q} partial {params.notebooks:q} --config {params.config:q}"
        " --output {output:q}"
