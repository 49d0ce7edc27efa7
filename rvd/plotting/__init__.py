"""Figures, one function each; the notebooks and the gallery call these."""
