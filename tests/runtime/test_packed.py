"""Packed layers: the same results in their own numbers, nearly the same in int8."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rorem_demo.runtime import packed
from rorem_demo.runtime.packed import HalfLinear, Int8Linear, PackedConv, PackedLinear, pack, works

OWN = [torch.float32, torch.bfloat16]


def needs(products: torch.dtype) -> None:
    if not works(products):
        pytest.skip(f"this CPU has no {products} products")


def drawn(*shape: int, seed: int = 0, spread: float = 0.0) -> Tensor:
    """Normal, each row larger or smaller by up to e to the `spread`."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.rand((*shape[:-1], 1), generator=generator).sub_(0.5).mul_(2 * spread).exp_()
    return torch.randn(shape, generator=generator) * rows


def linear(shape: tuple[Any, ...], dtype: torch.dtype = torch.float32) -> nn.Linear:
    """Of inputs x outputs; a third word means without bias."""
    inputs, outputs, *without = shape
    layer = nn.Linear(inputs, outputs, bias=not without)
    layer.weight.data.copy_(drawn(outputs, inputs, seed=1, spread=2) / inputs**0.5)
    if not without:
        layer.bias.data.copy_(drawn(outputs, seed=2))
    return layer.to(dtype)


def off(found: Tensor, exact: Tensor) -> float:
    return float((found.float() - exact.float()).norm() / exact.float().norm())


@pytest.mark.parametrize("dtype", OWN)
@pytest.mark.parametrize("shape", [(96, 40), (96, 40, "no bias")])
def test_in_its_own_numbers_a_layer_gives_the_same(dtype: torch.dtype, shape: tuple[Any, ...]) -> None:
    needs(dtype)
    layer = linear(shape, dtype)
    with torch.inference_mode():
        for rows in ((1, 96), (300, 96), (2, 77, 96)):
            given_rows = drawn(*rows, seed=3).to(dtype)
            assert off(PackedLinear(layer)(given_rows), layer(given_rows)) < 0.005


@pytest.mark.parametrize("dtype", OWN)
@pytest.mark.parametrize(
    ("kernel", "how"),
    [(3, {"padding": 1}), (3, {"padding": 1, "stride": 2}), (1, {}), (3, {"stride": 2, "bias": False})],
)
def test_a_convolution_gives_the_same_at_any_size(dtype: torch.dtype, kernel: int, how: dict[str, int]) -> None:
    needs(dtype)
    layer = nn.Conv2d(16, 24, kernel, **how).to(dtype).to(memory_format=torch.channels_last)
    given_sizes = [(8, 8), (64, 40), (17, 5)]
    with torch.inference_mode():
        for size in given_sizes:
            picture = drawn(2, 16, *size, seed=4).to(dtype).to(memory_format=torch.channels_last)
            found, plain = PackedConv(layer)(picture), layer(picture)
            assert found.shape == plain.shape
            assert off(found, plain) < 0.005


@pytest.mark.parametrize("shape", [(96, 40), (96, 40, "no bias")])
def test_a_layer_kept_in_halves_takes_half_the_memory_and_computes_in_float32(shape: tuple[Any, ...]) -> None:
    layer, rows = linear(shape), drawn(2, 77, 96)
    with torch.inference_mode():
        half = HalfLinear(layer)
        found, exact = half(rows), layer(rows)
    assert half._weight.nbytes == layer.weight.nbytes // 2
    assert found.dtype == torch.float32
    assert 0 < off(found, exact) < 5e-4
    given_network = network()
    pack(given_network, torch.float16)
    kinds = [type(layer) for layer in given_network.modules()]
    assert (kinds.count(HalfLinear), kinds.count(nn.Conv2d)) == (1, 3)


