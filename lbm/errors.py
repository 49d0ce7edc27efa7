"""Errors that the command line shows as one line."""

from pydantic import ValidationError


class FlowError(Exception):
    """Base class of the errors of this package that have a one-line explanation."""


class UnstableFlowError(FlowError):
    """The flow has diverged: a density is out of range or not a number."""


class LockError(FlowError):
    """The file system does not support locks."""


class RunFileError(FlowError):
    """A file is not a complete, readable run file."""


def error_lines(error: ValidationError) -> list[str]:
    """Return one line per validation error: field, given value, allowed values.

    pydantic's own message has several lines per error and ends in a link.
    """
    lines = []
    for fault in error.errors(include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{field} = {fault['input']!r}: {message}" if field else message)
    return lines
