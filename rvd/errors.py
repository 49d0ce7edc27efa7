"""Errors the user can fix: reported in one line, without a traceback."""


class UserError(Exception):
    """Something given to the program is wrong; the message says what, where, and what to do."""
