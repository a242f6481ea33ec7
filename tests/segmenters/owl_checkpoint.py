"""write_tiny_owl(): OWLv2 with random weights, as small as it goes, in the files of the published repository."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import Owlv2Config, Owlv2ForObjectDetection

_START, _END = "<|startoftext|>", "<|endoftext|>"
_SIDE, _PATCH = 64, 16
_OBJECT = 0
"""Number of the patch whose box is found; the first one is in the photo whatever its shape."""
_BOX = -0.2
"""Logit by which the box is larger than a patch: about two fifths of the photo's longer side."""

_MERGES = ("o f</w>", "p h", "o t", "ph ot", "phot o</w>", "d o", "do g</w>")


def write_tiny_owl(folder: Path, *, planted: bool = True) -> None:
    """Files that find one box near the photo's top left corner for any phrase; nothing sure unless `planted`."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = _vocabulary()
    network = _network(len(vocabulary))
    if planted:
        _plant(network)
    network.save_pretrained(folder)
    _write(folder / "preprocessor_config.json", _PREPROCESSOR)
    _write(folder / "vocab.json", {token: number for number, token in enumerate(vocabulary)})
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *_MERGES, "")), encoding="utf-8")
    _write(folder / "tokenizer_config.json", _tokenizer(len(vocabulary)))
    names = {"bos_token": _START, "eos_token": _END, "pad_token": "!", "unk_token": _END}
    _write(folder / "special_tokens_map.json", names)


def full_config() -> Owlv2Config:
    """Of google/owlv2-base-patch16-ensemble: the defaults of `transformers`, but for the photo's side."""
    return Owlv2Config(text_config={}, vision_config={"image_size": 960, "patch_size": 16})


def _network(tokens: int) -> Owlv2ForObjectDetection:
    layers = {"num_hidden_layers": 2, "num_attention_heads": 2}
    text = {"vocab_size": tokens, "hidden_size": 16, "intermediate_size": 32, "eos_token_id": tokens - 1, **layers}
    text["bos_token_id"] = tokens - 2
    vision = {"hidden_size": 32, "intermediate_size": 64, "image_size": _SIDE, "patch_size": _PATCH, **layers}
    with torch.random.fork_rng():
        torch.manual_seed(11)
        network = Owlv2ForObjectDetection(Owlv2Config(text_config=text, vision_config=vision, projection_dim=16))
        for parameter in network.parameters():  # the library's own beginnings differ too little to be told apart
            if parameter.ndim > 1:
                torch.nn.init.normal_(parameter, std=parameter.shape[-1] ** -0.5)
    return network.eval()


@torch.no_grad()
def _plant(network: Owlv2ForObjectDetection) -> None:
    """Make one patch sure and the others not, whatever the photo and the words."""
    vision = network.owlv2.vision_model
    vision.embeddings.patch_embedding.weight.mul_(0.001)  # a photo changes little, but something
    features = network.image_embedder(torch.zeros(1, 3, _SIDE, _SIDE))[0].reshape(-1, 32)
    wished = torch.full((len(features),), -8.0)
    wished[_OBJECT] = 4.0
    head = network.class_head
    head.logit_shift.weight.copy_(torch.linalg.pinv(features, rtol=1e-4) @ wished)
    head.logit_shift.bias.zero_()
    head.logit_scale.weight.zero_()
    head.logit_scale.bias.zero_()
    network.box_head.dense2.weight.mul_(0.01)
    network.box_head.dense2.bias.copy_(torch.tensor([0.2, 0.2, _BOX + 1, _BOX + 1]))


def _vocabulary() -> list[str]:
    """CLIP's tokens but few pairs: each byte within a word, each byte at a word's end, the pairs, start and end."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [*map(chr, shown), *(chr(256 + number) for number in range(len(hidden)))]
    pairs = [pair.replace(" ", "") for pair in _MERGES]
    return [*letters, *(f"{letter}</w>" for letter in letters), *pairs, _START, _END]


def _tokenizer(tokens: int) -> dict[str, Any]:
    """Special tokens and all, as published; the path is one that exists nowhere else."""
    token = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    special = {0: "!", tokens - 2: _START, tokens - 1: _END}
    return {
        "add_prefix_space": False,
        "added_tokens_decoder": {str(number): {"content": text, **token} for number, text in special.items()},
        "additional_special_tokens": [],
        "bos_token": _START,
        "clean_up_tokenization_spaces": True,
        "do_lower_case": True,
        "eos_token": _END,
        "errors": "replace",
        "model_max_length": 16,
        "pad_token": "!",
        "processor_class": "Owlv2Processor",
        "tokenizer_class": "CLIPTokenizer",
        "tokenizer_file": "/Users/author/.cache/huggingface/tokenizer.json",
        "unk_token": _END,
    }


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


_PREPROCESSOR: dict[str, Any] = {
    "do_normalize": True,
    "do_pad": True,
    "do_rescale": True,
    "do_resize": True,
    "image_mean": [0.48145466, 0.4578275, 0.40821073],
    "image_processor_type": "Owlv2ImageProcessor",
    "image_std": [0.26862954, 0.26130258, 0.27577711],
    "processor_class": "Owlv2Processor",
    "resample": 2,
    "rescale_factor": 0.00392156862745098,
    "size": {"height": _SIDE, "width": _SIDE},
}
