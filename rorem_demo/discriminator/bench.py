"""Images a second that the network `sdxl` learns from, against a loop that does what the authors' script does.

`python -m rorem_demo.discriminator.bench` makes three loops of random numbers, each in a process of its own, in turns:
- `cached`: as here: half a UNet, latents from the disk.
- `every step`: the VAE in float32 for both pictures of every row at every step; the whole UNet made, half of it run.
- `every step, whole`: the same with the whole UNet run.

Both train LoRA and head by AdamW from a frozen UNet in the same numbers.
"""

from __future__ import annotations

import json
import resource
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
import torch
from diffusers import AutoencoderKL, DDPMScheduler
from torch import Tensor, nn
from torch.nn import functional

from rorem_demo.discriminator.latents import SIDE, Latents, cells, encoded, pixels
from rorem_demo.discriminator.sdxl import SdxlNetwork, published_score
from rorem_demo.discriminator.sdxl_files import BRANCH, HalfUNet
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.sdxl_prompts import Meaning
from rorem_demo.runtime.precision import native_precision

Loop: TypeAlias = Literal["cached", "every step", "every step, whole"]
Batch: TypeAlias = dict[str, Tensor]

_UP = ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D")
_TOKENS, _WORD, _WHOLE = 77, 2048, 1280


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is measured."""

    loop: Loop
    scale: int
    """Channels of the published networks are divided by it: 1, 2, 4 or 8."""
    batch: int
    steps: int
    """Measured, after one that is not."""
    folder: str
    """Of the cached latents."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What came out."""

    images_per_second: float
    cpu_seconds: float
    """An image, of all cores; what else runs on them changes this less."""
    gigabytes: float
    """At most in use: of the GPU if there is one, else of the process."""


def measured(task: Task) -> Measured:
    """Run a loop; in a process of its own, for memory is counted from its start."""
    torch.manual_seed(0)
    device = _device()
    network = _network(task.scale, whole=task.loop != "cached").to(device).train()
    optimizer = torch.optim.AdamW([p for p in network.parameters() if p.requires_grad], lr=1e-5)
    batch_at, score = _parts(task, network, device)
    for step in range(task.steps + 1):
        if step == 1:
            start, used = _now(), process_time()
        batch = batch_at(step)
        label = torch.arange(task.batch, device=device) % 2
        loss: Any = functional.mse_loss(score(batch), label.float())
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    rows = task.batch * task.steps
    return Measured(
        images_per_second=rows / (_now() - start),
        cpu_seconds=(process_time() - used) / rows,
        gigabytes=_peak() / 1e9,
    )


def _parts(task: Task, network: SdxlNetwork, device: torch.device) -> tuple[Callable[[int], Batch], Any]:
    """Where a step's batch comes from, and what makes scores of it."""
    if task.loop == "cached":
        folder = Path(task.folder)
        return lambda step: _read(folder, step, task, device), lambda batch: published_score(network(batch))
    kind: Any = DDPMScheduler
    vae, noise = _vae(task.scale).to(device), kind()
    score = _watched(network) if task.loop == "every step, whole" else lambda batch: published_score(network(batch))
    return lambda step: _encoded_now(vae, noise, step, task, device), score


def _encoded_now(vae: Any, noise: Any, step: int, task: Task, device: torch.device) -> Batch:
    scenes = [_scene(step * task.batch + number) for number in range(task.batch)]
    with torch.no_grad():
        source, result = (
            encoded(vae, torch.cat(list(map(pixels, pictures))))
            for pictures in ([scene[0] for scene in scenes], [scene[2] for scene in scenes])
        )
    start = torch.zeros(task.batch, dtype=torch.long, device=device)
    mask = torch.from_numpy(np.stack([cells(scene[1]) for scene in scenes])).to(device)
    return {"source": source, "mask": mask, "result": noise.add_noise(result, torch.randn_like(result), start)}


def _read(folder: Path, step: int, task: Task, device: torch.device) -> Batch:
    found = [np.load(folder / f"{step * task.batch + number}.npz") for number in range(task.batch)]
    return {name: torch.from_numpy(np.stack([row[name] for row in found])).to(device) for name in found[0]}


def write_latents(folder: Path, scale: int, count: int) -> float:
    """Cache rows; returns images a second."""
    vae = _vae(scale).to(_device())
    latents = Latents(lambda: vae)
    start = _now()
    for number in range(count):
        np.savez(folder / f"{number}.npz", **latents(*_scene(number)))  # type: ignore[arg-type]
    return count / (_now() - start)


