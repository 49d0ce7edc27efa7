"""The faults a user can cause or meet; the command line shows each as one line."""

from pydantic import ValidationError


class FlowError(Exception):
    """Base of every fault of this package that has a one-line explanation."""


class UnstableFlowError(FlowError):
    """A density left its range or is not a number: the flow has diverged."""


class BusyError(FlowError):
    """Another process is at work on the same run."""


class RunFileError(FlowError):
    """A file is not a whole, readable run file."""


def one_line_each(error: ValidationError) -> list[str]:
    """One line per fault of a validated model: the field, what was given, what is allowed.

    pydantic's own text spans several lines per fault and ends in a link.
    """
    lines = []
    for fault in error.errors(include_url=False):
        field = ".".join(str(part) for part in fault["loc"])
        message = fault["msg"].removeprefix("Value error, ")
        lines.append(f"{field} = {fault['input']!r}: {message}" if field else message)
    return lines
