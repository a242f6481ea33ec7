"""Ids, receipts and the hashes that stand for people.

An id is a ULID: 48 bits of milliseconds and 80 random bits as 26 characters of Crockford's base 32, whose order as
text is the order of the numbers. That leaves two bits of the first character free, which tell one side of a pair from
the other where each needs an id of its own. Receipts use the same alphabet, so that a receipt that was read aloud,
typed in lower case or broken over two lines is still understood.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from datetime import date, datetime
from pathlib import Path
from typing import Literal

from rorem_demo.errors import InputError, StorageError
from rorem_demo.feedback import disk

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_ALIKE = str.maketrans("OIL", "011")
_ID_LENGTH = 26
_SECRET_LENGTH = 22
_RANDOM_BITS = 80
_STEP_BITS = 64
_KEY_BYTES = 32
_SIDES = {"left": 8, "right": 16}
"""Added to the first character of an id, which is at most 7."""


def new_id(now: datetime, after: str = "") -> str:
    """A ULID made at `now`, greater than `after` even if the clock went back since.

    Where `now` is no later than `after`, the new id is `after` and a random step: two processes that start from the
    same `after` still get different ids.
    """
    fresh = int(now.timestamp() * 1000) << _RANDOM_BITS
    last = _number(after) if after else -1
    if fresh >> _RANDOM_BITS > last >> _RANDOM_BITS:
        return _text(fresh | secrets.randbits(_RANDOM_BITS), _ID_LENGTH)
    return _text(last + 1 + secrets.randbits(_STEP_BITS), _ID_LENGTH)


def is_id(text: str) -> bool:
    """Is it a ULID?"""
    return len(text) == _ID_LENGTH and set(text) <= _VALUES.keys() and text[0] < "8"


def side_id(id: str, side: Literal["left", "right"]) -> str:  # noqa: A002 the word of the dataset
    """An id for one side of a pair with this id: always the same, nobody else's, as long, and no ULID."""
    return _ALPHABET[_VALUES[id[0]] + _SIDES[side]] + id[1:]


def pair_id(side: str) -> str:
    """The id of the pair of which this is a side's."""
    return _ALPHABET[_VALUES[side[0]] % _SIDES["left"]] + side[1:]


def secret_of(key: bytes, thread: str) -> str:
    """What proves that somebody gave the answers of `thread`: 110 bits as 22 characters."""
    number = int.from_bytes(_keyed(key, "receipt", thread))
    return _text(number % 32**_SECRET_LENGTH, _SECRET_LENGTH)


def receipt_of(id: str, secret: str) -> str:  # noqa: A002 the word of the dataset
    """The receipt as it is shown: `ID-SECRET`."""
    return f"{id}-{secret}"


def read_receipt(text: str) -> tuple[str, str]:
    """Id and secret of a receipt, in any case, with any space or dashes, and O, I or L for 0 or 1.

    Raises:
        InputError: it is not a receipt.
    """
    plain = re.sub(r"[\s-]", "", text).upper().translate(_ALIKE)
    if len(plain) != _ID_LENGTH + _SECRET_LENGTH or not set(plain) <= _VALUES.keys() or plain[0] > "7":
        raise InputError(
            "That is not a receipt.",
            hint=f"Copy the whole line: {_ID_LENGTH} letters and digits, a dash and {_SECRET_LENGTH} more.",
        )
    return plain[:_ID_LENGTH], plain[_ID_LENGTH:]


def receipt_hash(secret: str) -> str:
    """What is kept and published of a receipt's secret: its sha256, 64 hex digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def rater_of(key: bytes, address: str, day: date) -> str:
    """16 hex digits for whoever asked from `address` on `day`; another day they are others."""
    return _keyed(key, "rater", f"{day.isoformat()} {address}").hex()[:16]


def visitor_of(key: bytes, visit: str) -> str:
    """32 hex digits for one visit of the page."""
    return _keyed(key, "visitor", visit).hex()[:32]


def kept_key(path: Path) -> bytes:
    """The key in a file that only this user can read; made if it is missing, by one process only.

    Raises:
        StorageError: it cannot be read or made, or is damaged.
    """
    with disk.refusals(path):
        if not path.exists():
            disk.write_new(path, secrets.token_bytes(_KEY_BYTES))
        key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise StorageError(f"{path} is damaged.", hint="Remove it: a new one is made, and raters count anew.")
    return key


def _keyed(key: bytes, purpose: str, text: str) -> bytes:
    # The purpose keeps a hash made for one use from being that of another.
    return hmac.digest(key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256")


def _number(id: str) -> int:  # noqa: A002 the word of the dataset
    number = 0
    for character in id:
        number = number * 32 + _VALUES[character]
    return number


def _text(number: int, length: int) -> str:
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in reversed(range(length)))
