"""A report says everything three times: to programs, to readers, in pictures; and reads back as it was."""

from __future__ import annotations

import io
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import PIL.Image
import pytest

from rorem_demo.discriminator.evaluate import Settings, evaluate
from rorem_demo.discriminator.figures import Evaluation
from rorem_demo.discriminator.markdown import markdown
from rorem_demo.discriminator.report import Report, from_json, to_json, write_report
from rorem_demo.errors import InputError
from tests.discriminator.judged import PROBES, evaluated, judged, lineage, reported

pytestmark = pytest.mark.slow


def empty() -> Evaluation:
    return evaluate(judged(0), settings=Settings(draws=20))


@pytest.mark.parametrize("evaluation", [evaluated(), empty(), evaluate(judged(1), settings=Settings(draws=20))])
def test_json_brings_back_an_equal_report(evaluation: Evaluation) -> None:
    report = Report(lineage=lineage(), evaluation=evaluation, probes=PROBES)
    assert from_json(to_json(report)) == report


def test_json_is_plain_and_the_same_every_time() -> None:
    text = to_json(reported())
    assert text == to_json(reported())
    assert not re.search(r"\b(NaN|Infinity)\b", text)
    assert json.loads(text)["evaluation"]["test"]["scores"]["auroc"] == evaluated().test.scores.auroc


def test_what_is_no_report_is_refused() -> None:
    good = json.loads(to_json(reported()))
    lacking = {**good, "evaluation": {**good["evaluation"], "seed": None}}
    more = {**good, "surprise": 1}
    wrong = {**good, "probes": [{**good["probes"][0], "of": "neither"}]}
    for text in ("", "[]", "{}", "null", *map(json.dumps, (lacking, more, wrong))):
        with pytest.raises(InputError, match="no report"):
            from_json(text)
    with pytest.raises(InputError, match="schema 2"):
        from_json(json.dumps({**good, "schema": 2}))


def test_what_is_not_a_number_is_neither_written_nor_read() -> None:
    wrong = replace(PROBES[0], mean=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        to_json(replace(reported(), probes=(wrong,)))
    with pytest.raises(InputError):
        from_json(to_json(reported()).replace('"mean": -0.21', '"mean": NaN'))


def test_readers_find_every_method_goal_baseline_and_probe() -> None:
    text = markdown(evaluated(), PROBES, ["plots/roc.png"])
    for expected in ("lama", "rorem", "telea", "new", "majority per method", "always yes", "untouched", "blur 1.5 px"):
        assert expected in text
    assert "mean 2.9, largest 7.8" in text
    assert "![roc](plots/roc.png)" in text
    assert "simulated" in text


def test_a_table_has_as_many_cells_in_every_line() -> None:
    rows = judged(60)
    rows = type(rows)(**{**vars(rows), "method": ["a | b\n<b>", *rows.method.tolist()[1:]]})
    for block in re.findall(
        r"(?:^\|.*\n)+", markdown(evaluate(rows, settings=Settings(draws=20)), PROBES), re.MULTILINE
    ):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "<b>" not in markdown(evaluate(rows, settings=Settings(draws=20)))


def test_of_no_rows_it_shows_dashes_and_the_reason() -> None:
    text = markdown(empty())
    assert "| AUROC | - | - |" in text
    assert "there are no rows" in text
    assert "None" not in text
    assert "nan" not in text


def test_files_are_written_whole_with_pictures_that_open(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_report(tmp_path / "model", reported())
    names = sorted(path.relative_to(tmp_path / "model").as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert names == ["plots/rates.png", "plots/reliability.png", "plots/roc.png", "report.json", "report.md"]
    assert from_json((tmp_path / "model" / "report.json").read_bytes()) == reported()
    for name in names[:3]:
        with PIL.Image.open(tmp_path / "model" / name) as picture:
            assert min(picture.size) > 200


def test_plots_depend_on_the_figures_alone() -> None:
    pytest.importorskip("matplotlib")
    from rorem_demo.discriminator.plots import plots

    again = from_json(to_json(reported())).evaluation
    assert plots(evaluated()) == plots(again)
    assert plots(evaluated())["rates.png"] != plots(evaluated(300))["rates.png"]


def test_plots_of_no_rows_and_of_odd_names_are_drawn() -> None:
    pytest.importorskip("matplotlib")
    from rorem_demo.discriminator.plots import plots

    odd = judged(40, method=["_$x^{$"] * 40)
    for evaluation in (empty(), evaluate(odd, settings=Settings(draws=20))):
        for data in plots(evaluation).values():
            PIL.Image.open(io.BytesIO(data)).load()


def test_without_matplotlib_the_rest_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    monkeypatch.delitem(sys.modules, "rorem_demo.discriminator.plots", raising=False)
    write_report(tmp_path, reported())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.json", "report.md"]
    assert "Plots" not in (tmp_path / "report.md").read_text()
