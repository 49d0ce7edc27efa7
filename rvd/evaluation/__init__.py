"""Evaluation: from predictors to ensembles, scores and tables."""
