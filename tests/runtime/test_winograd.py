"""Winograd's convolution: the plain one's numbers at any size, and the plain one itself where that is quicker."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rorem_demo.runtime import winograd
from rorem_demo.runtime.packed import PackedConv, pack, works
from rorem_demo.runtime.winograd import WinogradConv


def convolution(inputs: int, outputs: int, **how: Any) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, outputs, 3, **{"padding": 1} | how).to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(0)
    layer.weight.data.copy_(torch.randn(layer.weight.shape, generator=generator) / (9 * inputs) ** 0.5)
    return layer


def picture(*shape: int) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return drawn.contiguous(memory_format=torch.channels_last)


def off(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@settings(deadline=None, max_examples=25)
@given(
    shape=st.tuples(st.integers(1, 2), st.just(64), st.integers(1, 45), st.integers(1, 45)),
    how=st.sampled_from([{}, {"bias": False}]),
    at_once=st.sampled_from([1, 1 << 14, 1 << 23]),
)
def test_it_gives_what_the_plain_one_gives(shape: tuple[int, ...], how: dict[str, bool], at_once: int) -> None:
    layer, given_picture = convolution(64, 72, **how), picture(*shape)
    before = given_picture.clone()
    with pytest.MonkeyPatch.context() as patch, torch.inference_mode():
        patch.setattr(winograd, "_AT_ONCE", at_once)
        patch.setattr(winograd, "_LEAST_SQUARES", 1)
        found, exact = WinogradConv(layer)(given_picture), layer(given_picture)
    assert found.shape == exact.shape
    assert off(found, exact) < 1e-5
    assert torch.equal(given_picture, before)


def test_its_answer_lies_channels_last_as_the_next_layer_wants_it() -> None:
    with torch.inference_mode():
        found = WinogradConv(convolution(64, 64))(picture(1, 64, 64, 32))
    assert found.is_contiguous(memory_format=torch.channels_last)


def test_a_small_picture_gets_the_plain_convolution_to_the_last_bit() -> None:
    layer, small = convolution(64, 64), picture(1, 64, 28, 28)
    with torch.inference_mode():
        assert torch.equal(WinogradConv(layer)(small), layer(small))


@pytest.mark.parametrize(
    "layer",
    [
        convolution(64, 64, stride=2),
        convolution(64, 64, padding=0),
        convolution(64, 64, dilation=2),
        convolution(64, 64, groups=2),
        convolution(64, 64, padding_mode="circular"),
        convolution(9, 64),
        convolution(64, 4),
        nn.Conv2d(64, 64, 1),
        convolution(64, 64).to(torch.bfloat16),
    ],
    ids=["stride", "padding", "dilation", "groups", "circular", "few inputs", "few outputs", "1 x 1", "bfloat16"],
)
def test_other_kinds_do_not_suit(layer: nn.Conv2d) -> None:
    assert not WinogradConv.suits(layer)
    network = nn.Sequential(layer)
    pack(network, torch.float32)
    assert network[0] is layer


def test_packing_for_float32_replaces_what_suits_and_keeps_its_weights() -> None:
    layer = convolution(64, 64)
    network = nn.Sequential(layer)
    pack(network, torch.float32)
    assert isinstance(network[0], WinogradConv)
    assert network[0].weight is layer.weight
    if works(torch.bfloat16):
        network = nn.Sequential(layer.to(torch.bfloat16))
        pack(network, torch.bfloat16)
        assert isinstance(network[0], PackedConv)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_a_large_layer_is_quicker() -> None:
    """Half the time on the CPU it was written for; here in turns, so that a busy machine counts for both."""
    layer, given_picture = convolution(512, 512), picture(1, 512, 128, 128)
    sides: list[nn.Module] = [layer, WinogradConv(layer)]
    seconds: list[list[float]] = [[], []]
    with torch.inference_mode():
        for _ in range(4):
            for side, took in zip(sides, seconds, strict=True):
                begun = perf_counter()
                side(given_picture)
                took.append(perf_counter() - begun)
    assert min(seconds[1]) < 0.9 * min(seconds[0])