@settings(deadline=None, max_examples=30)
@given(
    rows=st.integers(1, 90),
    shape=st.tuples(st.integers(1, 130), st.integers(1, 70)) | st.tuples(st.just(99), st.just(33), st.just("no bias")),
    dtype=st.sampled_from(OWN),
    spread=st.floats(0, 6),
)
def test_int8_is_about_one_percent_off_however_rows_differ(
    rows: int, shape: tuple[Any, ...], dtype: torch.dtype, spread: float
) -> None:
    needs(torch.int8)
    layer, many = linear(shape, dtype), min(shape[:2]) > 20 and rows > 20
    given_rows = drawn(rows, shape[0], seed=5, spread=spread).to(dtype)
    with torch.inference_mode():
        found = Int8Linear(layer)(given_rows)
        reach = given_rows.float().norm(dim=-1, keepdim=True) * layer.weight.float().norm(dim=-1)
        bias = None if layer.bias is None else layer.bias.float()
        exact = nn.functional.linear(given_rows.float(), layer.weight.float(), bias)
    assert found.dtype == dtype
    bound = 0.05 * reach + 0.01 * exact.abs() + 1e-6  # a sum of many products may be far smaller than they are
    assert bool(((found.float() - exact).abs() <= bound).all())
    assert off(found, exact) < 0.02 or not many


def test_int8_keeps_the_largest_values_and_zeros() -> None:
    needs(torch.int8)
    layer = linear((64, 64, "no bias"), torch.bfloat16)
    layer.weight.data.copy_(torch.eye(64))
    rows = torch.zeros(3, 64, dtype=torch.bfloat16)
    rows[1], rows[2, 0], rows[2, 1] = 127.5, 3.0, -3.0
    with torch.inference_mode():
        found = Int8Linear(layer)(rows)
    assert torch.equal(found[0], rows[0]), "no row of zeros becomes anything else"
    assert off(found[1:], rows[1:]) < 0.01, "a value that rounds up must not wrap around"


def test_int8_is_wrong_only_in_its_own_row() -> None:
    needs(torch.int8)
    layer, rows = Int8Linear(linear((64, 16))), drawn(8, 64)
    with torch.inference_mode():
        before = layer(rows)
        rows[3] *= 1e4
        after = layer(rows)
    assert torch.equal(torch.cat([before[:3], before[4:]]), torch.cat([after[:3], after[4:]]))


def network() -> nn.Sequential:
    ring = nn.Conv2d(4, 4, 3, padding=1, padding_mode="circular")
    last = nn.Sequential(nn.Linear(36, 4), nn.LayerNorm(4))
    return nn.Sequential(nn.Conv2d(4, 4, 3), ring, nn.Conv2d(4, 4, 1), nn.Flatten(), last)


@pytest.mark.parametrize(("dtype", "convolutions"), [(torch.float32, 0), (torch.bfloat16, 1)])
def test_packing_replaces_what_it_can_and_changes_no_result(dtype: torch.dtype, convolutions: int) -> None:
    needs(dtype)
    given_network, picture = network().to(dtype), drawn(1, 4, 5, 5).to(dtype)
    with torch.inference_mode():
        plain = given_network(picture)
        pack(given_network, dtype)
        kinds = [type(layer) for layer in given_network.modules()]
        assert (kinds.count(PackedConv), kinds.count(PackedLinear)) == (convolutions, 1)
        assert kinds.count(nn.Conv2d) == 3 - convolutions
        assert off(given_network(picture), plain) < 0.01


def test_int8_is_for_linear_layers_alone() -> None:
    needs(torch.int8)
    given_network = network()
    pack(given_network, torch.int8)
    kinds = [type(layer) for layer in given_network.modules()]
    assert (kinds.count(nn.Conv2d), kinds.count(Int8Linear)) == (3, 1)


@pytest.mark.parametrize("missing", ["operator", "instructions", "mkldnn", "right results"])
def test_where_a_machine_cannot_nothing_is_packed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    works.cache_clear()
    if missing == "operator":
        monkeypatch.setattr(packed, "Int8Linear", lambda layer: torch.ops.onednn.there_is_none(layer.weight))
    elif missing == "instructions":
        monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    elif missing == "mkldnn":
        monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    else:
        monkeypatch.setattr(packed, "Int8Linear", lambda layer: nn.Linear(layer.in_features, layer.out_features))
    given_network = network()
    pack(given_network, torch.int8)
    assert not works(torch.int8)
    assert not any(isinstance(layer, Int8Linear) for layer in given_network.modules())
    works.cache_clear()


def test_trying_draws_from_nobodys_chance() -> None:
    works.cache_clear()
    before = torch.get_rng_state()
    works(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)
