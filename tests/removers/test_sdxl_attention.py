"""Joined attention: what diffusers' layers give, from fewer products."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor, nn

from rorem_demo.removers import sdxl_attention
from rorem_demo.removers.sdxl_attention import attended, join_attention, tell_prompts
from tests.removers.sdxl_checkpoint import write_tiny_sdxl


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub")
    write_tiny_sdxl(folder, text=False)
    return folder


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def unet(repository: Path) -> Any:
    return UNet2DConditionModel.from_pretrained(repository / "unet", torch_dtype=torch.float32).eval()


def called(network: Any, prompts: Tensor, pictures: int) -> Tensor:
    told = {"text_embeds": drawn(1, 32, seed=3).expand(pictures, -1), "time_ids": torch.ones(pictures, 6)}
    found: Tensor = network(
        drawn(1, 9, 16, 8, seed=4).expand(pictures, -1, -1, -1),
        torch.tensor(400),
        encoder_hidden_states=prompts,
        added_cond_kwargs=told,
        return_dict=False,
    )[0]
    return found


@torch.inference_mode()
def test_a_unet_that_knows_its_prompts_gives_the_same_for_their_numbers(repository: Path) -> None:
    words = drawn(3, 16, 64, seed=5) * 3
    plain, told = unet(repository), unet(repository)
    tell_prompts(told, words)
    for numbers in ([0], [2], [1, 0], [2, 2]):
        theirs, ours = called(plain, words[numbers], len(numbers)), called(told, torch.tensor(numbers), len(numbers))
        assert torch.allclose(ours, theirs, atol=2e-5)
    assert not torch.allclose(called(told, torch.tensor([0]), 1), called(told, torch.tensor([1]), 1), atol=1e-3)


def test_the_layers_that_heard_the_prompts_are_gone(repository: Path) -> None:
    told = unet(repository)
    before = sum(parameter.numel() for parameter in told.parameters())
    heard = sum(
        layer.to_k.weight.numel() + layer.to_v.weight.numel()
        for layer in told.modules()
        if isinstance(layer, Attention) and layer.is_cross_attention
    )
    tell_prompts(told, drawn(1, 16, 64))
    assert heard > 0
    assert sum(parameter.numel() for parameter in told.parameters()) == before - heard


@torch.inference_mode()
def test_a_vae_gives_the_same(repository: Path) -> None:
    plain, joined = (AutoencoderKL.from_pretrained(repository / "vae").float().eval() for _ in range(2))
    join_attention(joined)
    assert not any(isinstance(layer, Attention) for layer in joined.modules())
    picture, latents = drawn(1, 3, 64, 40), drawn(1, 4, 8, 5)
    assert torch.allclose(
        joined.encode(picture).latent_dist.mode(), plain.encode(picture).latent_dist.mode(), atol=1e-5
    )
    assert torch.allclose(joined.decode(latents).sample, plain.decode(latents).sample, atol=1e-5)


@pytest.mark.parametrize("at_once", [1 << 24, 2 * 3 * 11 * 4, 1], ids=["whole", "in parts", "one by one"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_attention_is_that_of_torch(monkeypatch: pytest.MonkeyPatch, at_once: int, dtype: torch.dtype) -> None:
    monkeypatch.setattr(sdxl_attention, "_SCORES", at_once)
    query, key, value = (drawn(2, 3, places, 8, seed=places) for places in (17, 11, 11))
    exact = nn.functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)
    found = attended(query.to(dtype), key.to(dtype), value.to(dtype))
    assert found.dtype == dtype
    assert torch.allclose(found.float(), exact, atol=1e-5 if dtype == torch.float32 else 0.03)
