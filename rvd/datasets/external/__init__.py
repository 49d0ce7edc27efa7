"""Clips that other programs wrote, as arrays or films."""
