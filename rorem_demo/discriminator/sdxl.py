"""sdxl: the paper's discriminator, the first half of SDXL inpainting's UNet with a LoRA and a head of convolutions.

After Li et al., "RORem" (CVPR 2025), and the weights its authors published. They train softplus of the head's number
towards 0 and 1 by squares and take what is above a half: a regression, whose score may pass 1. Here the number itself
is the logit, moved so that 0 is where their score is a half; what it means as a probability, calibration says.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import expm1, log
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from torch.nn import functional

from rorem_demo.discriminator.latents import Latents
from rorem_demo.discriminator.network import NetworkSpec, restore
from rorem_demo.discriminator.sdxl_files import BRANCH, HalfUNet, half_unet, head, layer, released
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.sdxl_files import Place, read_vae
from rorem_demo.removers.sdxl_prompts import NOTHING, Meaning, meanings
from rorem_demo.runtime.precision import native_precision

RANK = ALPHA = 4
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
HALF = log(expm1(0.5))
"""The head's number at which the published score is 0.5."""


def load(spec: NetworkSpec, files: tuple[Path, ...]) -> SdxlNetwork:
    """As the authors published it, if their LoRA and head are among the files; else before training, both at random.

    Raises:
        UnavailableError: a file is missing, damaged, or does not hold exactly what it should.
    """
    nothing = meanings(spec.title, files, [NOTHING])[NOTHING]  # first, and freed, so that both need not fit at once
    # float16, as published, would lose small gradients on their way through it.
    dtype = torch.bfloat16 if torch.cuda.is_available() else native_precision()
    unet = half_unet(spec.title, files, dtype)
    network = SdxlNetwork(unet, nothing, Latents(partial(read_vae, spec.title, files, Place.here())))
    tensors = released(spec.title, files, network.trained())
    if tensors:
        restore(network, tensors, spec.title)
    return network


class SdxlNetwork(nn.Module):
    """See the module.

    Args:
        unet: frozen; gets the LoRA.
        nothing: what an empty prompt means.
        latents: of pictures.
    """

    words: Tensor
    whole: Tensor

    def __init__(self, unet: HalfUNet, nothing: Meaning, latents: Latents) -> None:
        super().__init__()
        adapter = LoraConfig(r=RANK, lora_alpha=ALPHA, init_lora_weights="gaussian", target_modules=list(TARGETS))
        self.unet: Any = inject_adapter_in_model(adapter, unet)
        self.cls_pred_branch = head(unet.config["block_out_channels"][-1])
        _learn_in_float32(self.unet)
        self.register_buffer("words", nothing.words, persistent=False)
        self.register_buffer("whole", nothing.whole, persistent=False)
        self._latents = latents

    def arrays(self, source: Image, mask: Mask, result: Image) -> Arrays:
        """See `latents.Latents`."""
        return self._latents(source, mask, result)

    def trained(self) -> dict[str, Tensor]:
        """LoRA and head, by the names they are published under."""
        return {name: parameter.detach() for name, parameter in self._learned().items()}

    def as_module(self) -> nn.Module:
        return self

    def train(self, mode: bool = True) -> SdxlNetwork:  # noqa: FBT001, FBT002  # torch's own
        """As torch's; rows to learn from are cached by then, so the VAE goes."""
        if mode:
            self._latents.release()
        super().train(mode)
        return self

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:
        """Logits of B rows, from `source` and `result` B x 4 x 64 x 64 and `mask` B x 1 x 64 x 64."""
        seen = torch.cat([batch["result"].float(), batch["mask"].float(), batch["source"].float()], dim=1)
        features = self.unet.middle(seen, self.words, self.whole)
        number: Tensor = self.cls_pred_branch(features.float())
        return number.float().reshape(len(seen)) - HALF

    def _learned(self) -> dict[str, nn.Parameter]:
        named = self.named_parameters()
        return {layer(name): found for name, found in named if name.startswith(BRANCH) or ".lora_" in name}


class Thin(nn.Linear):
    """A LoRA's layer, learned in float32, for small steps must not get lost, but run in the numbers it is given.

    The library would bring all that passes by it to float32 instead, which takes longer than the layer.
    """

    def forward(self, given: Tensor) -> Tensor:
        return functional.linear(given, self.weight.to(given.dtype))


def _learn_in_float32(unet: nn.Module) -> None:
    for module in unet.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = False
            for layers in (module.lora_A, module.lora_B):
                for name, old in layers.items():
                    found: Any = old
                    thin = Thin(found.in_features, found.out_features, bias=False, device="meta")
                    thin.weight = nn.Parameter(found.weight.data.float())
                    layers[name] = thin


def published_score(logits: Tensor) -> Tensor:
    """What the authors' script prints for the weights they published: 0 or more, 0.5 at logit 0."""
    return functional.softplus(logits + HALF)
