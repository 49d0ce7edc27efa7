"""The gallery: one self-contained page of moving forecasts, scores and curves."""

from rvd.gallery.page import Contents, build_gallery

__all__ = ["Contents", "build_gallery"]
