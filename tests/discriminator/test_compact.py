"""compact: what it must not care about, what it measures, and that it learns."""

from __future__ import annotations

import time
from collections.abc import Mapping

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from rorem_demo.discriminator.batches import Order, balanced, batch_of
from rorem_demo.discriminator.compact import CompactNetwork, Compared
from rorem_demo.discriminator.hole import MEASURES, Scene, measures
from rorem_demo.discriminator.network import NETWORKS
from rorem_demo.discriminator.novelty import NOVELTIES, novelties
from rorem_demo.discriminator.variations import varied
from rorem_demo.discriminator.windows import WIDE, Arrays, windows
from rorem_demo.errors import InputError
from rorem_demo.runtime.weights import Weights
from tests.discriminator.scenes import triple


@pytest.fixture(scope="module")
def network() -> CompactNetwork:
    torch.manual_seed(0)
    return CompactNetwork().eval()


def seen(kind: str, seed: int = 0) -> Arrays:
    return windows(*triple(np.random.default_rng(seed), kind))


def logits(network: CompactNetwork, *rows: Arrays) -> Tensor:
    with torch.inference_mode():
        return network(batch_of(rows))


def measured(rows: Mapping[str, Tensor]) -> np.ndarray:
    scene = Scene.of(rows["wide"][:, None])
    return measures(scene.evened(scene.level())).numpy()


def novel(rows: Mapping[str, Tensor]) -> np.ndarray:
    scene = Scene.of(rows["wide"][:, None])
    return novelties(scene.evened(scene.level())).numpy()


def test_it_is_small_enough_to_ship(network: CompactNetwork) -> None:
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters < 5e6
    assert parameters * 4 < 10e6


def test_the_table_loads_it() -> None:
    assert isinstance(NETWORKS.load("compact", Weights()), CompactNetwork)


def test_a_row_scores_the_same_alone_and_among_others(network: CompactNetwork) -> None:
    rows = [seen("good", seed) for seed in range(5)]
    together = logits(network, *rows)
    alone = torch.cat([logits(network, row) for row in rows])
    assert torch.allclose(together, alone, atol=1e-5)
    assert together.std() > 1e-4


