"""Comparing: ready cases and lossless pictures over HTTP, live lineups, files to keep, hostile values."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Mount, Route
from starlette.testclient import TestClient

from rorem_demo.discriminator.score import Likely
from rorem_demo.errors import InputError
from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.io import Photo
from rorem_demo.imaging.types import Box, Image, Size
from rorem_demo.removers.base import LIMITS
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.compare import PAGE, Compare
from rorem_demo.ui.compare_facts import timed
from rorem_demo.ui.compare_live import compared
from rorem_demo.ui.compare_values import SHOWN, BenchView, parse_box, parse_comparison, parse_ids, shown_box, to_props
from rorem_demo.ui.http import refusing
from rorem_demo.ui.tabs.compare import _page
from rorem_demo.visits import OpenedPhoto, Result
from tests.comparison.case_sets import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, made_set, pictures
from tests.doubles import CATALOGUE

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
DRAWING = {"grid": 1, "invert": False, "entries": [{"kind": "lasso", "grow": 0, "shapes": []}]}


def box_drawing(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    points = encode_points(np.array([[left, top], [right, bottom]]))
    shape = {"tool": "box", "points": points}
    return {"grid": 1, "invert": False, "entries": [{"kind": "rectangle", "grow": 0, "shapes": [shape]}]}


def http_of(services: Services) -> TestClient:
    routes = [Route(path, refusing(handler), methods=[verb]) for verb, path, handler in Compare(services).table()]
    return TestClient(Starlette(routes=[Mount("/rorem", routes=routes)]), raise_server_exceptions=False)


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_set(tmp_path_factory.mktemp("cases"), 3)


@pytest.fixture
def services(tmp_path: Path, cases: Path) -> Services:
    return Services.assemble(Settings(data=tmp_path, cases=cases, discriminator="none"), CATALOGUE)


@pytest.fixture
def http(services: Services) -> TestClient:
    return http_of(services)


def opened(services: Services, image: Image) -> str:
    photo = Photo(image=image, format="PNG", icc=None, name="garden", notes=())
    return services.visits.keep(OpenedPhoto(photo))[0]


@pytest.fixture
def photo(services: Services) -> str:
    return opened(services, np.random.default_rng(1).integers(90, 120, (90, 120, 3), dtype=np.uint8))


def value(photo: str, *methods: str, **more: Any) -> str:
    return json.dumps(
        {"photo": photo, "run": 3, "drawing": box_drawing(40, 30, 60, 50), "methods": methods, **more}
    )  # fmt: skip


def last(views: Iterator[BenchView]) -> BenchView:
    *_, end = views
    return end


def decoded(answer: Any, status: int = 200) -> Image:
    assert answer.status_code == status, answer.text
    with PIL.Image.open(BytesIO(answer.content)) as picture:
        return np.array(picture.convert("RGB"))


# --- ready cases


def test_ready_cases_are_listed(http: TestClient) -> None:
    told = http.get("/rorem/compare/cases").json()
    assert [case["id"] for case in told["cases"]] == ["case-0", "case-1", "case-2"]
    assert told["total"] == 3
    assert http.get("/rorem/compare/cases?from=2").json()["cases"] == told["cases"][2:]
    assert http.get("/rorem/compare/cases?from=99").json()["cases"] == []


def test_many_ready_cases_are_told_a_page_at_a_time(services: Services) -> None:
    found = services.cases
    many = {f"case-{number}": replace(found.cases["case-0"], id=f"case-{number}") for number in range(60)}
    services.__dict__["cases"] = replace(found, cases=many)
    told = http_of(services).get("/rorem/compare/cases?from=48").json()
    assert len(http_of(services).get("/rorem/compare/cases").json()["cases"]) == PAGE
    assert (len(told["cases"]), told["total"]) == (12, 60)


def test_without_ready_cases_there_are_none_and_nothing_fails(tmp_path: Path) -> None:
    services = Services.assemble(Settings(data=tmp_path, cases=None))
    assert http_of(services).get("/rorem/compare/cases").json() == {"cases": [], "total": 0}


def test_a_case_is_the_original_every_result_and_the_truth(http: TestClient) -> None:
    told = http.get("/rorem/compare/cases/case-1").json()
    assert [tile["tile"] for tile in told["tiles"]] == ["-original", "grey", "white", "-truth"]
    assert [tile["title"] for tile in told["tiles"]] == ["Original", "Grey", "Grey", "Truth"]
    assert told["size"] == [WIDTH, HEIGHT]
    assert told["case"] == "case-1"
    assert told["ended"]
    facts = told["tiles"][1]["facts"]
    assert facts == ["0.25 s on the CPU", "likely clean: 75%", "0 pixels changed outside", "CC0-1.0"]
    assert all(tile["state"] == "done" for tile in told["tiles"])


def test_every_picture_of_a_case_is_what_its_files_hold_to_the_last_bit(http: TestClient) -> None:
    told = http.get("/rorem/compare/cases/case-1").json()
    source, mask, truth = pictures(1)
    hole = mask[..., None]
    expected = {"-truth": truth, "grey": np.where(hole, 128, source), "white": np.where(hole, 255, source)}
    left, top, right, bottom = told["box"]
    base = source.copy()
    assert np.array_equal(decoded(http.get(f"/rorem/{told['picture']}")), base[top:bottom, left:right])
    for tile in told["tiles"][1:]:
        own = Box(*tile["box"])
        assert left <= own.left
        assert own.right <= right
        result = source.copy()
        result[own.slices] = decoded(http.get(f"/rorem/{tile['picture']}"))
        assert np.array_equal(result, expected[tile["tile"]])


def test_a_result_is_sent_as_what_it_changes(http: TestClient) -> None:
    told = http.get("/rorem/compare/cases/case-1").json()
    assert told["tiles"][1]["box"] == [LEFT - 4, TOP - 4, RIGHT + 4, BOTTOM + 4]


def test_a_case_has_a_view_and_a_thumb(http: TestClient) -> None:
    told = http.get("/rorem/compare/cases/case-1").json()
    for address in (told["view"], "compare/cases/case-1/thumb"):
        answer = http.get(f"/rorem/{address}")
        assert decoded(answer).shape == (HEIGHT, WIDTH, 3)
        assert answer.headers["content-type"] == "image/jpeg"


def test_a_damaged_picture_is_a_sentence_and_the_others_are_still_shown(tmp_path: Path) -> None:
    folder = made_set(tmp_path, 1)
    file = folder / "case-0" / "grey.png"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 255
    services = Services.assemble(Settings(data=tmp_path, cases=folder, discriminator="none"), CATALOGUE)
    http = http_of(services)
    told = http.get("/rorem/compare/cases/case-0").json()
    file.write_bytes(data)
    grey, white = (http.get(f"/rorem/{tile['picture']}") for tile in told["tiles"][1:3])
    assert grey.status_code == 422
    assert "damaged" in grey.json()["sentence"]
    assert str(folder) not in grey.text
    assert white.status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "cases?from=-1", "cases?from=x", "cases?from=99999999999999999999", "cases?from=²", "cases/nobody",
        "cases/case-0/results/nobody?box=0,0,1,1", "cases/case-0/part", "cases/case-0/part?box=0,0,0,0",
        "cases/case-0/part?box=0,0,57,40", "cases/case-0/part?box=-1,0,3,3", "cases/case-0/part?box=1,1,2",
        "cases/case-0/part?box=1e3,0,2,2", "cases/case-0/part?box=0,0,9999999999,2", "photos/nobody/view",
        "photos/nobody/part?box=0,0,1,1", "file", "file?as=exe&case=case-0", "file?as=png&case=nobody", "file?as=png",
        "file?as=png&results=", "file?as=md&results=nobody", "file?as=png&results=" + ",".join(map(str, range(40))),
        "file?as=png&results=" + "x" * 5000,
    ],
)  # fmt: skip
def test_what_there_is_not_is_one_sentence(http: TestClient, path: str) -> None:
    answer = http.get(f"/rorem/compare/{path}")
    assert answer.status_code == 422
    assert answer.json()["sentence"].endswith(".")


# --- live


def test_methods_run_one_after_the_other_and_one_that_fails_spoils_none(services: Services, photo: str) -> None:
    views = list(compared(services, value(photo, "telea", "broken", "navier-stokes")))
    states = [[tile.state for tile in view.tiles] for view in views]
    assert states[0] == ["done", "waiting", "waiting", "waiting"]
    assert states[-1] == ["done", "done", "done", "failed"]
    assert ["done", "done", "working", "waiting"] in states
    assert views[-1].ended
    assert not views[-1].trouble
    assert [view.ended for view in views[:-1]] == [False] * (len(views) - 1)
    assert views[-1].tiles[3].sentence == "Broken failed on this photo. Try another method."


def test_tiles_stand_in_the_catalogues_order_however_they_are_asked_for(services: Services, photo: str) -> None:
    end = last(compared(services, value(photo, "navier-stokes", "telea")))
    assert [tile.tile for tile in end.tiles] == ["-original", "telea", "navier-stokes"]


def test_all_methods_get_the_same_seed_grow_and_feather(services: Services, photo: str) -> None:
    end = last(compared(services, value(photo, "telea", "navier-stokes", seed=11, grow=3, feather=2)))
    results = [services.visits.get(tile.result, Result) for tile in end.tiles[1:]]
    assert [(one.removal.options.seed, one.removal.options.grow, one.removal.options.feather) for one in results] == [
        (11, 3, 2)
    ] * 2
    assert all(one.source == photo and one.made_by == ("rectangle",) for one in results)


def test_a_live_picture_is_the_result_to_the_last_bit_and_nothing_differs_outside_it(
    services: Services, http: TestClient, photo: str
) -> None:
    end = last(compared(services, value(photo, "telea")))
    tile = end.tiles[1]
    assert end.box
    assert tile.box == end.box
    source, result = services.photo(photo).image, services.photo(tile.result).image
    assert np.array_equal(decoded(http.get(f"/rorem/{tile.picture}")), result[end.box.slices])
    assert np.array_equal(decoded(http.get(f"/rorem/{end.picture}")), source[end.box.slices])
    outside = np.ones(source.shape[:2], np.bool_)
    outside[end.box.slices] = False
    assert np.array_equal(source[outside], result[outside])
    assert not np.array_equal(source, result)
    assert decoded(http.get(f"/rorem/{end.view}")).shape == source.shape


def test_a_large_photo_is_sent_small_and_still_differs_nowhere_outside_its_box(services: Services) -> None:
    image = np.random.default_rng(2).integers(0, 255, (1500, 3001, 3), dtype=np.uint8)
    key = opened(services, image)
    drawing = box_drawing(700, 500, 801, 603)
    asked = json.dumps({"photo": key, "run": 0, "drawing": drawing, "methods": ["telea"], "grow": 5})
    end = last(compared(services, asked))
    assert end.size == Size(2048, 1024)
    assert end.box
    result = services.photo(end.tiles[1].result).image
    fit = SHOWN.fit(Size(3001, 1500))
    differs = (fit.image(image) != fit.image(result)).any(axis=2)
    differs[end.box.slices] = False
    assert not differs.any()
    assert end.box.size.width < 100
    assert decoded(http_of(services).get(f"/rorem/{end.tiles[1].picture}")).shape[1] == end.box.size.width


def test_the_judges_words_come_after_the_picture(services: Services, photo: str) -> None:
    class Judge:
        def begin(self) -> None:
            pass

        def likely(self, *_: object) -> Likely:
            return Likely(0.83, "stub-1")

    views = list(compared(replace(services, discriminator=Judge()), value(photo, "telea")))  # type: ignore[arg-type]
    facts = [view.tiles[1].facts for view in views if view.tiles and view.tiles[1].state == "done"]
    assert not any("likely" in fact for fact in facts[0])
    assert "likely clean: 83%" in facts[-1]
    assert "0 pixels changed outside" in facts[-1]


def test_a_study_is_a_grid_of_sizes_and_edges(services: Services, photo: str) -> None:
    end = last(compared(services, value(photo, "telea", study=True, seed=4)))
    assert [tile.state for tile in end.tiles] == ["done", "done", "none", *["done"] * 6]
    assert end.columns == 2
    assert "no ring" in end.tiles[2].sentence
    assert len({tile.result for tile in end.tiles if tile.result}) == 7
    assert {tile.box for tile in end.tiles[3:]} == {end.box}


def test_a_photo_that_is_gone_and_a_mask_that_is_empty_are_told(services: Services, photo: str) -> None:
    assert last(compared(services, value("nobody", "telea"))).trouble == (
        "This photo is no longer on the server. Open it again."
    )
    empty = last(compared(services, json.dumps(json.loads(value(photo, "telea")) | {"drawing": DRAWING})))
    assert "Nothing is marked" in empty.trouble
    assert empty.run == 3
    assert empty.ended


def test_a_method_that_cannot_run_here_says_what_it_needs_in_its_tile(services: Services, photo: str) -> None:
    end = last(compared(services, value(photo, "telea", "absent")))
    assert [tile.state for tile in end.tiles] == ["done", "done", "failed"]
    assert "5.1 GB" in end.tiles[2].sentence


def test_an_unknown_method_is_refused(services: Services, photo: str) -> None:
    assert "unknown" in last(compared(services, value(photo, "telea", "magic"))).trouble
    assert last(compared(services, value(photo, "magic", study=True))).trouble


def test_closing_stops_the_method_at_work(services: Services, photo: str) -> None:
    views = compared(services, value(photo, "slow"))
    for view in views:
        if view.tiles[1].fraction > 0:
            break
    views.close()  # type: ignore[attr-defined]  # it is a generator
    with services.models.use("slow") as model:  # it was given back
        assert model


def test_a_fault_nobody_thought_of_is_a_sentence(
    services: Services, photo: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def begin(self) -> None:
            raise RuntimeError("secret detail")

    end = last(compared(replace(services, discriminator=Broken()), value(photo, "telea")))  # type: ignore[arg-type]
    assert end.trouble == "Something failed on the server. Try again."
    assert "secret detail" in caplog.text


# --- files


def test_a_case_is_given_as_contact_sheet_and_tables(http: TestClient) -> None:
    sheet = http.get("/rorem/compare/file?as=png&case=case-0")
    assert decoded(sheet).shape[0] > HEIGHT
    assert "compare-case-0.png" in sheet.headers["content-disposition"]
    table = http.get("/rorem/compare/file?as=md&case=case-0").text
    assert table.count("\n| Grey | 0.25 | cpu | CC0-1.0 | likely clean: 75% | ") == 2
    assert "case-0" in table.splitlines()[0]
    latex = http.get("/rorem/compare/file?as=tex&case=case-0").text
    assert r"\begin{tabular}" in latex
    assert latex.count("Grey & 0.25") == 2


def test_a_case_without_a_truth_has_no_figure_for_it(tmp_path: Path) -> None:
    services = Services.assemble(Settings(data=tmp_path, cases=made_set(tmp_path, 1, truths=False)), CATALOGUE)
    http = http_of(services)
    assert http.get("/rorem/compare/file?as=md&case=case-0").text.count("| n/a |\n") == 2
    assert [tile["tile"] for tile in http.get("/rorem/compare/cases/case-0").json()["tiles"]][-1] == "white"
    assert http.get("/rorem/compare/cases/case-0/truth?box=0,0,1,1").status_code == 422


def test_live_results_are_given_as_files(services: Services, http: TestClient, photo: str) -> None:
    end = last(compared(services, value(photo, "telea", "navier-stokes")))
    ids = ",".join(tile.result for tile in end.tiles if tile.result)
    assert decoded(http.get(f"/rorem/compare/file?as=png&results={ids}")).size
    lines = http.get(f"/rorem/compare/file?as=md&results={ids}").text.splitlines()
    assert [line.split(" | ")[0] for line in lines[4:]] == ["| Telea", "| Navier-Stokes"]


def test_a_studys_results_are_named_by_size_and_edge(services: Services, http: TestClient, photo: str) -> None:
    end = last(compared(services, value(photo, "telea", study=True)))
    ids = ",".join(tile.result for tile in end.tiles if tile.result)
    table = http.get(f"/rorem/compare/file?as=md&results={ids}").text
    assert "| Telea, not grown, hard |" in table
    assert "| Telea, grown by 32 px, soft over 16 px |" in table


def test_results_of_two_photos_are_no_comparison(services: Services, http: TestClient, photo: str) -> None:
    other = opened(services, np.full((90, 120, 3), 77, np.uint8))
    ids = [last(compared(services, value(key, "telea"))).tiles[1].result for key in (photo, other)]
    assert "different photos" in http.get(f"/rorem/compare/file?as=png&results={','.join(ids)}").text


def test_a_photo_is_no_result(http: TestClient, photo: str) -> None:
    assert http.get(f"/rorem/compare/file?as=png&results={photo}").status_code == 422


# --- the border


@pytest.mark.parametrize(
    "change",
    [
        {"photo": 5}, {"photo": "x" * 65}, {"photo": None}, {"run": "1"}, {"run": -1}, {"run": True}, {"run": 2**60},
        {"drawing": None}, {"drawing": []}, {"methods": "telea"}, {"methods": []}, {"methods": [1]}, {"methods": None},
        {"methods": ["telea"] * 17}, {"study": "yes"}, {"seed": "1"}, {"seed": True}, {"seed": 1.5}, {"seed": -1},
        {"seed": float("nan")}, {"grow": 201}, {"grow": float("inf")}, {"feather": [1]}, {"feather": -3},
    ],
)  # fmt: skip
def test_a_hostile_value_is_an_input_error(change: dict[str, Any]) -> None:
    told = json.loads(value("photo", "telea")) | change
    with pytest.raises(InputError):
        parse_comparison(json.dumps(told))


@given(ANY_JSON)
def test_any_json_is_read_or_refused(told: object) -> None:
    for text in (json.dumps(told), json.dumps(json.loads(value("photo", "telea")) | {"methods": told, "seed": told})):
        with suppress(InputError):
            assert parse_comparison(text).methods


def test_a_method_named_twice_is_one() -> None:
    assert parse_comparison(value("photo", "telea", "telea")).methods == ("telea",)


@given(st.integers(1, 9000), st.integers(1, 9000), st.data())
def test_a_shown_box_holds_all_of_its_box_and_lies_on_the_picture(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    box = Box(left, top, data.draw(st.integers(left + 1, width)), data.draw(st.integers(top + 1, height)))
    size = Size(width, height)
    shown = SHOWN.fit(size).scaled
    found = shown_box(box, size)
    assert 0 <= found.left <= left * shown.width / width
    assert box.right * shown.width / width <= found.right <= shown.width
    assert 0 <= found.top <= top * shown.height / height
    assert box.bottom * shown.height / height <= found.bottom <= shown.height
    assert parse_box(",".join(map(str, found)), shown) == found


@given(st.text())
def test_any_text_is_a_box_or_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_box(text, Size(1, 1))


def test_ids_are_told_apart_by_commas() -> None:
    assert parse_ids("a,b,,a") == ("a", "b")


# --- the page


def test_the_page_shows_every_method_and_what_would_bring_the_missing_ones(services: Services) -> None:
    page = _page(services)
    assert 'value="telea" checked' in page
    assert 'value="rorem"' not in page
    for spec in CATALOGUE:
        assert f">{spec.title}<" in page.replace("</i>", ">").replace("</label>", "<")
    assert "python -m rorem_demo weights rorem</code>" in page
    assert f'name="grow" step="1" min="0" max="{LIMITS["grow"][1]:.0f}"' in page
    assert "@" not in page.replace("arxiv", "")


def test_the_papers_tables_stand_on_the_page_under_its_name(services: Services) -> None:
    page = _page(services)
    assert page.count("the paper's, not measured here") == 2
    assert "<td>76.2</td><td>74.6</td><td>31.10</td><td>2.86</td>" in page
    assert "<td>67.4</td><td>68.2</td>" in page
    assert "8ef80c1" in page
    assert "9394761" in page


def test_updates_are_plain_json_and_each_has_its_number() -> None:
    one, two = to_props(BenchView(run=1, size=Size(3, 4))), to_props(BenchView(run=1, size=Size(3, 4)))
    assert one["number"] != two["number"]
    assert json.loads(json.dumps(one))["size"] == [3, 4]


@pytest.mark.parametrize(
    ("seconds", "device", "words"),
    [(1.24, "cpu", "1.2 s on the CPU"), (0.034, "gpu", "0.03 s on the GPU"), (None, "cpu", "on the CPU"),
     (2.0, "", "2.0 s"), (None, "", ""), (3.0, "A100", "3.0 s on A100")],
)  # fmt: skip
def test_time_and_device_are_said_as_far_as_they_are_known(seconds: float | None, device: str, words: str) -> None:
    assert timed(seconds, device) == words
