"""Pretrained networks, whose features metrics compare."""
