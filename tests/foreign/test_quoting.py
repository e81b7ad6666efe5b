import csv
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from earshot.foreign.quoting import OpenQuote, closed_quotes


def read(text: str, block: int = 1 << 20) -> tuple[str, list[int]]:
    """The text with each line replaced in which a quote opens for ever, and where these started."""
    found = []

    def replace(quote: OpenQuote) -> bytes:
        found.append(quote.offset)
        return b"BAD"

    content = text.encode()
    blocks = [content[place : place + block] for place in range(0, len(content), block)]
    return b"".join(closed_quotes(blocks, ",", replace)).decode(), found


def test_only_the_line_goes_whose_quote_never_closes() -> None:
    assert read('a,b\n1,"x\n2,y\n3,z\n') == ("a,b\nBAD\n2,y\n3,z\n", [4])
    assert read('a,b,c\n1,"x,q\n2,y"z,c\n') == ('a,b,c\nBAD\n2,y"z,c\n', [6])
    assert read('a,b,c\n1,"x,q\n2,y,w\n3,z",k\n')[1] == [6]


fields = st.sampled_from(["x", 'a "q"', "two\nlines", "com, ma", "", '"'])


@given(st.lists(st.lists(fields, min_size=4, max_size=4)), st.integers(1, 9))
def test_what_a_csv_writer_wrote_is_left_alone(rows: list[list[str]], block: int) -> None:
    file = StringIO()
    csv.writer(file).writerows([list("abcd"), *rows])
    assert read(file.getvalue(), block) == (file.getvalue(), [])
