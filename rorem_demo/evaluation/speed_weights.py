"""Random weights in the published layout: how long networks take does not depend on what is in them.

Written tensor by tensor, so that no memory is needed for 7 GB, and read by the loaders that read the published files.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from rorem_demo.errors import StorageError
from rorem_demo.evaluation.speed_process import places
from rorem_demo.evaluation.speed_shapes import LORA_TARGETS, SCHEDULER, TOKENS, Shapes
from rorem_demo.removers.base import RemoverSpec

MARK = "random-weights.json"
"""Is written last, so a folder with it is whole."""
_LORA = "pytorch_lora_weights.safetensors"
_LORA_SIZE = 0.05
"""Of what the LoRA adds, in sizes of the weights."""
_START, _END = "<|startoftext|>", "<|endoftext|>"
_PADDING = {"tokenizer": _END, "tokenizer_2": "!"}


def holds(folder: Path, spec: RemoverSpec, shapes: Shapes) -> bool:
    """Whether random weights of this row lie there, whole."""
    try:
        told = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(told == _mark(spec, shapes)) and all(path.is_file() for path in places(folder, spec))


def write(folder: Path, spec: RemoverSpec, shapes: Shapes) -> None:
    """All files of a row; replaces what of it is there.

    Raises:
        StorageError: the disk is full, or may not be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, spec, shapes)
        (folder / MARK).unlink(missing_ok=True)
        generator = torch.Generator().manual_seed(0)
        for path in places(folder, spec):
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path, shapes, generator)
        (folder / MARK).write_text(json.dumps(_mark(spec, shapes)), encoding="utf-8")
    except OSError as error:
        hint = "Make room, or choose another folder with --weights."
        raise StorageError(f"Random weights could not be written: {error.strerror}.", hint=hint) from error


def _mark(spec: RemoverSpec, shapes: Shapes) -> dict[str, Any]:
    return {"shape": shapes.name, "files": sorted(f"{file.repository}/{file.file}" for file in spec.weights)}


def _check_room(folder: Path, spec: RemoverSpec, shapes: Shapes) -> None:
    names = [PurePosixPath(file.file).parent.name for file in spec.weights if file.file.endswith(".safetensors")]
    parameters = sum(math.prod(shape) for name in names if name for shape in _shapes(name, shapes).values())
    if shutil.disk_usage(folder).free < 2.2 * parameters:
        needed = f"Random weights need {2.2 * parameters / 1e9:.1f} GB of disk"
        raise StorageError(f"{needed}, and there are less.", hint="Choose another folder with --weights.")


def _write(path: Path, shapes: Shapes, generator: torch.Generator) -> None:
    part = path.parent.name
    if path.name == _LORA:
        _write_tensors(path, _lora_shapes(shapes), generator)
    elif path.suffix == ".safetensors":
        _write_tensors(path, _shapes(part, shapes), generator)
    elif part in _PADDING:
        path.write_text(_vocabulary_file(path.name, _PADDING[part]), encoding="utf-8")
    else:
        path.write_text(json.dumps(SCHEDULER if part == "scheduler" else shapes.of(part)), encoding="utf-8")


def _network(part: str, shapes: Shapes) -> nn.Module:
    """The network of a repository's folder, without numbers."""
    kinds: dict[str, Any] = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
    configuration = shapes.of(part)
    with torch.device("meta"):
        if part in kinds:
            made: nn.Module = kinds[part](CLIPTextConfig(**configuration))
        else:
            family: Any = UNet2DConditionModel if part == "unet" else AutoencoderKL
            made = family.from_config(dict(configuration))
    return made


def _shapes(part: str, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """Of each tensor, by the name it is published with."""
    old = "text_model." if part.startswith("text_encoder") else ""  # which newer libraries leave out
    return {
        name if name.startswith(("text_", old)) else old + name: tuple(tensor.shape)
        for name, tensor in _network(part, shapes).state_dict().items()
    }


def _lora_shapes(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """In one format of names: of two mixed, diffusers would take half."""
    found: dict[str, tuple[int, ...]] = {}
    for name, layer in _network("unet", shapes).named_modules():
        if name.endswith(tuple(f".{target}" for target in LORA_TARGETS)) and isinstance(layer, (nn.Linear, nn.Conv2d)):
            outputs, *inputs = layer.weight.shape
            found[f"unet.{name}.lora_A.weight"] = (shapes.lora_rank, *inputs)
            found[f"unet.{name}.lora_B.weight"] = (outputs, shapes.lora_rank, *(1 for _ in inputs[1:]))
    return found


def _write_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> None:
    """A safetensors file of float16: the length of its header, the header, and the tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, shape in shapes.items():
        begin, end = end, end + 2 * math.prod(shape)
        header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for values in _drawn(shapes, generator):
            file.write(values.half().numpy().tobytes())


def _drawn(shapes: Mapping[str, tuple[int, ...]], generator: torch.Generator) -> Iterator[Tensor]:
    """Normal values that leave the size of what passes through as it is; norms and biases as before any training."""
    for name, shape in shapes.items():
        if len(shape) < 2:
            yield torch.ones(shape) if name.endswith(".weight") else torch.zeros(shape)
        else:
            size = _LORA_SIZE if ".lora_B." in name else 1.0
            yield torch.randn(shape, generator=generator).mul_(size / math.sqrt(math.prod(shape[1:])))


def _vocabulary_file(name: str, padding: str) -> str:
    """A tokenizer that knows bytes alone: the prompts that are measured have no words."""
    special = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    names = {"bos_token": {"content": _START, **special}, "eos_token": {"content": _END, **special}}
    kinds = {key: {"__type": "AddedToken", **token} for key, token in names.items()}
    files: dict[str, Any] = {
        "vocab.json": {token: number for number, token in enumerate(_vocabulary())},
        "special_tokens_map.json": {**names, "unk_token": names["eos_token"], "pad_token": padding},
        "tokenizer_config.json": {
            **kinds,
            "unk_token": kinds["eos_token"],
            "pad_token": padding,
            "tokenizer_class": "CLIPTokenizer",
            "add_prefix_space": False,
            "do_lower_case": True,
            "errors": "replace",
            "model_max_length": TOKENS,
        },
    }
    return "#version: 0.2\ni n\n" if name == "merges.txt" else json.dumps(files[name])


def _vocabulary() -> list[str]:
    """As CLIP's begins: each byte within a word, each at a word's end; then the one pair, start and end."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [*map(chr, shown), *(chr(256 + number) for number in range(len(hidden)))]
    return [*letters, *(f"{letter}</w>" for letter in letters), "in", _START, _END]
