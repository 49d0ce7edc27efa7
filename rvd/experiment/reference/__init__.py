"""The reference of the config, generated from the docstrings of its sections' fields."""

from rvd.experiment.reference.page import reference_pages
from rvd.experiment.reference.schema import config_schema, schema_text

__all__ = ["config_schema", "reference_pages", "schema_text"]
