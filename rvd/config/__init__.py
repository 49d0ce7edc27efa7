"""Sections of the config that models, datasets and experiment share.

Nothing here imports torch, so that the workflow can be read, and an error refused, in a moment.
"""
