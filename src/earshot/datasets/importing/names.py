"""Names of artists and titles: as plain text, and as what two spellings of one name share."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def plain(text: str) -> str:
    """`text` on one line, white space as single blanks, what is no Unicode replaced."""
    return " ".join(text.replace("\0", " ").split()).encode(errors="replace").decode()


def joined(values: Iterable[str]) -> str:
    """`values` as one cell of songs.csv: `;` between them, a `;` within one becomes `,`."""
    texts = (plain(value).replace(";", ",") for value in values)
    return ";".join(dict.fromkeys(text for text in texts if text))


def match_key(text: str) -> str:
    """The letters and digits of `text` without case and accents; of a name that has none, the name.

    >>> match_key("Beyoncé") == match_key("BEYONCE"), match_key("AC/DC"), match_key("!!!")
    (True, 'acdc', '!!!')
    """
    folded = unicodedata.normalize("NFKD", text).casefold()
    return "".join(filter(str.isalnum, folded)) or plain(text)
