"""Any window is brought to a size the model accepts, and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorem_demo.errors import ConfigError
from rorem_demo.imaging.sizes import Fit, SizeRule
from rorem_demo.imaging.types import Size, size_of

sizes = st.builds(Size, st.integers(1, 6000), st.integers(1, 6000))
small_sizes = st.builds(Size, st.integers(1, 40), st.integers(1, 40))


@st.composite
def rules(draw: st.DrawFn, most: int = 1024) -> SizeRule:
    multiple = draw(st.sampled_from([1, 2, 8, 32]))
    minimum = draw(st.integers(0, most // 2))
    least = max(minimum, multiple)
    return SizeRule(multiple_of=multiple, minimum=minimum, longest=draw(st.none() | st.integers(least, most)))


@settings(max_examples=60, deadline=None)
@given(rules(), sizes)
def test_fit_respects_the_rule(rule: SizeRule, size: Size) -> None:
    fit = rule.fit(size)
    assert fit.padded.width % rule.multiple_of == fit.padded.height % rule.multiple_of == 0
    assert min(fit.padded) >= rule.minimum
    assert all(padded >= scaled for padded, scaled in zip(fit.padded, fit.scaled, strict=True))
    if rule.longest:
        assert max(fit.scaled) <= rule.longest
        # Padding to the multiple may pass the longest side by less than one multiple.
        assert max(fit.padded) < rule.longest + rule.multiple_of


@settings(max_examples=60, deadline=None)
@given(sizes)
def test_neutral_rule_changes_nothing(size: Size) -> None:
    assert SizeRule().fit(size) == Fit(size, size, size)


@settings(max_examples=60, deadline=None)
@given(rules(most=64), small_sizes, st.integers(0, 2**32 - 1))
def test_there_and_back(rule: SizeRule, size: Size, seed: int) -> None:
    fit = rule.fit(size)
    image = np.random.default_rng(seed).integers(0, 256, (size.height, size.width, 3), np.uint8)
    before = image.copy()
    given_to_model = fit.image(image)
    assert size_of(given_to_model) == fit.padded
    back = fit.undo(given_to_model)
    assert size_of(back) == size
    assert back.dtype == np.uint8
    assert np.array_equal(image, before)
    if fit.scaled == size:
        assert np.array_equal(back, image)


@settings(max_examples=60, deadline=None)
@given(rules(most=64), small_sizes, st.data())
def test_a_single_marked_pixel_survives_and_padding_is_marked_where_its_mirror_is(
    rule: SizeRule, size: Size, data: st.DataObject
) -> None:
    fit = rule.fit(size)
    mask = np.zeros((size.height, size.width), np.bool_)
    mask[data.draw(st.integers(0, size.height - 1)), data.draw(st.integers(0, size.width - 1))] = True
    fitted = fit.mask(mask)
    assert size_of(fitted) == fit.padded
    assert fitted.dtype == np.bool_
    assert fitted.any()
    inner = fitted[: fit.scaled.height, : fit.scaled.width]
    margins = [(0, padded - scaled) for padded, scaled in zip(fit.padded[::-1], fit.scaled[::-1], strict=True)]
    assert np.array_equal(fitted, np.pad(inner, margins, mode="symmetric"))


def test_what_is_marked_at_the_edge_is_nowhere_to_be_seen() -> None:
    """Mirrored without its mask, the object would stand in the padding, in plain view of the model."""
    image, mask = np.zeros((40, 100, 3), np.uint8), np.zeros((40, 100), np.bool_)
    mask[25:, 30:60] = True
    image[mask] = 255
    fit = SizeRule(multiple_of=8, minimum=64, longest=64).fit(size_of(image))
    assert not fit.image(image)[~fit.mask(mask)].any()


def test_a_rule_is_square_where_it_leaves_one_size() -> None:
    assert SizeRule(multiple_of=8, minimum=64, longest=64).square
    assert not any(rule.square for rule in (SizeRule(), SizeRule(longest=64), SizeRule(minimum=32, longest=64)))


@pytest.mark.parametrize(
    "fields",
    [
        {"multiple_of": 0},
        {"minimum": -1},
        {"minimum": 512, "longest": 256},
        {"multiple_of": 64, "longest": 32},
        {"longest": -5},
    ],
)
def test_impossible_rules_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="No size satisfies"):
        SizeRule(**fields)
