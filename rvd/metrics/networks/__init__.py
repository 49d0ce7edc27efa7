"""Pretrained networks that metrics compare features of."""