def test_brightness_and_contrast_of_the_photo_do_not_matter(network: CompactNetwork) -> None:
    source, mask, result = triple(np.random.default_rng(1), "good")
    source, result = ((picture // 2 + 60).astype(np.uint8) for picture in (source, result))  # no grey level is cut off
    darker = [np.rint(picture * 0.8 - 10).astype(np.uint8) for picture in (source, result)]
    rows = windows(source, mask, result), windows(darker[0], mask, darker[1])
    one, other = logits(network, *rows).tolist()
    strange = logits(network, windows(source, mask, source)).item()
    assert abs(one - other) < 0.25 * abs(one - strange)


def test_black_photos_and_whole_masks_give_numbers(network: CompactNetwork) -> None:
    black = np.zeros((90, 120, 3), np.uint8)
    whole, dot = np.ones((90, 120), bool), np.zeros((90, 120), bool)
    dot[4, 4] = True
    rows = [windows(black, whole, black), windows(black, dot, 255 - black), windows(255 - black, whole, black)]
    assert torch.isfinite(logits(network, *rows)).all()


def test_gradients_of_black_photos_are_numbers() -> None:
    network = CompactNetwork()
    black = np.zeros((90, 120, 3), np.uint8)
    network(batch_of([windows(black, np.ones((90, 120), bool), black)])).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


def test_a_blurred_fill_measures_smoother_than_a_clean_one() -> None:
    good, blurred = (measured(batch_of([seen(kind, seed) for seed in range(8)])) for kind in ("good", "blur"))
    inside_beside_around = 9
    assert (blurred[:, inside_beside_around] < good[:, inside_beside_around] - 0.2).all()


def test_a_ghost_measures_like_what_was_there() -> None:
    good, ghost = (measured(batch_of([seen(kind, seed) for seed in range(8)])) for kind in ("good", "ghost"))
    assert (ghost[:, -1] > good[:, -1]).all()
    assert ghost[:, -1].mean() > 0.7


def test_there_are_as_many_measures_as_told() -> None:
    rows = batch_of([seen("good"), seen("new")])
    assert measured(rows).shape == (2, MEASURES)
    assert novel(rows).shape == (2, NOVELTIES)


def test_what_was_newly_drawn_stands_nowhere_around() -> None:
    good, new = (novel(batch_of([seen(kind, seed) for seed in range(8)])) for kind in ("good", "new"))
    assert (new[:, 0] > 2 * good[:, 0]).all()


def test_a_patch_of_the_surroundings_is_not_new() -> None:
    """Squares copied from around into the hole have a square that they equal."""
    source = np.random.default_rng(0).integers(0, 256, (WIDE, WIDE, 3), dtype=np.uint8)
    mask = np.zeros((WIDE, WIDE), bool)
    mask[48:80, 48:80] = True
    result = source.copy()
    result[48:80, 48:80] = source[8:40, 8:40]
    worst_before, worst = (novel(batch_of([windows(source, mask, each)]))[0, 8] for each in (source, result))
    assert worst < 1e-2 < worst_before


def test_a_place_is_compared_with_places_around_the_hole_only() -> None:
    torch.manual_seed(0)
    compared, features = Compared(8), torch.randn(1, 8, 4, 4)
    inside = torch.zeros(1, 1, 1, 4, 4)
    inside[..., 1:3, 1:3] = 1
    other = features.clone()
    other[..., 1, 1] += 5
    difference = (compared(features, inside) - compared(other, inside)).abs().amax(1)[0]
    assert difference[1, 1] > 1
    difference[1, 1] = 0
    assert difference.max() < 1e-4


def test_variations_change_source_and_result_alike() -> None:
    """Outside the mask they are equal before, and so they must be after, but for what an encoder spreads."""
    row = seen("blur")
    for seed in range(20):
        found = varied(row, np.random.default_rng(seed))
        assert all(found[name].shape == row[name].shape and found[name].dtype == row[name].dtype for name in row)
        for views in (found["wide"][None], found["near"]):
            known = np.stack([cv2.dilate(view[..., 6], np.ones((41, 41), np.uint8)) == 0 for view in views])
            assert np.mean(views[..., :3][known] != views[..., 3:6][known]) < 0.02


def test_variations_differ_and_repeat() -> None:
    row = seen("good")
    one, again, other = (varied(row, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], again[name]) for name in row)
    assert not np.array_equal(one["wide"], other["wide"])
    assert np.array_equal(row["wide"], seen("good")["wide"])


def test_a_varied_mask_still_covers_the_hole() -> None:
    row = seen("good")
    for seed in range(20):
        near = varied(row, np.random.default_rng(seed))["near"]
        assert (near[..., 6] > 0).sum() >= (row["near"][..., 6] > 0).sum()


def test_yes_and_no_weigh_the_same() -> None:
    labels, weights = np.array([1.0, 1, 1, 0]), np.array([1.0, 0.5, 1, 1])
    found = balanced(labels, weights)
    assert found.mean() == pytest.approx(1)
    assert found @ labels == pytest.approx(found @ (1 - labels))
    assert found[1] == pytest.approx(found[0] / 2)


@pytest.mark.parametrize("labels", [[], [1.0, 1.0], [0.0]])
def test_rows_of_one_kind_cannot_be_weighed(labels: list[float]) -> None:
    with pytest.raises(InputError):
        balanced(np.array(labels), np.ones(len(labels)))


def test_each_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    orders = [list(Order(50, seed=3, epoch=epoch)) for epoch in (0, 1, 0)]
    assert orders[0] == orders[2]
    assert [row for _, row in orders[0]] != [row for _, row in orders[1]]
    assert all(sorted(row for _, row in order) == list(range(50)) for order in orders)


@pytest.mark.slow
def test_it_learns_clean_from_bad_in_a_minute() -> None:
    """Rows it has not seen, of ways to fail that it has."""
    torch.manual_seed(0)
    network, chance = CompactNetwork(), np.random.default_rng(0)
    kinds = ("good", "ghost", "good", "blur", "good", "new", "good", "left")
    rows = [seen(kinds[number % 8], number) for number in range(96)]
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for step in range(48):
        chosen = chance.permutation(64)[:16]
        truth = torch.tensor([float(kinds[number % 8] == "good") for number in chosen])
        found = network(batch_of([varied(rows[number], chance) for number in chosen]))
        optimizer.param_groups[0]["lr"] = 2e-3 * (1 - step / 48)
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(found, truth).backward()
        optimizer.step()
    network.eval()
    said = logits(network, *rows[64:]).numpy()
    good = np.array([kinds[number % 8] == "good" for number in range(64, 96)])
    assert (said[good][:, None] > said[~good]).mean() > 0.9


@pytest.mark.slow
def test_a_score_takes_less_than_fifty_milliseconds(network: CompactNetwork) -> None:
    """Of the processor, so that others at work beside do not count."""
    source, mask, result = (cv2.resize(np.uint8(x), (1024, 768)) for x in triple(np.random.default_rng(0), "good"))
    times = []
    for _ in range(9):
        started = time.thread_time()
        logits(network, windows(source, mask > 0, result))
        times.append(time.thread_time() - started)
    assert sorted(times)[4] < 0.05
