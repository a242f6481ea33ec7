"""The paper's own numbers: as printed, and under its name."""

from __future__ import annotations

import pytest

from rorem_demo.comparison.paper import COLUMNS, LABEL, ROWS, SOURCE, TABLES, in_words, of_method
from rorem_demo.removers.catalog import REMOVERS


@pytest.mark.parametrize(
    ("size", "method", "figures"),
    [
        (512, "RORem", (76.2, 74.6, 31.10, 2.86, 0.77, 23.28, 4.03)),
        (512, "LaMa", (55.4, 48.6, 33.06, 2.99, 0.77, 22.77, 0.15)),
        (512, "CLIPAway", (32.4, 35.4, 28.69, 3.55, 0.75, 22.91, 4.95)),
        (1024, "RORem-4S", (67.4, 68.2, 35.02, 1.84, 0.77, 23.03, 0.83)),
        (1024, "PowerPaint", (46.8, 54.6, 33.34, 2.40, 0.77, 22.62, 5.61)),
    ],
)
def test_rows_are_those_of_the_figures(size: int, method: str, figures: tuple[float, ...]) -> None:
    (row,) = [row for row in TABLES[size] if row.method == method]
    assert row.figures == figures
    assert len(COLUMNS) == len(figures)


def test_both_tables_have_the_same_nine_methods() -> None:
    names = [[row.method for row in rows] for rows in TABLES.values()]
    assert names[0] == names[1]
    assert len(set(names[0])) == 9


def test_rates_are_whole_answers_of_five_hundred_photos() -> None:
    rates = [rate for rows in TABLES.values() for row in rows for rate in (row.people, row.estimate)]
    assert all(abs(5 * rate - round(5 * rate)) < 1e-9 for rate in rates)  # catches most slips of the pen


def test_the_estimate_is_as_far_from_people_as_was_counted_elsewhere() -> None:
    gaps = [abs(row.people - row.estimate) for rows in TABLES.values() for row in rows]
    assert sum(gaps) / len(gaps) == pytest.approx(2.9, abs=0.05)
    assert max(gaps) == pytest.approx(7.8)


def test_methods_that_have_a_row_are_rows_of_the_catalogue_and_of_the_paper() -> None:
    assert set(ROWS) <= {spec.key for spec in REMOVERS}
    assert all({512, 1024} == set(of_method(key)) for key in ROWS)


def test_a_tile_says_that_the_number_is_the_papers() -> None:
    assert in_words("rorem") == "paper: 76.2% by people at 512"
    assert in_words("shift-map") == in_words("nobody") == ""
    assert of_method("shift-map") == {}
    assert "2501.00740" in SOURCE
    assert "not measured here" in LABEL
