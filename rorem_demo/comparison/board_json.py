"""A frozen value of dataclasses as JSON, and back, strictly: what was not written by the same program is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from rorem_demo.errors import StorageError

T = TypeVar("T")


def written(value: Any) -> str:
    """JSON of a dataclass of dataclasses, tuples, dicts by name and plain values; the same value is the same text.

    Raises:
        ValueError: a number in it is not finite.
    """
    return json.dumps(asdict(value), ensure_ascii=False, allow_nan=False, indent=1)


def read(kind: type[T], text: str) -> T:
    """What `written` was given.

    Raises:
        StorageError: the text is no JSON, or says anything else than such a value does.
    """
    try:
        found: T = _value(kind, json.loads(text, parse_constant=_refuse))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise StorageError("The kept figures cannot be read.", hint="Count them anew.") from error
    return found


def _value(kind: Any, found: Any) -> Any:  # noqa: PLR0911  # one for each kind
    if is_dataclass(kind):
        return _record(kind, found)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is tuple and isinstance(found, list):
        return tuple(_value(parts[0], part) for part in found)
    if origin is dict and isinstance(found, dict):
        return {str(name): _value(parts[1], part) for name, part in found.items()}
    if origin in {Union, UnionType}:
        return None if found is None else _value(next(part for part in parts if part is not NoneType), found)
    if origin is Literal and isinstance(found, str) and found in parts:
        return found
    if kind is float and type(found) is int:
        return float(found)
    if type(found) is not kind:
        raise TypeError(f"{found!r} is no {kind}")
    return found


def _record(kind: Any, found: Any) -> Any:
    names, hints = {field.name for field in fields(kind)}, get_type_hints(kind)
    if not isinstance(found, dict) or found.keys() != names:
        raise TypeError(f"{found!r} is no {kind}")
    return kind(**{name: _value(hints[name], part) for name, part in found.items()})


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
