"""What is known of a trained judge: where it comes from, and every figure, in one file that tells all."""

from __future__ import annotations

import json
import types
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

from rorem_demo.discriminator.figures import Evaluation
from rorem_demo.discriminator.markdown import markdown
from rorem_demo.discriminator.probes import Probe
from rorem_demo.errors import InputError
from rorem_demo.feedback import disk

SCHEMA = 1
"""Of report.json; a newer one is refused."""
JSON, MARKDOWN, PLOTS = "report.json", "report.md", "plots"


@dataclass(frozen=True, kw_only=True)
class Lineage:
    """What has to be known to train the same judge again."""

    network: str
    """Key of its row in NETWORKS."""
    version: str = ""
    """As in its config.json."""
    dataset: str
    """Repository, or a name for a folder."""
    revision: str = ""
    """Commit of the dataset; "" for a folder."""
    filter: int
    """Version of `ratings_filter`."""
    split: str
    """How photos were split: `splits.SALT`."""
    code: str
    """Version of the program, and its commit if known."""
    seed: int = 0
    command: str = ""
    rows: dict[str, int] = field(default_factory=dict)
    """By split."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Rows not used, by reason."""
    origins: dict[str, int] = field(default_factory=dict)
    """Rows learned from, by who labelled them."""
    held_out: tuple[str, ...] = ()
    """Methods not learned from."""
    based_on: str = ""
    """Repository of weights that training began with."""
    licence: str = "apache-2.0"
    """Of the weights, as the Hub names it."""

    @property
    def simulated(self) -> bool:
        """Some labels it learned from are a program's."""
        return self.origins.get("simulated", 0) > 0


@dataclass(frozen=True, kw_only=True)
class Report:
    """All of it."""

    schema: int = SCHEMA
    lineage: Lineage
    evaluation: Evaluation
    probes: tuple[Probe, ...] = ()
    """Empty: not measured."""


def to_json(report: Report) -> str:
    """Text that `from_json` reads back as an equal report."""
    return json.dumps(asdict(report), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def from_json(text: str | bytes) -> Report:
    """The report that was written.

    Raises:
        InputError: it is no report, or of a newer schema.
    """
    again = "Evaluate the model again."
    try:
        value = json.loads(text, parse_constant=_refused)
        schema = value["schema"]
        if schema != SCHEMA:
            raise InputError(f"The report has schema {schema}, not {SCHEMA}.", hint="Update the program.")
        report: Report = _decoded(Report, value)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError("This is no report of a discriminator.", hint=again) from error
    return report


def write_report(folder: Path, report: Report) -> None:
    """Write report.json, report.md, and its plots where matplotlib is installed, each file whole or not at all.

    Raises:
        StorageError: a file cannot be written.
    """
    disk.make_folder(folder)
    disk.write_whole(folder / JSON, to_json(report).encode())
    try:
        from rorem_demo.discriminator.plots import plots  # noqa: PLC0415  # matplotlib is no package of the Space
    except ModuleNotFoundError:
        drawn: dict[str, bytes] = {}
    else:
        drawn = plots(report.evaluation)
        disk.make_folder(folder / PLOTS)
    for name, data in drawn.items():
        disk.write_whole(folder / PLOTS / name, data)
    title = f"Report of {report.lineage.version or report.lineage.network}"
    pictures = tuple(f"{PLOTS}/{name}" for name in drawn)
    text = f"# {title}\n\n" + markdown(report.evaluation, report.probes, pictures)
    disk.write_whole(folder / MARKDOWN, text.encode())


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is no figure.")


def _decoded(kind: Any, value: Any) -> Any:
    """A value of an annotated type from what json gives; the types are those that figures are made of.

    Raises:
        TypeError: it does not fit.
    """
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _decoded_record(kind, value)
    if origin is tuple and isinstance(value, list):
        return tuple(_decoded(arguments[0], each) for each in value)
    if origin is dict and isinstance(value, dict):
        return {key: _decoded(arguments[1], each) for key, each in value.items()}
    if origin in {Union, types.UnionType}:
        return None if value is None else _decoded(arguments[0], value)
    if kind is float and type(value) in {int, float}:
        return float(value)
    if (kind in {int, str} and type(value) is kind) or (arguments and value in arguments):
        return value
    raise TypeError(f"{value!r} is not {kind}.")


def _decoded_record(kind: type[Any], value: Any) -> Any:
    hints = get_type_hints(kind)
    if not isinstance(value, dict) or set(value) != {entry.name for entry in fields(kind)}:
        raise TypeError(f"This is not {kind.__name__}.")
    return kind(**{name: _decoded(hints[name], each) for name, each in value.items()})
