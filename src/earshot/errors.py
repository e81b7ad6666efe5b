"""The one error that a user can mend: its message is all they need to see."""

_BEGINNING, _END = 2_000, 500


class UserError(Exception):
    """Something a user can mend.

    The message names the file, row, key and value, and what was wanted; the
    command line prints it without a traceback. Of more than 2,500 characters the middle is
    left out: a value of a file made by somebody else may be of megabytes.
    """

    def __str__(self) -> str:
        text = super().__str__()
        if len(text) <= _BEGINNING + _END:
            return text
        return f"{text[:_BEGINNING]} ... {text[-_END:]}"
