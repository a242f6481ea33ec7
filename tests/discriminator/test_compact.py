"""compact: what it must not care about, that a row means the same alone and in a batch, and that it learns."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from rorem_demo.discriminator.batches import Order, balanced, batch_of
from rorem_demo.discriminator.compact import CompactNetwork, Usual
from rorem_demo.discriminator.network import NETWORKS
from rorem_demo.discriminator.windows import Arrays
from rorem_demo.errors import InputError
from rorem_demo.runtime.weights import Weights
from tests.discriminator.scenes import triple

KINDS = ("good", "ghost", "good", "blur", "good", "new", "good", "left")


def seen(network: CompactNetwork, kind: str, seed: int = 0) -> Arrays:
    return network.arrays(*triple(np.random.default_rng(seed), kind))


def logits(network: CompactNetwork, *rows: Arrays) -> Tensor:
    with torch.inference_mode():
        return network(batch_of(rows))


@pytest.fixture(scope="module")
def rows() -> list[Arrays]:
    return [seen(CompactNetwork(), KINDS[number % 8], number) for number in range(96)]


@pytest.fixture(scope="module")
def network(rows: list[Arrays]) -> CompactNetwork:
    """Trained for a second; half of its rows are clean."""
    torch.manual_seed(0)
    network, chance = CompactNetwork(), np.random.default_rng(0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3)
    for _ in range(60):
        chosen = chance.permutation(64)[:16]
        truth = torch.tensor([float(KINDS[number % 8] == "good") for number in chosen])
        found = network(batch_of([rows[number] for number in chosen]))
        optimizer.zero_grad()
        torch.nn.functional.binary_cross_entropy_with_logits(found, truth).backward()
        optimizer.step()
    return network.eval()


def test_it_learns_clean_from_bad_in_seconds(network: CompactNetwork, rows: list[Arrays]) -> None:
    """Rows it has not seen, of ways to fail that it has."""
    said = logits(network, *rows[64:]).numpy()
    good = np.array([KINDS[number % 8] == "good" for number in range(64, 96)])
    assert (said[good][:, None] > said[~good]).mean() > 0.9


def test_it_is_small_enough_to_ship(network: CompactNetwork) -> None:
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert parameters < 5e6
    assert parameters * 4 < 10e6


def test_the_table_loads_it() -> None:
    assert isinstance(NETWORKS.load("compact", Weights()), CompactNetwork)


def test_a_row_scores_the_same_alone_and_among_others(network: CompactNetwork, rows: list[Arrays]) -> None:
    together = logits(network, *rows[:5])
    alone = torch.cat([logits(network, row) for row in rows[:5]])
    assert torch.allclose(together, alone, atol=1e-4)
    assert together.std() > 1e-4


def test_brightness_and_contrast_of_the_photo_do_not_matter(network: CompactNetwork) -> None:
    source, mask, result = triple(np.random.default_rng(1), "good")
    source, result = ((picture // 2 + 60).astype(np.uint8) for picture in (source, result))  # no grey level is cut off
    darker = [np.rint(picture * 0.8 - 10).astype(np.uint8) for picture in (source, result)]
    rows = network.arrays(source, mask, result), network.arrays(darker[0], mask, darker[1])
    one, other = logits(network, *rows).tolist()
    strange = logits(network, network.arrays(source, mask, source)).item()
    assert abs(one - other) < 0.25 * abs(one - strange)


@pytest.mark.parametrize("trained", [False, True])
def test_black_photos_and_whole_masks_give_numbers(network: CompactNetwork, *, trained: bool) -> None:
    judge = network if trained else CompactNetwork().eval()
    black = np.zeros((90, 120, 3), np.uint8)
    whole, dot = np.ones((90, 120), bool), np.zeros((90, 120), bool)
    dot[4, 4] = True
    asked = [(black, whole, black), (black, dot, 255 - black), (255 - black, whole, black)]
    assert torch.isfinite(logits(judge, *(judge.arrays(*each) for each in asked))).all()


def test_one_row_alone_can_be_learned_from(rows: list[Arrays]) -> None:
    learning = CompactNetwork()
    learning(batch_of(rows[:1])).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in learning.parameters())


def test_what_is_usual_is_learned_from_all_rows_alike() -> None:
    numbers = torch.from_numpy(np.random.default_rng(0).normal(3, 2, (50, 4)).astype(np.float32))
    usual = Usual(4)
    for some in numbers.split([1, 7, 42]):
        usual(some)
    assert torch.allclose(usual.mean, numbers.mean(0), atol=1e-5)
    told = usual.eval()(numbers)
    assert told.mean().abs() < 1e-2
    assert told.std(0, correction=0) == pytest.approx(torch.ones(4), abs=0.02)
    assert usual.rows == 50


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
    assert orders[0] != orders[1]
    assert all(sorted(order) == list(range(50)) for order in orders)


@pytest.mark.slow
def test_a_score_takes_less_than_fifty_milliseconds(network: CompactNetwork, pace: float) -> None:
    """Of the processor, so that others at work beside do not count."""
    source, mask, result = (cv2.resize(np.uint8(x), (1024, 768)) for x in triple(np.random.default_rng(0), "good"))
    times = []
    for _ in range(9):
        started = time.thread_time()
        logits(network, network.arrays(source, mask > 0, result))
        times.append(time.thread_time() - started)
    assert sorted(times)[4] < 0.05 * pace
