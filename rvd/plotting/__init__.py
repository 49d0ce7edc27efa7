"""Figures, one function each, for the notebooks and the gallery."""
