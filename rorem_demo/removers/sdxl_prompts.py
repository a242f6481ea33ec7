"""The constant prompts of the SDXL family, and what the two text networks make of them: worked out once, then kept."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from rorem_demo.removers.sdxl_files import found, readable, told

NOTHING = ""
"""What RORem and its LoRA were trained with, always."""
FINE = "4K, high quality, masterpiece, Highly detailed, Sharp focus, Professional, photorealistic, realistic"
POOR = "low quality, worst, bad proportions, blurry, extra finger, Deformed, disfigured, unclear background"
"""The pair the authors publish for guidance, and guided the LoRA's teacher with."""
BACKGROUND = "empty background, nothing there, seamless continuation of the surroundings, photo"
OBJECTS = "object, person, animal, text, watermark, low quality, blurry, deformed"
"""For a model that paints what it is told and was never taught to remove; our own words."""

_KEPT = ".prompts"
_HOME = Path.home() / ".cache" / "rorem-demo" / "prompts"
_NETWORKS: dict[str, Any] = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}


@dataclass(frozen=True, eq=False)
class Meaning:
    """What a UNet is told of a prompt; float32, on the CPU."""

    words: Tensor
    """1 x tokens x width of both networks."""
    whole: Tensor
    """1 x width of the second network's projection."""


def meanings(title: str, files: tuple[Path, ...], prompts: Iterable[str]) -> dict[str, Meaning]:
    """Each prompt's meaning; the text networks are read only if one is not kept yet, and freed again.

    Kept beside the weights, or in the user's cache where that cannot be written to; what is older than the text
    networks is of others, for the folder of weights may get a new revision.

    Raises:
        UnavailableError: a file that is needed is missing, damaged or of another model.
    """
    repository = found(title, files, "vae", "*.safetensors").parent.parent
    since = max((path.stat().st_mtime for path in files if path.match("t*/*") and path.is_file()), default=0.0)
    known = {prompt: _kept(repository, prompt, since) for prompt in dict.fromkeys(prompts)}
    missing = [prompt for prompt, meaning in known.items() if meaning is None]
    made = _encoded(title, files, missing) if missing else {}
    for prompt, meaning in made.items():
        _keep(repository, prompt, meaning)
    return {prompt: meaning or made[prompt] for prompt, meaning in known.items()}


def _encoded(title: str, files: tuple[Path, ...], prompts: list[str]) -> dict[str, Meaning]:
    """Always on the CPU: in the process that loads, ZeroGPU's GPU can be given weights but not work."""
    first, second = (_seen(title, files, prompts, number) for number in ("", "_2"))
    words = [torch.cat(both, dim=-1) for both in zip(first.words, second.words, strict=True)]
    return {prompt: Meaning(words[row][None], second.whole[row][None]) for row, prompt in enumerate(prompts)}


@torch.inference_mode()
def _seen(title: str, files: tuple[Path, ...], prompts: list[str], number: str) -> Meaning:
    """One row for each prompt; `whole` is of use from the second network only."""
    tokens = _tokens(title, files, prompts, f"tokenizer{number}")
    output = _network(title, files, f"text_encoder{number}")(tokens, output_hidden_states=True)
    return Meaning(output.hidden_states[-2].clone(), output[0].clone())  # SDXL was trained on the last but one layer


def _tokens(title: str, files: tuple[Path, ...], prompts: list[str], folder: str) -> Tensor:
    vocabulary = found(title, files, folder, "vocab.json")
    for name in ("merges.txt", "special_tokens_map.json", "tokenizer_config.json"):
        found(title, files, folder, name)  # the library would do without, and count other tokens
    with readable(title, vocabulary):
        tokenizer = CLIPTokenizer.from_pretrained(vocabulary.parent, local_files_only=True)
        tokens: Tensor = tokenizer(prompts, padding="max_length", truncation=True, return_tensors="pt").input_ids
        return tokens


def _network(title: str, files: tuple[Path, ...], folder: str) -> Any:
    config, weights = found(title, files, folder, "config.json"), found(title, files, folder, "*.safetensors")
    with readable(title, config):
        shape = CLIPTextConfig.from_dict(told(config))
    with readable(title, weights):
        network, report = _NETWORKS[folder].from_pretrained(
            None, config=shape, state_dict=load_file(weights), dtype=torch.float32, output_loading_info=True
        )
        if report["missing_keys"]:  # the library would go on with random numbers in their place
            raise ValueError(min(report["missing_keys"]))
        return network


def _places(repository: Path, prompt: str) -> tuple[Path, Path]:
    """Where a prompt's meaning may be kept; the path of a snapshot in the Hub's cache names its commit."""
    name = f"{sha256(prompt.encode()).hexdigest()[:16]}.safetensors"
    return repository / _KEPT / name, _HOME / sha256(str(repository).encode()).hexdigest()[:16] / name


def _kept(repository: Path, prompt: str, since: float) -> Meaning | None:
    for path in _places(repository, prompt):
        with suppress(OSError, SafetensorError, KeyError):  # not there, or half of it: it is made anew
            if path.stat().st_mtime >= since:
                tensors = load_file(path)
                return Meaning(tensors["words"], tensors["whole"])
    return None


def _keep(repository: Path, prompt: str, meaning: Meaning) -> None:
    """Write it whole or not at all; nothing depends on it."""
    for path in _places(repository, prompt):
        draft = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError, SafetensorError):
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file({"words": meaning.words, "whole": meaning.whole}, draft)
            draft.replace(path)
            return
