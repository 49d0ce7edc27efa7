"""Errors the user can fix: reported in one line, without a traceback."""

import errno
import re

# Failures of a disk, a network or the machine, which another attempt may not meet.
_PASSING = {
    errno.EAGAIN,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EINTR,
    errno.EIO,
    errno.ENFILE,
    errno.EMFILE,
    errno.ENOLCK,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EROFS,
    errno.ESTALE,
    errno.ETIMEDOUT,
}


class UserError(Exception):
    """Something given to the program is wrong; the message says what, where, and what to do."""


class TemporaryError(UserError):
    """The machine or the network failed, not what was given: a later attempt may succeed."""


def is_temporary(error: BaseException) -> bool:
    """Return True where a later attempt of the same command may succeed.

    That is so where ``error``, or an error behind it, is one of memory, disk or network.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, TemporaryError | MemoryError | ConnectionError | TimeoutError):
            return True
        # HDF5 gives the number in its message only.
        hidden = re.search(r"\berrno = (\d+)", str(cause)) if isinstance(cause, OSError) else None
        number = int(hidden[1]) if hidden else getattr(cause, "errno", None)
        if number in _PASSING:
            return True
        cause = cause.__cause__ or cause.__context__
    return False
