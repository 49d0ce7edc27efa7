"""``snakemake --lint`` with one answer given to it.

The linter wishes for a conda environment or a container on every rule. All rules here run this
project's own package in the environment that Snakemake itself runs in (pip's, from pyproject.toml
and constraints.txt, or conda's, from environment.yml): one environment, set up once. Every other
lint fails.
"""

import subprocess
import sys

ANSWERED = "Specify a conda environment or container for each rule."

command = [sys.executable, "-m", "snakemake", "--lint"]
run = subprocess.run(command, capture_output=True, text=True, check=False)
lines = (run.stdout + run.stderr).splitlines()
titles = [line.strip(" *:") for line in lines if line.startswith("    * ")]
left = [title for title in titles if title.strip(".") != ANSWERED.strip(".")]
if left or (not titles and run.returncode):
    sys.exit("\n".join(lines))
print("snakemake --lint: clean but for the wish that workflow/lint.py answers")
