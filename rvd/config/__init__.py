"""Sections of the config that models, datasets and the experiment share.

Each key is described in the docstring below its field; the pages and the schema in ``config/`` are
generated from these by ``rvd config-reference``. Nothing here imports torch, so that the workflow
can be read, and an error refused, in a moment.
"""
