"""The one error that a user can mend: its message is all they need to see."""


class UserError(Exception):
    """Something a user can mend.

    The message names the file, row, key and value, and what was wanted; the
    command line prints it without a traceback.
    """
