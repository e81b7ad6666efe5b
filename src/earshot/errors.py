"""The one error that a user can mend: its message is all they need to see."""

_BEGINNING, _END = 2_000, 500


class UserError(Exception):
    """Something a user can mend.

    The message names the file, row, key and value, and what was wanted; the
    command line prints it without a traceback. Of a line of more than 2,500 characters the
    middle is left out: a value in a file from elsewhere may be megabytes long. No line is left
    out, so a list of files is told whole.
    """

    def __str__(self) -> str:
        return "\n".join(map(_shortened, super().__str__().split("\n")))


def _shortened(line: str) -> str:
    return line if len(line) <= _BEGINNING + _END else f"{line[:_BEGINNING]} ... {line[-_END:]}"
