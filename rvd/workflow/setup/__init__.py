"""What the Snakefile does before its rules: shipped files, environment of jobs, lock and config."""
