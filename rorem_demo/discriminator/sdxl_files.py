"""The SDXL network's parts out of published files: the first half of a UNet, and what the authors trained.

Only what is used is read, and it must be all there: libraries would go on with random numbers in place of a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors import safe_open
from torch import Tensor, nn

from rorem_demo.discriminator.latents import SIDE
from rorem_demo.errors import UnavailableError
from rorem_demo.removers.sdxl_files import found, readable, told

LORA, HEAD = "pytorch_lora_weights.safetensors", "cls_pred_branch.safetensors"
BRANCH = "cls_pred_branch."
"""Before the head's names."""

_UNUSED = ("up_blocks.", "conv_norm_out.", "conv_out.")
_CHANNELS, _LEVELS, _GROUPS = 9, 3, 32
_PICKLES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
_AGAIN = "Get it again with the command `weights`."


_Library: Any = UNet2DConditionModel


class HalfUNet(_Library):  # type: ignore[misc]  # diffusers' types cannot be seen
    """A UNet as far as its middle: the other half is not made."""

    def _check_config(self, **config: Any) -> None:
        """The library wants as many blocks on the way up as on the way down."""

    @classmethod
    def shaped(cls, config: Mapping[str, Any]) -> Any:
        """The half of the UNet that a config describes, without numbers."""
        with torch.device("meta"):
            half: Any = cls.from_config({**config, "up_block_types": ()})
        del half.conv_norm_out, half.conv_act, half.conv_out
        return half

    def middle(self, sample: Tensor, words: Tensor, whole: Tensor) -> Tensor:
        """Features B x C x H/4 x W/4 of B x 9 x H x W, without noise, so at timestep 0."""
        sample = sample.to(self.conv_in.weight.dtype, memory_format=torch.channels_last)
        words, whole = (told.to(sample.dtype).expand(len(sample), *told.shape[1:]) for told in (words, whole))
        sizes = torch.tensor([[SIDE, SIDE, 0, 0, SIDE, SIDE]], dtype=torch.float32, device=sample.device)
        time = self.time_embedding(self.get_time_embed(sample=sample, timestep=0))
        added = {"text_embeds": whole, "time_ids": sizes.expand(len(sample), -1)}
        time = time + self.get_aug_embed(emb=time, encoder_hidden_states=words, added_cond_kwargs=added)
        hidden = self.conv_in(sample)
        for block in self.down_blocks:
            attends = {"encoder_hidden_states": words} if getattr(block, "has_cross_attention", False) else {}
            hidden = block(hidden, time, **attends)[0]
        features: Tensor = self.mid_block(hidden, time, encoder_hidden_states=words)
        return features


def half_unet(title: str, files: tuple[Path, ...], dtype: torch.dtype) -> Any:
    """The first half of the UNet among the files, frozen, on the CPU.

    Raises:
        UnavailableError: a file is missing, damaged, or not exactly a UNet for inpainting.
    """
    config = found(title, files, "unet", "config.json")
    with readable(title, config):
        described = told(config)
        half = HalfUNet.shaped(described)
        shapes = (described["in_channels"], len(described["block_out_channels"]), described["addition_embed_type"])
        if shapes != (_CHANNELS, _LEVELS, "text_time") or described["block_out_channels"][-1] % _GROUPS:
            raise ValueError(shapes)
    weights = found(title, files, "unet", "*.safetensors")
    tensors = _tensors(title, weights, dtype, lambda name: not name.startswith(_UNUSED))
    check(weights, half.state_dict(), tensors)
    half.load_state_dict(tensors, strict=True, assign=True)
    half.requires_grad_(requires_grad=False)
    return half.to(memory_format=torch.channels_last)


