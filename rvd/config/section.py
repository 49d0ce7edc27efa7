"""The base class of each part of the config, and the types of names and folders."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# A name is a folder: no separators, nothing hidden.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9+._-]*$")]
# A folder of the workflow: braces would be wildcards of Snakemake's.
Folder = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f{}]+$")]


class Section(BaseModel):
    """A part of the config: frozen, and unknown keys are refused.

    The docstring below each field is the key's description, in Markdown.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
    )
