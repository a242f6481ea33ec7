"""write_tiny_sdxl(), write_tiny_lora(): SDXL inpainting with random weights, tiny, in files as they are published."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

_START, _END = "<|startoftext|>", "<|endoftext|>"
_MERGES = ("i n", "t h", "e r", "q u", "qu a", "p h", "o t", "ph ot", "phot o</w>", "b l", "l y</w>")
_TOKENS, _WIDTH = 16, 32
"""Of a prompt, and of each text network."""

TARGETS = (
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2"),
    *("conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "time_emb_proj"),
)
"""What train_RORem_lcm.py adapts."""


def write_tiny_sdxl(folder: Path, *, channels: int = 9, seed: int = 0, text: bool = True) -> tuple[Path, ...]:
    """The files, in float16 like the published ones; the sides of a photo are divided by 8."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        _unet(channels).half().save_pretrained(folder / "unet")
        _vae().half().save_pretrained(folder / "vae")
        _scheduler().save_pretrained(folder / "scheduler")
        if text:
            _write_text(folder, CLIPTextModel, "")
            _write_text(folder, CLIPTextModelWithProjection, "_2")
    return tuple(sorted(path for path in folder.rglob("*") if path.is_file()))


def write_tiny_lora(folder: Path, unet: UNet2DConditionModel, *, seed: int = 1, rank: int = 4) -> Path:
    """A LoRA for this UNet, as train_RORem_lcm.py writes it; the UNet gets it too."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(TARGETS)))
        for name, parameter in unet.named_parameters():
            if ".lora_B." in name:
                nn.init.normal_(parameter, std=0.05)
    layers = convert_state_dict_to_diffusers(get_peft_model_state_dict(unet))
    StableDiffusionXLPipeline.save_lora_weights(folder, layers)
    return folder / "pytorch_lora_weights.safetensors"


def _unet(channels: int) -> UNet2DConditionModel:
    """Three levels like the full one, whose sides must not be multiples of more than 8 pixels either."""
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=channels,
        out_channels=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(8, 16, 32),
        layers_per_block=1,
        attention_head_dim=(1, 1, 2),  # how many heads, whatever it is called: few, or they take most of the time
        norm_num_groups=4,
        cross_attention_dim=2 * _WIDTH,
        transformer_layers_per_block=(1, 1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=_WIDTH + 6 * 8,
    )


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        norm_num_groups=4,
        latent_channels=4,
        scaling_factor=0.13025,
        force_upcast=True,
    )


def _scheduler() -> EulerDiscreteScheduler:
    """As published."""
    return EulerDiscreteScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", timestep_spacing="leading", steps_offset=1
    )


def _write_text(folder: Path, kind: Any, number: str) -> None:
    """A network, whose file holds the names that were published, not those which the library now writes."""
    tokens = _vocabulary()
    shape = CLIPTextConfig(
        vocab_size=len(tokens),
        hidden_size=_WIDTH,
        intermediate_size=_WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=_TOKENS,
        projection_dim=_WIDTH,
        bos_token_id=len(tokens) - 2,
        eos_token_id=len(tokens) - 1,
    )
    place = folder / f"text_encoder{number}"
    kind(shape).half().save_pretrained(place)
    weights = load_file(place / "model.safetensors")
    published = {name if name.startswith("text_") else f"text_model.{name}": tensor for name, tensor in weights.items()}
    save_file(published, place / "model.safetensors", metadata={"format": "pt"})
    _write_tokenizer(folder / f"tokenizer{number}", tokens, "!" if number else _END)


def _write_tokenizer(folder: Path, tokens: list[str], padding: str) -> None:
    folder.mkdir(parents=True)
    _write(folder / "vocab.json", {token: number for number, token in enumerate(tokens)})
    (folder / "merges.txt").write_text("\n".join(("#version: 0.2", *_MERGES, "")), encoding="utf-8")
    special = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    names = {"bos_token": {"content": _START, **special}, "eos_token": {"content": _END, **special}}
    _write(folder / "special_tokens_map.json", {**names, "unk_token": names["eos_token"], "pad_token": padding})
    kinds = {name: {"__type": "AddedToken", **token} for name, token in names.items()}
    told = {"add_prefix_space": False, "do_lower_case": True, "errors": "replace", "model_max_length": _TOKENS}
    told |= {**kinds, "unk_token": kinds["eos_token"], "pad_token": padding, "tokenizer_class": "CLIPTokenizer"}
    _write(folder / "tokenizer_config.json", told)


def _vocabulary() -> list[str]:
    """CLIP's tokens but few pairs: each byte within a word, each byte at a word's end, the pairs, start and end."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [*map(chr, shown), *(chr(256 + number) for number in range(len(hidden)))]
    pairs = [pair.replace(" ", "") for pair in _MERGES]
    return [*letters, *(f"{letter}</w>" for letter in letters), *pairs, _START, _END]


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")
