"""What a file is, by its first bytes, where it is not the table that its name says."""

from __future__ import annotations

_SIGNATURES = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook (.xlsx)"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)"),
    (b"\x1f\x8b", "packed with gzip"),
    (b"\xfd7zXZ\x00", "packed with xz"),
    (b"\x28\xb5\x2f\xfd", "packed with zstd"),
    (b"BZh", "packed with bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"\x04\x22\x4d\x18", "packed with lz4"),
    (b"PAR1", "parquet"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "an Arrow file"),
    (b"%PDF", "a PDF"),
    (b"{\\rtf", "RTF"),
    (b"\xff\xfe\x00\x00", "UTF-32 text"),
    (b"\x00\x00\xfe\xff", "UTF-32 text"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)
HEAD_BYTES = 4096


def foreign_kind(head: bytes) -> str | None:
    """What starts with the bytes `head` and is no text in UTF-8; None where it may be such a text.

    >>> foreign_kind(b"PAR1....")
    'parquet'
    """
    for signature, kind in _SIGNATURES:
        if head.startswith(signature) and (signature != b"ORC" or b"\x00" in head[:64]):
            return _workbook(head) if kind.startswith("a zip") else kind
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<table")):
        return "HTML or XML"
    if start.startswith((b'{"', b'[{"', b"[\n", b"{\n")) or start in (b"{}", b"[]"):
        return "JSON"
    if len(head) >= 8 and (head[1:64:2].strip(b"\x00") == b"" or head[0:64:2].strip(b"\x00") == b""):
        return "UTF-16 or UTF-32 text"
    return None


def _workbook(head: bytes) -> str:
    if b"[Content_Types].xml" in head or b"xl/" in head:
        return "an Excel workbook"
    return "a zip archive"
