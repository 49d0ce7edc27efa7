"""Proper scoring rules of whole frames, which depend on how pixels vary together."""
