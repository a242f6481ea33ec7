"""Recipe: what a training run is asked for, from a TOML file and the command line; the line wins."""

from __future__ import annotations

import tomllib
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Callable, Mapping
from dataclasses import Field, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from rorem_demo.discriminator.aggregation import Aggregation
from rorem_demo.discriminator.network import NetworkSpec
from rorem_demo.errors import ConfigError

Precision: TypeAlias = Literal["fp32", "bf16"]

_FREE = ("output", "resume", "push_to", "cache", "workers", "checkpoint_steps", "keep")
"""What may change when a run is resumed: the weights do not depend on it."""


def _asked(kind: type, default: Any, meaning: str, least: float | None = None) -> Any:
    return field(default=default, metadata={"kind": kind, "help": meaning, "least": least})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that a run's outcome depends on, and where it goes.

    Raises:
        ConfigError: something is missing or out of range.
    """

    dataset: str = _asked(str, "", "a Hub dataset owner/name, a folder of its shards, or a folder with meta.json")
    output: Path = _asked(Path, Path(), "folder for the model, its checkpoints and logs")  # noqa: RUF009
    revision: str = _asked(str, "", "commit of the Hub dataset; by default the newest, which is written down")
    network: str = _asked(str, "compact", "key of the network")
    push_to: str = _asked(str, "", "Hub repository owner/name to publish to, if the model is better than what is there")
    resume: bool = _asked(bool, False, "go on from the newest checkpoint in the output folder")
    seed: int = _asked(int, 0, "of weights, order and dropout", 0)
    epochs: int = _asked(int, 0, "passes over the rows; by default the network's", 0)
    batch: int = _asked(int, 0, "rows a step, of all processes together; by default the network's", 0)
    learning_rate: float = _asked(float, 0.0, "the highest; by default the network's", 0)
    weight_decay: float = _asked(float, -1.0, "of AdamW; by default the network's")
    warmup: float = _asked(float, 0.05, "share of the steps in which the learning rate rises", 0)
    smoothing: float = _asked(float, 0.05, "share of each label that goes to the other one", 0)
    aggregation: Aggregation = _asked(str, "majority", "of several ratings of one result: majority or dawid-skene")  # noqa: RUF009  # as output
    hold_out: tuple[str, ...] = _asked(tuple, (), "keys of methods not to learn from, with commas between")
    precision: Precision = _asked(str, "fp32", "fp32 or bf16")  # noqa: RUF009  # a field all the same
    cache: str = _asked(str, "", "folder for what the network sees of each row; by default in the output folder")
    workers: int = _asked(int, 0, "processes that prepare rows beside each training process", 0)
    checkpoint_steps: int = _asked(int, 100, "steps from one checkpoint to the next", 1)
    keep: int = _asked(int, 2, "checkpoints to keep", 1)

    def __post_init__(self) -> None:
        for name in ("dataset", "output"):
            if getattr(self, name) in {"", Path()}:
                raise ConfigError(f"No {name} is named.", hint=f"Name one with --{name}.")
        for entry in fields(self):
            least, value = entry.metadata["least"], getattr(self, entry.name)
            if least is not None and not value >= least:
                raise ConfigError(f"{entry.name} is {value}.", hint=f"Give it at least {least}.")
        for name, known in (("precision", get_args(Precision)), ("aggregation", get_args(Aggregation))):
            if getattr(self, name) not in known:
                raise ConfigError(f"{name} is {getattr(self, name)!r}.", hint=f"Choose {' or '.join(known)}.")
        if self.smoothing >= 0.5 or self.warmup >= 1:
            raise ConfigError("smoothing or warmup is too large.", hint="Keep them below 0.5 and 1.")

    @property
    def windows(self) -> Path:
        """Where rows are cached."""
        return Path(self.cache) if self.cache else self.output / "windows"

    def completed(self, spec: NetworkSpec) -> Recipe:
        """With the network's own figures where none were asked for."""
        return replace(
            self,
            epochs=self.epochs or spec.epochs,
            batch=self.batch or spec.batch,
            learning_rate=self.learning_rate or spec.learning_rate,
            weight_decay=spec.weight_decay if self.weight_decay < 0 else self.weight_decay,
        )

    def decisive(self) -> dict[str, Any]:
        """What must stay the same for a run to be resumed, as JSON has it."""
        values = {name: value for name, value in asdict(self).items() if name not in _FREE}
        return values | {"hold_out": list(self.hold_out)}


def add_arguments(parser: ArgumentParser) -> None:
    """Add an option for each field, and `--config`."""
    parser.add_argument("--config", type=Path, metavar="FILE.toml", help="the same options; the command line wins")
    for entry in fields(Recipe):
        name, kind = f"--{entry.name.replace('_', '-')}", entry.metadata["kind"]
        if kind is bool:
            parser.add_argument(name, action=BooleanOptionalAction, default=SUPPRESS, help=entry.metadata["help"])
        else:
            reads: Callable[[str], Any] = _names if kind is tuple else kind
            parser.add_argument(name, type=reads, default=SUPPRESS, help=entry.metadata["help"])


def recipe_of(arguments: Namespace) -> Recipe:
    """The recipe of parsed arguments and of the file they name.

    Raises:
        ConfigError: the file cannot be read or holds something unknown, or a value is out of range.
    """
    known = {entry.name for entry in fields(Recipe)}
    given = {name: value for name, value in vars(arguments).items() if name in known}
    written = _read(arguments.config) if arguments.config else {}
    return Recipe(**(written | given))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.", hint="Name a TOML file.") from error
    except ValueError as error:
        raise ConfigError(f"{path} is no TOML: {error}.", hint="Write lines such as epochs = 10.") from error
    return _checked({name.replace("-", "_"): value for name, value in content.items()}, path)


def _checked(content: Mapping[str, Any], path: Path) -> dict[str, Any]:
    known: dict[str, Field[Any]] = {entry.name: entry for entry in fields(Recipe)}
    unknown = sorted(content.keys() - known.keys())
    if unknown:
        raise ConfigError(f"{path} holds the unknown {', '.join(unknown)}.", hint=f"Known are {', '.join(known)}.")
    return {name: _converted(known[name], value, path) for name, value in content.items()}


def _converted(entry: Field[Any], value: Any, path: Path) -> Any:
    kind = entry.metadata["kind"]
    text = isinstance(value, str)
    if kind is tuple and isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    if kind is Path and text:
        return Path(value)
    if kind is float and type(value) in {int, float}:
        return float(value)
    if type(value) is kind:
        return value
    raise ConfigError(f"{entry.name} in {path} is {value!r}.", hint=f"It is {entry.metadata['help']}.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())
