"""Names of artists and titles: as plain text, as one however it is encoded, as what spellings share."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from earshot.catalogue.play_rows import LONGEST_ID, NOT_IN_ID

_SIGNS = frozenset("#♯+$")
"""That tell names apart, as letters do: C, C# and C++."""
_ACCENTED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC")


def plain(text: str) -> str:
    """`text` on one line, white space and control characters as single blanks, `?` for what is no Unicode."""
    if not text.isprintable():
        text = re.sub(NOT_IN_ID, " ", text).encode(errors="replace").decode()
    return " ".join(text.split())


def listener_id(value: object) -> str:
    """Who listened, text or a number, as an id; `""` where it can be none."""
    name = plain(str(value)) if type(value) in (str, int) else ""
    return name if len(name) <= LONGEST_ID else ""


def joined(values: Iterable[str]) -> str:
    """`values` as one cell of songs.csv: `;` between them, a `;` within one becomes `,`."""
    texts = (plain(value).replace(";", ",") for value in values)
    return ";".join(dict.fromkeys(text for text in texts if text))


def exact_key(text: str) -> str:
    """`text` without case, its letters composed or not (Unicode 15, D145: canonical caseless match)."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", plain(text)).casefold())


def artist_id(name: str) -> str:
    """The id of an artist where a source has none: `exact_key` of the name, without blanks.

    Of the name alone, so that it is the same in every delivery; and not `match_key`, which is the
    same for many names whose letters were read in a wrong code page.

    >>> artist_id("ADA  and the Loops"), artist_id("Áàáà") == artist_id("Âàãà")
    ('adaandtheloops', False)
    """
    return exact_key(name).replace(" ", "")


def match_key(text: str) -> str:
    """The letters, digits and signs (`#`, `+`, `$`) of `text` without case, white space and accents.

    Accents are marks on Latin, Greek and Cyrillic letters; those of other scripts, such as the
    voicing of kana and Indic vowels, make another letter and stay. Of a name with nothing
    but punctuation, the name.

    >>> match_key("Beyoncé") == match_key("BEYONCE"), match_key("AC/DC"), match_key("C#"), match_key("!!!")
    (True, 'acdc', 'c#', '!!!')
    """
    decomposed = unicodedata.normalize("NFKD", plain(text)).casefold()
    folded = unicodedata.normalize("NFKD", decomposed)
    if folded.isascii():  # has no marks
        kept = "".join(character for character in folded if character.isalnum() or character in _SIGNS)
    else:
        kept = "".join(_kept_characters(folded))
    return kept or plain(folded)


def _kept_characters(decomposed: str) -> Iterator[str]:
    """The characters that `match_key` keeps."""
    base = ""  # what the marks behind it stand on, where they are kept
    for character in decomposed:
        if unicodedata.category(character).startswith("M"):
            if base and not unicodedata.name(base, "").startswith(_ACCENTED_SCRIPTS):
                yield character
        elif character.isalnum() or character in _SIGNS:
            base = character
            yield character
        else:
            base = ""