def _watched(network: SdxlNetwork) -> Callable[[Batch], Tensor]:
    """Scores by the whole UNet, whose middle is watched."""
    seen: list[Tensor] = []
    network.unet.mid_block.register_forward_hook(lambda module, given, found: seen.append(found))  # noqa: ARG005

    def score(batch: Batch) -> Tensor:
        given = torch.cat([batch["result"], batch["mask"].to(batch["result"].dtype), batch["source"]], dim=1)
        numbers, count = network.unet.conv_in.weight.dtype, len(given)
        sizes = torch.tensor([[SIDE, SIDE, 0, 0, SIDE, SIDE]], dtype=torch.float32, device=given.device)
        told = {"text_embeds": network.whole.to(numbers).expand(count, -1), "time_ids": sizes.expand(count, -1)}
        words = network.words.to(numbers).expand(count, -1, -1)
        network.unet(given.to(numbers), 0, encoder_hidden_states=words, added_cond_kwargs=told)
        return functional.softplus(network.cls_pred_branch(seen.pop().float()).flatten())

    return score


def _network(scale: int, *, whole: bool) -> SdxlNetwork:
    config = {
        "in_channels": 9,
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": _UP,
        "block_out_channels": tuple(channels // scale for channels in (320, 640, 1280)),
        "attention_head_dim": (5, 10, 20),  # how many heads, whatever it is called
        "norm_num_groups": 32 // scale,
        "cross_attention_dim": _WORD,
        "transformer_layers_per_block": (1, 2, 10),
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": _WHOLE + 6 * 256,
    }
    with torch.device("meta"):
        unet = HalfUNet.from_config(config) if whole else HalfUNet.shaped(config)
    dtype = torch.bfloat16 if torch.cuda.is_available() else native_precision()
    _drawn(unet, dtype).requires_grad_(requires_grad=False)
    nothing = Meaning(torch.randn(1, _TOKENS, _WORD), torch.randn(1, _WHOLE))
    network = SdxlNetwork(unet.to(memory_format=torch.channels_last), nothing, Latents(lambda: None))
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(name.startswith(BRANCH) or (".lora_" in name and ".up_blocks." not in name))
    return network


def _vae(scale: int) -> Any:
    with torch.device("meta"):
        kind: Any = AutoencoderKL
        vae = kind(
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            block_out_channels=tuple(channels // scale for channels in (128, 256, 512, 512)),
            layers_per_block=2,
            norm_num_groups=32 // scale,
            latent_channels=4,
            scaling_factor=0.13025,
        )
    return _drawn(vae, torch.float32).eval()


def _drawn(network: Any, dtype: torch.dtype) -> Any:
    """With small random numbers, drawn in the numbers wanted, so that making it takes no more memory than having it."""
    move: Any = nn.Module.to
    network = move(network, dtype).to_empty(device="cpu")
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.02)
    return network


def _scene(number: int) -> tuple[Image, Mask, Image]:
    chance = np.random.default_rng(number)
    source, result = chance.integers(0, 256, (2, SIDE, SIDE, 3), dtype=np.uint8)
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[128:256, 128:384] = True
    return source, mask, result


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _now() -> float:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter()


def _peak() -> float:
    """Bytes."""
    if torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated())
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function returns, in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def compared(scale: int, batch: int, steps: int, rounds: int) -> dict[str, Any]:
    """Medians over rounds in which each loop has its turn; memory is the most of all rounds."""
    found: dict[Loop, list[Measured]] = {loop: [] for loop in get_args(Loop)}
    with TemporaryDirectory() as folder:
        caching = _apart(write_latents, Path(folder), scale, batch * (steps + 1))
        for _ in range(rounds):
            for loop, results in found.items():
                task = Task(loop=loop, scale=scale, batch=batch, steps=steps, folder=folder)
                results.append(_apart(measured, task))
                sys.stderr.write(f"{loop}: {asdict(results[-1])}\n")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu, {torch.get_num_threads()} threads"
    asked = {"device": device, "scale": scale, "batch": batch, "steps": steps, "rounds": rounds}
    return {**asked, "caching_images_per_second": caching, "loops": _beside(found)}


def _beside(found: dict[Loop, list[Measured]]) -> dict[str, dict[str, float]]:
    speeds = {loop: median(each.images_per_second for each in results) for loop, results in found.items()}
    costs = {loop: median(each.cpu_seconds for each in results) for loop, results in found.items()}
    return {
        loop: {
            "images_per_second": speeds[loop],
            "cached_is_faster": speeds["cached"] / speeds[loop],
            "cpu_seconds": costs[loop],
            "cached_uses_less_by": costs[loop] / costs["cached"],
            "gigabytes": max(each.gigabytes for each in results),
        }
        for loop, results in found.items()
    }


def main() -> None:
    """The command line."""
    parser = ArgumentParser(prog="python -m rorem_demo.discriminator.bench", description=__doc__.split("\n")[0])
    parser.add_argument("--scale", type=int, default=2, choices=(1, 2, 4, 8), help="divides the published channels")
    for name, default in (("batch", 2), ("steps", 3), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sys.stdout.write(json.dumps(compared(**vars(parser.parse_args())), indent=1) + "\n")


if __name__ == "__main__":
    main()