def head(channels: int) -> nn.Sequential:
    """From 16 x 16 features to one number: `cls_pred_branch`, 0..9 in the published file."""
    layers: list[nn.Module] = []
    for stride, padding in ((2, 1), (2, 1), (4, 0)):
        layers += [nn.Conv2d(channels, channels, 4, stride, padding), nn.GroupNorm(_GROUPS, channels), nn.SiLU()]
    return nn.Sequential(*layers, nn.Conv2d(channels, 1, 1))


def released(title: str, files: tuple[Path, ...], expected: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the authors trained, by the names of `expected`; empty if neither of its files is among these.

    Raises:
        UnavailableError: one is missing, damaged, a pickle, or does not hold exactly what is expected.
    """
    there = [path for path in files if path.stem in {Path(LORA).stem, Path(HEAD).stem}]
    if not there:
        return {}
    pickles = [path.name for path in there if path.suffix != ".safetensors"]
    if pickles:
        _refuse_pickle(pickles[0])
    tensors: dict[str, Tensor] = {}
    for file, name_of in ((LORA, _layer), (HEAD, _of_head)):
        path = found(title, files, "*", file)
        held = _tensors(title, path, torch.float32, lambda name: True)  # noqa: ARG005  # all of it
        named = {name_of(name): tensor for name, tensor in held.items()}
        wanted = {name: like for name, like in expected.items() if name.startswith(BRANCH) == (file == HEAD)}
        check(path, wanted, named, given=len(held))
        tensors |= named
    return tensors


def check(path: Path, expected: Mapping[str, Tensor], tensors: Mapping[str, Tensor], given: int = 0) -> None:
    """Raise UnavailableError unless the names and shapes are those expected, and the numbers are some.

    Args:
        path: where they come from.
        expected: of these shapes.
        tensors: to be checked.
        given: how many the file holds, if their names were changed since.
    """
    where = f"{path.parent.name}/{path.name}"
    for problem, names in (("lacks", expected.keys() - tensors.keys()), ("holds", tensors.keys() - expected.keys())):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            also = ", which do not belong there" if more else ", which does not belong there"
            raise UnavailableError(f"{where} {problem} {min(names)!r}{more}{also * (problem == 'holds')}.", hint=_AGAIN)
    if given > len(tensors):
        raise UnavailableError(f"{where} holds a tensor under two names.", hint=_AGAIN)
    for name, like in expected.items():
        if tensors[name].shape != like.shape:
            shapes = f"{tuple(tensors[name].shape)}, not {tuple(like.shape)}"
            raise UnavailableError(f"{name!r} in {where} has shape {shapes}.", hint=_AGAIN)
        if not bool(torch.isfinite(tensors[name]).all()):
            raise UnavailableError(f"{name!r} in {where} is not made of numbers.", hint=_AGAIN)


def layer(name: str) -> str:
    """The name in the published file of a LoRA's parameter as peft calls it."""
    for here, there in ((".lora_A.default.", ".lora.down."), (".lora_B.default.", ".lora.up.")):
        name = name.replace(here, there)
    return name


def _layer(name: str) -> str:
    """As published: by diffusers until 0.30; later ones write peft's names."""
    return name.replace(".lora_A.", ".lora.down.").replace(".lora_B.", ".lora.up.")


def _of_head(name: str) -> str:
    """Published without a prefix; copies in other formats may have one."""
    return BRANCH + name.rpartition(BRANCH)[2]


def _tensors(title: str, path: Path, dtype: torch.dtype, wanted: Callable[[str], bool]) -> dict[str, Tensor]:
    """Those wanted, each converted as it is read, so that nothing else of the file is in memory."""
    with readable(title, path):
        with path.open("rb") as file:
            if file.read(8).startswith(_PICKLES):
                _refuse_pickle(path.name)
        with safe_open(path, "pt") as tensors:
            return {name: tensors.get_tensor(name).to(dtype) for name in filter(wanted, tensors.keys())}


def _refuse_pickle(name: str) -> None:
    raise UnavailableError(
        f"{name} is a pickle, which is not read: it could run code.", hint="Take the .safetensors of the same weights."
    )
