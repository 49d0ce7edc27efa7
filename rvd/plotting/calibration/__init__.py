"""Figures that show whether ensembles are calibrated, and whether frames have the right power."""
