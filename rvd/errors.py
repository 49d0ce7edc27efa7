"""Mistakes that the user can mend: reported as one line, without a traceback."""


class UserError(Exception):
    """Something given to the program is wrong; the message says what, where, and what to do."""
