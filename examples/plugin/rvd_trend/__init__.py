"""A plug-in for rvd: a model, a dataset reader and a metric."""
