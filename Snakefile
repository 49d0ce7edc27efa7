"""From raw videos and simulated flows to the paper's tables, figures and gallery.

snakemake --cores 8 all                      the paper (config/config.yaml)
snakemake --cores 8 results/ablation.csv     Table 2 alone
snakemake --cores 8 results/flow_validation  the flow solver against flows with known answers
snakemake --cores 8 partial                  tables and figures of the results that exist
snakemake -n all                             the jobs to do, and why
"""


include: "workflow/Snakefile"


# An include leaves the default target as it was: none.
workflow.default_target = "all"
