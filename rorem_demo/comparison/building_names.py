"""Ids of cases, from the names of their photos."""

from __future__ import annotations

import re
from unicodedata import normalize

_LONGEST = 80


def id_of(name: str) -> str:
    """The name in small letters, digits and hyphens; `case` where it has none of them."""
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", "-", plain).strip("-")[:_LONGEST].strip("-") or "case"
