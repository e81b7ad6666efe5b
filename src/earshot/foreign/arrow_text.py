"""Arrow columns of any type that warehouses write, as text: ids keep their zeros, nothing is guessed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow


class NoTextError(ValueError):
    """A column that cannot be taken as text; says why."""


def as_text(values: pyarrow.Array, is_id: bool) -> pyarrow.Array:
    """A column as large strings, `""` where nothing was said.

    Text stays as it is, as do bytes that are UTF-8; whole numbers, also decimals without
    places, and UUIDs become text; true and false; a date or a time as ISO 8601, in UTC where it
    names a zone; a list joined by `;`, a `;` inside becoming a comma.

    Parameters
    ----------
    values
        (n,), of any type; dictionaries are decoded.
    is_id
        Only text, whole numbers and UUIDs are allowed, so that ids stay as they are.

    Raises
    ------
    NoTextError
        Another type; text that is not UTF-8, with its row from 0.
    """
    import pyarrow
    from pyarrow import compute, types

    values = _plain(values)
    kind = values.type
    if is_id and not _may_be_id(kind):
        raise NoTextError(f"is of type {kind}: wanted text or whole numbers, so that ids stay as they are")
    if _is_list(kind):
        values = _joined(values)
    elif types.is_timestamp(kind):
        values = _iso(values)
    elif types.is_decimal(kind) and kind.scale < 0:
        # a negative scale counts tens, hundreds, ...; a decimal256 has 76 digits at most
        values = values.cast(pyarrow.decimal256(76, 0))
    elif types.is_fixed_size_binary(kind):
        values = values.cast(pyarrow.binary())
    elif types.is_string_view(kind):
        values = values.cast(pyarrow.large_string())
    elif types.is_binary_view(kind):
        values = values.cast(pyarrow.large_binary())
    elif not (_castable(kind) or _is_text(kind)):
        raise NoTextError(f"is of type {kind}: wanted text")
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        values = values.cast(pyarrow.large_binary())  # parquet's texts are read unchecked
    try:
        text = compute.cast(values, pyarrow.large_string())
    except pyarrow.ArrowNotImplementedError:
        raise NoTextError(f"is of type {kind}: wanted text") from None
    except pyarrow.ArrowInvalid:
        raise NoTextError(_not_utf8(values)) from None
    return compute.fill_null(text, "")


def decoded_bytes(values: pyarrow.Array) -> int:
    """How many bytes a column takes as text, about; a dictionary is not decoded for it."""
    import pyarrow
    from pyarrow import compute, types

    if isinstance(values, pyarrow.ExtensionArray):
        values = values.storage
    if _is_list(values.type):
        return decoded_bytes(values.flatten()) + 16 * len(values)
    if types.is_dictionary(values.type):
        words = values.dictionary
        if not _is_text(words.type) or not len(words):
            return 16 * len(values)
        lengths = compute.cast(compute.binary_length(_plain(words)), pyarrow.int64())
        # each word as often as rows have it
        return int(compute.sum(lengths.take(values.indices)).as_py() or 0) + 16 * len(values)
    return int(values.nbytes) + 16 * len(values)


def _plain(values: pyarrow.Array) -> pyarrow.Array:
    """Without dictionaries and extensions; a UUID as its text."""
    import pyarrow
    from pyarrow import types

    if isinstance(values, pyarrow.ExtensionArray):
        if values.type.extension_name == "arrow.uuid":
            texts = [None if one is None else str(one) for one in values.to_pylist()]
            return pyarrow.array(texts, pyarrow.large_string())
        return _plain(values.storage)
    if types.is_dictionary(values.type):
        return _plain(values.dictionary).take(values.indices)
    if types.is_run_end_encoded(values.type):
        from pyarrow import compute

        return _plain(compute.run_end_decode(values))
    return values


def _may_be_id(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    whole = types.is_integer(kind) or (types.is_decimal(kind) and kind.scale <= 0)
    return bool(whole or types.is_null(kind) or _is_text(kind))


def _is_text(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    strings = types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)
    binaries = types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)
    return bool(strings or binaries or types.is_fixed_size_binary(kind))


def _castable(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    numbers = types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind)
    return bool(numbers or types.is_boolean(kind) or types.is_date(kind) or types.is_null(kind))


def _is_list(kind: pyarrow.DataType) -> bool:
    from pyarrow import types

    views = types.is_list_view(kind) or types.is_large_list_view(kind)
    return bool(views or types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind))


def _joined(values: pyarrow.Array) -> pyarrow.Array:
    import pyarrow
    from pyarrow import types

    inner = values.type.value_type
    inner = inner.value_type if types.is_dictionary(inner) else inner
    texts = types.is_string(inner) or types.is_large_string(inner) or types.is_string_view(inner)
    if not (texts or types.is_null(inner)):
        raise NoTextError(f"is of type {values.type}: wanted text, or lists of text")
    try:
        rows = values.to_pylist()
    except UnicodeDecodeError as error:
        raise NoTextError(f"has text that is not UTF-8: {error.object[:40]!r}") from None
    joined = [";".join(word.replace(";", ",") for word in row or () if word) for row in rows]
    return pyarrow.array(joined, pyarrow.large_string())


def _iso(values: pyarrow.Array) -> pyarrow.Array:
    """In seconds, which every other unit becomes without overflow, and which is what is kept of a time."""
    import pyarrow
    from pyarrow import compute

    zone = "" if values.type.tz is None else "Z"
    # Without its zone Arrow would write local time: seconds since 1970 are UTC whatever the zone.
    seconds = compute.cast(values, pyarrow.timestamp("s", values.type.tz), safe=False).cast(pyarrow.int64())
    text = compute.cast(seconds.cast(pyarrow.timestamp("s")), pyarrow.large_string())
    zone, nothing = (pyarrow.scalar(one, pyarrow.large_string()) for one in (zone, ""))
    return compute.binary_join_element_wise(text, zone, nothing)


def _not_utf8(values: pyarrow.Array) -> str:
    for row, value in enumerate(values.to_pylist()):
        try:
            (value or b"").decode()
        except (UnicodeDecodeError, AttributeError):
            return f"has text that is not UTF-8: row {row + 1} of its batch, {bytes(value)[:40]!r}"
    return "has text that is not UTF-8"
