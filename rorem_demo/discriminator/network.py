"""NETWORKS: one row per network, and the folder a trained one is kept in; reading the table imports no torch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import InputError
from rorem_demo.feedback import disk
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor, nn

CONFIG, WEIGHTS = "config.json", "model.safetensors"
FORMAT = 1
"""Of config.json; a newer one is refused."""

_AGAIN = "Take the folder again from where it was published, or train it again."


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """A row of NETWORKS."""

    key: str
    title: str
    loader: str
    """`package.module:function`; takes the spec and the paths of its weights, returns the network before training."""
    side: int
    """Pixels of the largest picture it sees."""
    views: int
    """Version of what it takes of a row; rows cached under another one are made anew."""
    epochs: int
    batch: int
    learning_rate: float
    weight_decay: float
    """How it is trained unless asked otherwise."""
    weights: tuple[WeightFile, ...] = ()
    """That training starts from."""
    packages: tuple[str, ...] = ()


class Network(Protocol):
    """A torch module (train, eval, to and parameters are torch's own) that judges results."""

    def arrays(self, source: Image, mask: Mask, result: Image) -> Arrays:
        """What it takes of one result, as it is cached: the same shapes for every row."""
        ...

    def __call__(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits, one a row, above 0 = removed; the arrays come stacked along a first axis."""
        ...

    def trained(self) -> dict[str, Tensor]:
        """All that training changes, by name, sharing memory with the network: what is saved and loaded."""
        ...

    def as_module(self) -> nn.Module:
        """Itself, for torch."""
        ...


class Networks(Catalog[NetworkSpec, Network]):
    """The table of networks."""

    def __getitem__(self, key: str) -> NetworkSpec:
        if key not in self:
            names = ", ".join(spec.key for spec in self)
            raise InputError(f"There is no network {key!r}.", hint=f"Choose one of: {names}.")
        return super().__getitem__(key)


def _published(file: str, megabytes: int, *also: str) -> WeightFile:
    """A file of the authors' judge, from a third party's mirror: they keep it in a Drive folder alone."""
    return WeightFile(
        repository="eerie-road/rorem-discriminator",
        file=file,
        megabytes=megabytes,
        also=(f"rorem-discriminator/{file}", *also),
    )


NETWORKS = Networks(
    NetworkSpec(
        key="compact",
        title="Compact judge",
        loader="rorem_demo.discriminator.compact:load",
        side=128,
        views=2,
        epochs=40,
        batch=128,
        learning_rate=2e-3,
        weight_decay=0.5,
    ),
    NetworkSpec(
        key="sdxl",
        title="RORem's judge",
        loader="rorem_demo.discriminator.sdxl:load",
        side=512,
        views=1,
        epochs=16,  # the authors' 15,000 steps of 32 over 30,000 rows
        batch=32,
        learning_rate=1e-5,
        weight_decay=0.01,
        weights=(
            *REMOVERS["sdxl-inpaint"].weights,
            _published("pytorch_lora_weights.safetensors", 11),
            # Whoever puts the authors' own `.pt` there is told why it is refused.
            _published("cls_pred_branch.safetensors", 157, "rorem-discriminator/cls_pred_branch.pt"),
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What config.json says of a trained network."""

    network: str
    """Key of its row."""
    views: int
    """Version of what it takes of a row."""
    version: str = ""
    """`network-hash` of weights and calibration; `save_model` fills it in."""
    calibration: Mapping[str, Any] = field(default_factory=dict)
    """As `statistics.Calibration.to_json` gives it; empty: logits as they are."""
    lineage: Mapping[str, Any] = field(default_factory=dict)
    """Dataset, revision, filter, code version, split, seed, metrics..."""
    format: int = FORMAT


@dataclass(frozen=True)
class Loaded:
    """A trained network, in evaluation mode on the CPU."""

    network: Network
    config: ModelConfig


def save_model(folder: Path, network: Network, config: ModelConfig) -> ModelConfig:
    """Write config.json and model.safetensors, each whole or not at all, config.json last; returns it with a version.

    Raises:
        StorageError: it cannot be written.
    """
    from safetensors.torch import save  # noqa: PLC0415  # reading the table imports no torch

    data = save({name: tensor.detach().cpu().contiguous() for name, tensor in network.trained().items()})
    content = asdict(config) | {"version": ""}
    calibration = json.dumps(content["calibration"], sort_keys=True).encode()
    content["version"] = f"{config.network}-{sha256(data + calibration).hexdigest()[:12]}"
    disk.make_folder(folder)
    (folder / CONFIG).unlink(missing_ok=True)  # never beside weights it does not belong to
    disk.write_whole(folder / WEIGHTS, data)
    disk.write_whole(folder / CONFIG, json.dumps(content, indent=1, sort_keys=True).encode())
    return ModelConfig(**content)


def load_model(folder: Path, *, network: str = "", weights: Weights | None = None) -> Loaded:
    """The network of a folder with the weights it was trained to; nothing in the folder is run.

    Args:
        folder: with config.json and model.safetensors.
        network: key of the only row that will do; "" takes any.
        weights: where the weights are that training started from, for networks that have such.

    Raises:
        InputError: a file is missing, damaged, a pickle, of another network, or not exactly what the network holds.
        UnavailableError: weights that training started from are not here.
    """
    config = read_config(folder)
    if network and config.network != network:
        raise InputError(
            f"{folder} holds the network {config.network!r}, not {network!r}.", hint=f"Name a folder of {network!r}."
        )
    spec = NETWORKS[config.network]
    if config.views != spec.views:
        raise InputError(f"{folder} was trained on views of version {config.views}, not {spec.views}.", hint=_AGAIN)
    tensors = _tensors(folder)
    made: Network = NETWORKS.load(spec.key, weights or Weights())
    restore(made, tensors, str(folder / WEIGHTS))
    made.as_module().eval()
    return Loaded(made, config)


def read_config(folder: Path) -> ModelConfig:
    """What config.json says.

    Raises:
        InputError: it is missing, no JSON, of a newer format, or lacks something.
    """
    path = folder / CONFIG
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", hint="Name a folder of a model.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON.", hint=_AGAIN) from error
    known = {entry.name for entry in fields(ModelConfig)}
    if not isinstance(content, dict) or set(content) != known:
        raise InputError(f"{path} does not describe a discriminator.", hint="Name a folder of a model.")
    if content["format"] != FORMAT:
        raise InputError(f"{path} has format {content['format']}, not {FORMAT}.", hint="Update the program.")
    return ModelConfig(**content)


def restore(network: Network, tensors: Mapping[str, Tensor], where: str) -> None:
    """Fill a network with tensors: all that it holds, of the same shapes, and no others.

    Raises:
        InputError: one is missing, too many, of another shape, or not finite.
    """
    import torch  # noqa: PLC0415  # reading the table imports no torch

    own = network.trained()
    for problem, names in (("lacks", own.keys() - tensors.keys()), ("holds the unknown", tensors.keys() - own.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise InputError(f"{where} {problem} {min(names)!r}{more}.", hint=_AGAIN)
    for name, tensor in own.items():
        if tensor.shape != tensors[name].shape:
            shapes = f"{tuple(tensors[name].shape)}, not {tuple(tensor.shape)}"
            raise InputError(f"{name!r} in {where} has shape {shapes}.", hint=_AGAIN)
        if not bool(torch.isfinite(tensors[name]).all()):
            raise InputError(f"{name!r} in {where} is not made of numbers.", hint=_AGAIN)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def _tensors(folder: Path) -> dict[str, Tensor]:
    """What model.safetensors holds."""
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load  # noqa: PLC0415

    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        pickles = sorted(p.name for p in folder.glob("*") if p.suffix in {".pt", ".pth", ".bin", ".ckpt", ".pkl"})
        also = f" {pickles[0]} is a pickle, which is not read: it could run code." if pickles else ""
        raise InputError(f"{path} cannot be read: {error.strerror}.{also}", hint=_AGAIN) from error
    if data.startswith((b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")):
        raise InputError(f"{path} is a pickle, which is not read: it could run code.", hint=_AGAIN)
    try:
        tensors: dict[str, Tensor] = load(data)
    except SafetensorError as error:
        raise InputError(f"{path} is damaged or not whole.", hint=_AGAIN) from error
    return tensors
