"""Metrics as functions of arrays and tensors."""
