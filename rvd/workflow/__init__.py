"""The workflow: paths, the runs of an experiment, and the dependencies of each rule."""
