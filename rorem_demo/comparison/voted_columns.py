"""Columns of answers as compact numpy arrays: names as numbers, digests by 8 bytes, lists as bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from rorem_demo.discriminator.ledger import Names

Array: TypeAlias = npt.NDArray[Any]
Words: TypeAlias = npt.NDArray[np.uint64]

ID_LENGTH = 26

_DIGITS = 64
_ZERO = "0" * _DIGITS
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that multiplying by it loses nothing; 2^64 divided by the golden ratio (Knuth, TAOCP 3, 6.4)."""


def ids_of(column: pa.Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Ids as bytes, and which of them are ids at all."""
    sound = pc.fill_null(pc.equal(pc.binary_length(column), ID_LENGTH), False)
    kept = pc.if_else(sound, column, "0" * ID_LENGTH)
    return _characters(kept, ID_LENGTH).view(f"S{ID_LENGTH}").ravel(), np.asarray(sound)


def numbers_of(column: pa.Array, names: Names) -> Array:
    """Texts as their numbers among `names`, which learns new ones; null is as an empty text."""
    encoded = _encoded(column)
    known = [names.number(text or "") for text in encoded.dictionary.to_pylist()]
    known.append(names.number("") if encoded.null_count else 0)
    return np.array(known, np.uint32)[_indices(encoded)]


def codes_of(column: pa.Array, codes: Mapping[str, int], other: int) -> Array:
    """Texts by their code, null as an empty text; what has none gets `other`."""
    encoded = _encoded(column)
    known = [codes.get(text or "", other) for text in encoded.dictionary.to_pylist()]
    return np.array([*known, codes.get("", other)], np.uint8)[_indices(encoded)]


def bits_of(column: pa.ListArray, bits: Mapping[str, int]) -> Array:
    """The bits of all texts of each row's list; a text without one has no part in it."""
    found = np.zeros(len(column), np.uint8)
    own = codes_of(column.flatten(), bits, 0)
    np.bitwise_or.at(found, np.asarray(pc.list_parent_indices(column)), own)
    return found


def words_of(column: pa.Array) -> Words:
    """The first 8 bytes of digests of 64 hex digits; 0 of what is none.

    That is enough to tell 10^6 apart: the chance that any two are mixed up is below 10^-7.
    """
    plain = column.cast(pa.string())
    sound = pc.fill_null(pc.equal(pc.binary_length(plain), _DIGITS), False)
    nibbles = _NIBBLES[_characters(pc.if_else(sound, plain, _ZERO), _DIGITS)[:, :16]]
    packed = np.ascontiguousarray(nibbles[:, ::2] << 4 | nibbles[:, 1::2] & 15)
    found = packed.view(">u8").ravel().astype(np.uint64)
    found[(nibbles > 15).any(axis=1)] = 0
    return found


def mixed(*words: Words) -> Words:
    """One word of several, in this order; 0 where any is."""
    found = np.zeros_like(words[0])
    for word in words:
        found = (found ^ (found >> np.uint64(29)) ^ word) * _MIX
    found[np.logical_or.reduce([word == 0 for word in words])] = 0
    return found


def floats_of(column: pa.Array) -> npt.NDArray[np.float64]:
    """Numbers; null is nan."""
    return np.asarray(pc.fill_null(column.cast(pa.float64()), float("nan")))


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def _indices(encoded: pa.DictionaryArray) -> Array:
    """Places in the dictionary; -1, the last of what is looked up in, for null."""
    return np.asarray(pc.fill_null(encoded.indices.cast(pa.int64()), -1))


def _characters(column: pa.StringArray, length: int) -> Array:
    """Rows x characters of texts of that many bytes each."""
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    start = int(offsets[column.offset]) if len(column) else 0
    data = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    return np.ascontiguousarray(data[start : start + length * len(column)].reshape(-1, length))
