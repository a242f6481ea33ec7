"""Reference: the published call, written with plain diffusers, for the same weights.

After inference_RORem.py and inference_RORem_4S.py (Li et al., RORem, 2025): photo and mask become squares, both text
networks run in each call, nothing is pasted back; float32 on a CPU, float16 on a GPU, where the pipeline itself moves
its VAE to float32 and back. Three things are not as published, each in the reference's favour or for a fair count:
strength is 1 for few steps, since 0.99 of four steps runs three; the LoRA is unloaded once it is fused; its names are
brought into one format first, since of two mixed ones diffusers would take half.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    LCMScheduler,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.utils.state_dict_utils import convert_unet_state_dict_to_peft
from PIL import Image as Pictures
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from rorem_demo.evaluation.speed_process import Job
from rorem_demo.evaluation.speed_worker import Way, Worker
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.sdxl_files import found
from rorem_demo.runtime.memory import give_back_memory

_NETWORKS: dict[str, Any] = {"unet": UNet2DConditionModel, "vae": AutoencoderKL}
_TEXT: dict[str, Any] = {"text_encoder": CLIPTextModel, "text_encoder_2": CLIPTextModelWithProjection}
_VARIANT = ".fp16."


class Reference(Worker):
    """The side to be compared with."""

    def __init__(self, job: Job) -> None:
        super().__init__(job, _Way)


class _Way(Way):
    def __init__(self, job: Job) -> None:
        self._job = job
        self._pipe = _pipeline(job)

    def removed(self, photo: bytes, mask: bytes, seed: int) -> bytes:
        square = (self._job.size, self._job.size)
        image = Pictures.open(BytesIO(photo)).convert("RGB").resize(square)
        marked = Pictures.open(BytesIO(mask)).convert("L").resize(square)
        file = BytesIO()
        self._called(image, marked, seed).save(file, "PNG")
        return file.getvalue()

    def picture(self, image: Image, mask: Mask, seed: int) -> Image:
        with _mean_of_the_vae():
            return np.asarray(self._called(Pictures.fromarray(image), Pictures.fromarray(mask), seed), np.uint8)

    def _called(self, image: Pictures.Image, mask: Pictures.Image, seed: int) -> Pictures.Image:
        few, steps = self._job.few_steps, self._job.steps
        result: Pictures.Image = self._pipe(
            prompt="",
            image=image,
            mask_image=mask,
            height=self._job.size,
            width=self._job.size,
            num_inference_steps=steps if few else steps + 1,  # of which strength 0.99 leaves out the first
            strength=1.0 if few else 0.99,
            guidance_scale=1.0,
            generator=torch.Generator().manual_seed(seed),
        ).images[0]
        return result


def _pipeline(job: Job) -> Any:
    numbers = torch.float16 if job.device == "cuda" and not job.exact else torch.float32
    parts = {part: _network(job, part, kind, torch_dtype=numbers) for part, kind in _NETWORKS.items()}
    parts |= {part: _network(job, part, kind, dtype=numbers) for part, kind in _TEXT.items()}
    for part in ("tokenizer", "tokenizer_2"):
        parts[part] = CLIPTokenizer.from_pretrained(_folder(job, part, "vocab.json"), local_files_only=True)
    scheduler: Any = EulerDiscreteScheduler
    parts["scheduler"] = scheduler.from_pretrained(_folder(job, "scheduler", "*.json"))
    kind: Any = StableDiffusionXLInpaintPipeline
    pipe = kind(**parts, add_watermarker=False).to(job.device)
    pipe.set_progress_bar_config(disable=True)
    if job.few_steps:
        few: Any = LCMScheduler
        pipe.scheduler = few.from_config(pipe.scheduler.config)
        pipe.load_lora_weights(_layers(found(job.spec.title, job.files, "*", "pytorch_lora_weights.safetensors")))
        pipe.fuse_lora()
        pipe.unload_lora_weights()
    give_back_memory()  # of what the LoRA and the half-precision files took
    return pipe


def _folder(job: Job, part: str, pattern: str) -> Path:
    return found(job.spec.title, job.files, part, pattern).parent


def _network(job: Job, part: str, kind: Any, **numbers: torch.dtype) -> Any:
    """From a folder with its weights and its configuration, which may lie in two repositories."""
    weights = found(job.spec.title, job.files, part, "*.safetensors")
    variant = "fp16" if _VARIANT in weights.name else None
    with TemporaryDirectory() as folder:
        for path in (weights, found(job.spec.title, job.files, part, "config.json")):
            Path(folder, path.name).symlink_to(path.resolve())
        return kind.from_pretrained(folder, variant=variant, local_files_only=True, **numbers)


def _layers(path: Path) -> dict[str, torch.Tensor]:
    current: Any = convert_unet_state_dict_to_peft
    layers: dict[str, torch.Tensor] = current(load_file(path))
    return layers


@contextmanager
def _mean_of_the_vae() -> Iterator[None]:
    """No noise in what the VAE gives, for pictures that are compared: there the published call draws, and we do not."""
    kind: Any = DiagonalGaussianDistribution
    drawn = kind.sample
    kind.sample = lambda self, generator=None: self.mode()  # noqa: ARG005  # as the library calls it
    try:
        yield
    finally:
        kind.sample = drawn
