"""Datasets: one package per dataset, with its config and its reader."""
