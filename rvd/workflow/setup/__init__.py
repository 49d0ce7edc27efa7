"""The start of the Snakefile: shipped files, environment of jobs, lock and config."""
