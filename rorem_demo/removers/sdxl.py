"""RORem and the model it was made from: SDXL inpainting's networks under a denoising loop that can be watched and left.

After Li et al., "RORem" (CVPR 2025), and diffusers' pipeline for SDXL inpainting, whose pictures these are: the same
numbers from the same noise. The pipeline itself runs to its end once it is called; a generator can be closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import cv2
import numpy as np
import torch
from diffusers import LCMScheduler
from torch import Tensor

from rorem_demo.errors import InputError, UnavailableError
from rorem_demo.imaging.types import Image, Mask, size_of
from rorem_demo.removers.base import Remover, RemoverSpec, ResolvedOptions, Step
from rorem_demo.removers.previews import Previews
from rorem_demo.removers.sdxl_compiled import compiled
from rorem_demo.removers.sdxl_encodings import Encodings
from rorem_demo.removers.sdxl_files import Place
from rorem_demo.removers.sdxl_networks import SdxlNetworks, read
from rorem_demo.removers.sdxl_prompts import BACKGROUND, FINE, NOTHING, OBJECTS, POOR, meanings
from rorem_demo.runtime.memory import give_back_memory, kept_memory

_RGB = np.array([[60, 60, 60], [-60, -5, 10], [25, 15, -5], [-70, -50, -35]], np.float32)
_GREY = np.array([150, 140, 130], np.float32)
"""Grey levels of red, green and blue for each latent channel, and for none: Vass, "Explaining the SDXL latent space"
(huggingface.co/blog/TimothyAlexisVass/explaining-the-sdxl-latent-space, 2023)."""
_ENCODINGS: WeakKeyDictionary[Any, Encodings] = WeakKeyDictionary()
"""Of each VAE: rows of one repository share it, so what one method saw of a photo the next need not look at."""


@dataclass(frozen=True, kw_only=True)
class Prompts:
    """The constant prompts, by their numbers in what the UNet knows."""

    wholes: Tensor
    """Of each prompt what `Meaning.whole` says."""
    alone: int
    """Without guidance."""
    towards: int
    away: int
    """With it."""


def load(spec: RemoverSpec, files: tuple[Path, ...], place: Place | None = None) -> Remover:
    """RORem, with whichever UNet is among the files; raises UnavailableError if they are not in order.

    Without guidance the prompt is empty, as it always was in training. The published script puts its prompts there
    too, but guidance 1 is none, so the negative one did nothing; with guidance they are what they were meant to be.

    Args:
        spec: the row.
        files: its weights.
        place: another than this machine's best.
    """
    return _loaded(spec, files, place, alone=NOTHING, towards=FINE, away=POOR)


def load_few_steps(spec: RemoverSpec, files: tuple[Path, ...], place: Place | None = None) -> Remover:
    """RORem with its LoRA for few steps among the files; the same otherwise.

    Guidance is what the LoRA has learnt, so none is added, and its prompt was empty.
    """
    return _loaded(spec, files, place, few_steps=True, alone=NOTHING, towards=NOTHING, away=NOTHING)


def load_inpainting(spec: RemoverSpec, files: tuple[Path, ...], place: Place | None = None) -> Remover:
    """SDXL inpainting, which has to be told that there is nothing; the same otherwise."""
    return _loaded(spec, files, place, alone=BACKGROUND, towards=BACKGROUND, away=OBJECTS)


def _loaded(
    spec: RemoverSpec, files: tuple[Path, ...], place: Place | None, *, few_steps: bool = False, **prompts: str
) -> Remover:
    texts = list(dict.fromkeys(prompts.values()))
    known = meanings(spec.title, files, texts)  # first, and freed, so that both need not fit at once
    words = torch.cat([known[text].words for text in texts])
    networks = read(spec.title, files, place or Place.here(), words, lora=few_steps)
    give_back_memory()
    scheduler = _few_steps(networks.scheduler) if few_steps else networks.scheduler
    wholes = torch.cat([known[text].whole for text in texts])
    numbers = {use: texts.index(prompt) for use, prompt in prompts.items()}
    return SdxlRemover(networks, scheduler, Prompts(wholes=wholes, **numbers))


def _few_steps(published: Any) -> Any:
    """The published schedule for few steps; only what that scheduler knows, or diffusers warns of the rest."""
    known = signature(LCMScheduler.__init__).parameters
    few: Any = LCMScheduler
    return few.from_config({name: value for name, value in published.config.items() if name in known})


class SdxlRemover:
    """The networks, which nothing changes after this is made."""

    def __init__(self, networks: SdxlNetworks, scheduler: Any, prompts: Prompts) -> None:
        """An LCMScheduler stands for a UNet that needs few steps and no guidance."""
        self._unet, self._vae, self._place = networks.unet, networks.vae, networks.place
        self._scheduler, self._prompts = scheduler, prompts
        self._few_steps = isinstance(scheduler, LCMScheduler)
        self._encodings = _ENCODINGS.setdefault(self._vae, Encodings())
        self._called: Any = self._unet

    def use_packages(self, folder: Path) -> None:
        """Run the UNet by packages from this folder, made by the command `compile`, where one is for this GPU."""
        self._called = compiled(self._unet, folder) or self._unet

    def fill(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        """Yield after every step of the UNet, with previews as far as time allows, and at last the image.

        Raises:
            InputError: more steps than there are.
            UnavailableError: the networks gave no numbers.
        """
        with kept_memory() if self._place.device.type == "cpu" else nullcontext():
            yield from self._steps(image, mask, options)

    def _steps(self, image: Image, mask: Mask, options: ResolvedOptions) -> Iterator[Step]:
        # The mode belongs to the thread, so it must not stay on while a caller has the thread.
        scheduler, times = self._timetable(options.steps)
        begun = 1 if self._few_steps else 2  # pictures to encode
        count = begun + len(times) + 2  # of what takes about as long as a step; decoding takes as long as two
        pixels, hole = _tensors(image, mask)
        previews = Previews()
        yield Step(0.0)
        known = self._known(pixels, hole)
        yield Step(1 / count)
        generator = torch.Generator().manual_seed(options.seed)
        latents = self._start(scheduler, times[:1], pixels, generator)
        yield Step(begun / count)
        for number, time in enumerate(times, start=1):
            guess = self._guess(scheduler.scale_model_input(latents, time), time, known, options.guidance)
            done = scheduler.step(guess, time, latents, generator=generator)
            latents = done.prev_sample
            fraction = (begun + number) / count
            if previews.affordable:
                with previews.paid():
                    yield Step(fraction, _preview(_outcome(done), image, mask))
            else:
                yield Step(fraction)
        yield Step(1.0, self._decoded(latents))

    def _start(self, scheduler: Any, time: Tensor, pixels: Tensor, generator: torch.Generator) -> Tensor:
        """Noise; unless steps are few the photo is mixed in, for which it has to be encoded."""
        sides = [side // self._scale for side in pixels.shape[-2:]]
        noise = torch.randn((1, 4, *sides), generator=generator).to(self._place.device)  # the same wherever it is used
        return noise if self._few_steps else scheduler.add_noise(self._encoded(pixels), noise, time)

    def _timetable(self, steps: int) -> tuple[Any, Tensor]:
        """A scheduler of its own for this picture, and as many times as there are steps, latest first.

        The first of one time more is skipped unless steps are few: so published, as strength 0.99, because from pure
        noise the colours drift. Of four steps that would leave three; so few begin with noise alone, as consistency
        models do (Luo et al., LCM, 2023), and nothing of the object is in it.
        """
        scheduler = type(self._scheduler).from_config(self._scheduler.config)
        if self._few_steps and steps > (most := scheduler.config.original_inference_steps):
            raise InputError(f"{steps} steps are too many for this method.", hint=f"Choose {most} or fewer.")
        skipped = 0 if self._few_steps else 1
        scheduler.set_timesteps(steps + skipped, device=self._place.device)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(skipped)
        return scheduler, scheduler.timesteps[skipped:]

    def _encoded(self, pixels: Tensor) -> Tensor:
        """Latents in float32: the mean of what the VAE gives, so that nothing but the noise depends on chance."""
        return self._encodings.of(pixels, self._encode)

    @torch.inference_mode()
    def _encode(self, pixels: Tensor) -> Tensor:
        given = pixels.to(self._place.device, self._vae.dtype, memory_format=torch.channels_last)
        mean: Tensor = self._vae.encode(given).latent_dist.mode().float()
        return mean * float(self._vae.config["scaling_factor"])

    def _known(self, pixels: Tensor, hole: Tensor) -> Tensor:
        """1 x 5 x h x w: where the hole is, and the photo's latents with grey in it."""
        surroundings = self._encoded(pixels * (hole < 0.5))
        where = torch.nn.functional.interpolate(hole, size=surroundings.shape[-2:])
        return torch.cat([where.to(surroundings.device), surroundings], dim=1)

    @torch.inference_mode()
    def _guess(self, latents: Tensor, time: Tensor, known: Tensor, guidance: float) -> Tensor:
        """What the UNet takes for noise, in float32."""
        seen = torch.cat([latents, known], dim=1)
        guided = guidance > 1 and not self._few_steps
        heard = [self._prompts.away, self._prompts.towards] if guided else [self._prompts.alone]
        height, width = (side * self._scale for side in latents.shape[-2:])
        shape = torch.tensor([[height, width, 0, 0, height, width]], dtype=torch.float32)  # of the photo, whole
        guesses: Tensor = self._called(
            seen.to(self._unet.dtype).expand(len(heard), -1, -1, -1),
            time,
            encoder_hidden_states=torch.tensor(heard, device=self._place.device),
            added_cond_kwargs={
                "text_embeds": self._prompts.wholes[heard].to(self._place.device, self._unet.dtype),
                "time_ids": shape.repeat(len(heard), 1).to(self._place.device),
            },
            return_dict=False,
        )[0].float()
        return guesses[:1] + guidance * (guesses[1:] - guesses[:1]) if guided else guesses

    @torch.inference_mode()
    def _decoded(self, latents: Tensor) -> Image:
        given = (latents / self._vae.config["scaling_factor"]).to(self._vae.dtype)
        pixels = self._vae.decode(given, return_dict=False)[0][0].float().cpu()
        if not pixels.isfinite().all():
            raise UnavailableError("The model gave no numbers for this photo.", hint="Try another method.")
        levels = (pixels / 2 + 0.5).clamp(0, 1).mul(255).round().byte()
        image: Image = levels.permute(1, 2, 0).contiguous().numpy()
        return image

    @property
    def _scale(self) -> int:
        """Photo pixels to a side of a latent one."""
        return int(2 ** (len(self._vae.config["block_out_channels"]) - 1))


def _tensors(image: Image, mask: Mask) -> tuple[Tensor, Tensor]:
    """1 x 3 x H x W in -1..1, and 1 x 1 x H x W, 1 in the hole."""
    pixels = torch.from_numpy(image.astype(np.float32).transpose(2, 0, 1)[None] / 127.5 - 1)
    return pixels, torch.from_numpy(mask.astype(np.float32)[None, None])


def _outcome(done: Any) -> Tensor:
    """What a step expects in the end, where its scheduler says so; else where it stands."""
    for name in ("denoised", "pred_original_sample"):
        if getattr(done, name, None) is not None:
            expected: Tensor = getattr(done, name)
            return expected
    latents: Tensor = done.prev_sample
    return latents


def _preview(latents: Tensor, image: Image, mask: Mask) -> Image:
    """The photo with a rough idea of what its hole is going to be."""
    small = latents[0].permute(1, 2, 0).cpu().numpy() @ _RGB + _GREY
    rough = cv2.resize(np.clip(small, 0, 255).astype(np.uint8), size_of(image), interpolation=cv2.INTER_LINEAR)
    return np.where(mask[..., None], rough, image)
