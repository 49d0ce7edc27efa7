"""Scores of an ensemble as a probabilistic forecast: marginal, multivariate, and calibration."""
