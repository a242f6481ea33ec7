"""Photo routes: what a browser may ask over HTTP, and what it is told."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any
from urllib.parse import quote, urljoin
from zlib import crc32

import anyio
import httpx2 as httpx  # what starlette's TestClient answers with
import numpy as np
import PIL.Image
import pytest
from PIL import ImageCms, ImageDraw, ImageFilter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.testclient import TestClient

from rorem_demo.imaging.drawings import encode_points
from rorem_demo.imaging.types import Image
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.examples import EXAMPLES
from rorem_demo.ui.http import address_of
from rorem_demo.ui.routes import Routes
from rorem_demo.ui.values import LONGEST_VALUE
from rorem_demo.visits import Visits

SETTINGS = Settings(max_upload_mb=1, max_megapixels=1, memory_mb=4)
IMAGE: Image = np.random.default_rng(3).integers(0, 256, (60, 80, 3), dtype=np.uint8)
GONE = "This photo is no longer on the server. Open it again."
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
NOTHING: dict[str, Any] = {"grid": 1, "invert": False, "entries": []}


def file_of(image: Image, kind: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def pixels(data: bytes) -> Image:
    with PIL.Image.open(BytesIO(data)) as picture:
        return np.array(picture)


def drawing_of(*shapes: dict[str, Any]) -> dict[str, Any]:
    return {**NOTHING, "entries": [{"kind": "brush", "grow": 0, "shapes": list(shapes)}]}


def box(left: int, top: int, right: int, bottom: int) -> dict[str, Any]:
    return {"tool": "box", "points": encode_points([(left, top), (right, bottom)])}


PNG = file_of(IMAGE)


class Browser:
    """One visitor's page."""

    def __init__(self, services: Services) -> None:
        self.http = TestClient(Starlette(routes=Routes(services).all()), raise_server_exceptions=False)

    def open(self, data: bytes = PNG, **headers: str | bytes) -> dict[str, Any]:
        named = {
            f"x-{name}".encode(): value if isinstance(value, bytes) else quote(value).encode()
            for name, value in headers.items()
        }
        answer = self.http.post("/rorem/photos", content=data, headers=named)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def load_mask(self, photo: str, size: tuple[int, int] = (60, 80)) -> httpx.Response:
        mask = np.zeros((*size, 3), np.uint8)
        mask[10:20, 10:30] = 255
        return self.http.post(f"/rorem/photos/{photo}/masks", content=file_of(mask))

    def draw(self, photo: str, drawing: object, then: str = "mask") -> httpx.Response:
        return self.http.post(f"/rorem/photos/{photo}/{then}", content=json.dumps(drawing))


def refusal(answer: httpx.Response) -> str:
    """The one sentence (and its hint) of a 422 that tells nothing else."""
    assert answer.status_code == 422, answer.text
    assert answer.json().keys() == {"sentence"}
    sentence = str(answer.json()["sentence"])
    assert re.fullmatch(r"[A-Z][^\n]{5,200}\.", sentence)
    assert not re.search(r"Traceback|Error|File \"|\.py", sentence)
    return sentence


@pytest.fixture
def services() -> Services:
    return Services.assemble(SETTINGS)


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(services)


# --- open, view, download -----------------------------------------------------------------------------------------


def test_a_photo_is_opened_shown_and_downloaded_bit_identical(browser: Browser) -> None:
    photo = browser.open(name="lake.png")
    assert (photo["width"], photo["height"], photo["format"], photo["notes"]) == (80, 60, "PNG", [])
    view = browser.http.get(f"/rorem/photos/{photo['id']}/view")
    assert view.headers["content-type"] == "image/jpeg"
    assert pixels(view.content).shape == IMAGE.shape
    download = browser.http.get(f"/rorem/photos/{photo['id']}/download")
    assert download.headers["content-type"] == "image/png"
    assert (pixels(download.content) == IMAGE).all()


def test_a_jpeg_comes_back_as_jpeg_with_its_profile(browser: Browser) -> None:
    key = browser.open(file_of(IMAGE, "JPEG", quality=95, icc_profile=PROFILE))["id"]
    download = browser.http.get(f"/rorem/photos/{key}/download?format=original")
    assert download.headers["content-type"] == "image/jpeg"
    assert download.headers["content-disposition"].endswith("-removed.jpg")
    with PIL.Image.open(BytesIO(download.content)) as picture:
        assert (picture.format, picture.info["icc_profile"]) == ("JPEG", PROFILE)


@pytest.mark.parametrize("path", ["view", "download", "download?format=original", "download?format=../x"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_is_gone_and_the_profile_stays(browser: Browser, kind: str, path: str) -> None:
    exif = PIL.Image.Exif()
    exif[0x010E] = "secret description"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    key = browser.open(file_of(IMAGE, kind, exif=exif, icc_profile=PROFILE, xmp=b"secret packet"))["id"]
    data = browser.http.get(f"/rorem/photos/{key}/{path}").content
    assert b"secret" not in data
    with PIL.Image.open(BytesIO(data)) as picture:
        assert dict(picture.getexif()) == {}
        assert picture.info["icc_profile"] == PROFILE


def test_answers_are_for_this_visitor_alone(browser: Browser) -> None:
    photo = browser.open()["id"]
    mask = browser.load_mask(photo).json()["mask"]
    for path in (f"photos/{photo}/view", f"photos/{photo}/download", f"masks/{mask}"):
        headers = browser.http.get(f"/rorem/{path}").headers
        assert headers["cache-control"].startswith("private")
        assert headers["x-content-type-options"] == "nosniff"


NAMES = [
    "Füße 写真.png",
    'a"; filename="b.exe',
    "a\r\nX-Evil: 1.png",
    "../../etc/passwd",
    "C:\\x.png",
    "\0",
    "",
    "x" * 999,
]


@pytest.mark.parametrize("name", [*NAMES, b"\xff\xfe.png", b"%ff%zz%"])
def test_any_name_gives_a_safe_download_header(browser: Browser, name: str | bytes) -> None:
    key = browser.open(name=name)["id"]
    headers = browser.http.get(f"/rorem/photos/{key}/download").headers
    assert re.fullmatch(r"attachment; filename\*=UTF-8''[\w-][\w.-]{0,99}-removed\.png", headers["content-disposition"])
    assert "x-evil" not in headers


# --- what is refused ----------------------------------------------------------------------------------------------


def bomb() -> bytes:
    """A header that promises 100 megapixels, in a file of a few bytes."""
    data = bytearray(file_of(IMAGE[:1, :1]))
    data[16:24] = (10_000).to_bytes(4) * 2
    data[29:33] = crc32(data[12:29]).to_bytes(4)
    return bytes(data)


BAD_FILES = {
    "empty": (b"", "empty"),
    "text": (b"hello " * 100, "not a photo"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    "cut": (file_of(IMAGE, "JPEG")[:900], "damaged"),
    "cut-png": (PNG[: len(PNG) // 2], "damaged"),
    "bomb": (bomb(), "100 megapixels"),
    "too-many-pixels": (file_of(np.zeros((1001, 1000, 3), np.uint8)), "megapixels"),
}


@pytest.mark.parametrize(("data", "words"), BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_refused_in_a_sentence(browser: Browser, data: bytes, words: str) -> None:
    assert re.search(words, refusal(browser.http.post("/rorem/photos", content=data)))
    mask = browser.http.post(f"/rorem/photos/{browser.open()['id']}/masks", content=data)
    assert re.search(words, refusal(mask))


def test_a_large_upload_is_refused_while_it_arrives(services: Services) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 2**16
            yield bytes(2**16)

    async def upload() -> httpx.Response:
        transport = httpx.ASGITransport(Starlette(routes=Routes(services).all()))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.post("/rorem/photos", content=endless())

    assert refusal(anyio.run(upload)) == "The file is larger than 1 MB. Open a smaller one."
    assert sent <= 2**20 + 2 * 2**16


PATHS = [
    ("GET", "photos/{}/view"),
    ("GET", "photos/{}/download"),
    ("GET", "photos/{}/download?format=original"),
    ("POST", "photos/{}/masks"),
    ("GET", "masks/{}"),
    ("POST", "photos/{}/mask"),
    ("POST", "photos/{}/survey"),
]
everywhere = pytest.mark.parametrize(("verb", "path"), PATHS, ids=[path for _, path in PATHS])


def ask(browser: Browser, verb: str, path: str, key: str) -> httpx.Response:
    """The request the page would make: a mask file where one belongs, else a drawing."""
    body = PNG if path.endswith("masks") else json.dumps(NOTHING).encode()
    return browser.http.request(verb, f"/rorem/{path.format(key)}", content=body if verb == "POST" else None)


@everywhere
@pytest.mark.parametrize("key", ["unknown", "%00", "a" * 5000, "é"])
def test_an_unknown_id_is_refused(browser: Browser, verb: str, path: str, key: str) -> None:
    assert refusal(ask(browser, verb, path, key)) == GONE


@everywhere
def test_an_id_of_another_kind_is_refused(browser: Browser, verb: str, path: str) -> None:
    photo = browser.open()["id"]
    mask = browser.load_mask(photo).json()["mask"]
    assert refusal(ask(browser, verb, path, photo if path.startswith("masks") else mask)) == GONE


@everywhere
def test_a_stale_id_is_refused(services: Services, verb: str, path: str) -> None:
    now = [0.0]
    browser = Browser(replace(services, visits=Visits(2**20, 60, clock=lambda: now[0])))
    photo = browser.open()["id"]
    mask = browser.load_mask(photo).json()["mask"]
    now[0] = 61
    assert refusal(ask(browser, verb, path, mask if path.startswith("masks") else photo)) == GONE


@pytest.mark.parametrize("name", ["nothing.jpg", "README.md", "..%2Fapp.py", "..%2F..%2Fetc%2Fpasswd", "..", "%2e%2e"])
def test_only_our_own_examples_open(browser: Browser, name: str) -> None:
    answer = browser.http.post(f"/rorem/examples/{name}")
    assert answer.status_code in {404, 405, 422}
    assert "id" not in answer.text


def test_an_unforeseen_failure_is_one_sentence_and_a_log_record(
    services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Visits):
        def get(self, key: str, kind: type[Any]) -> Any:
            raise ZeroDivisionError("secret")

    answer = Browser(replace(services, visits=Broken(1, 1))).http.get("/rorem/photos/abc/view")
    assert (answer.status_code, answer.json()) == (500, {"sentence": "Something failed on the server. Try again."})
    assert [record.exc_info is not None for record in caplog.records if record.name.startswith("rorem")] == [True]
    assert "abc" not in caplog.records[-1].getMessage()  # an id is a permission: none in the log


# --- masks and drawings -------------------------------------------------------------------------------------------


def test_a_mask_file_is_kept_and_shown(browser: Browser) -> None:
    mask = browser.load_mask(browser.open()["id"])
    assert mask.status_code == 201
    shown = browser.http.get(f"/rorem/masks/{mask.json()['mask']}")
    assert shown.headers["content-type"] == "image/png"
    assert pixels(shown.content).sum() == 10 * 20


def test_a_mask_file_of_another_size_is_refused(browser: Browser) -> None:
    answer = browser.load_mask(browser.open()["id"], size=(80, 60))
    assert refusal(answer) == "The mask file is 60x80 but the photo is 80x60. Use a mask of exactly the photo's size."


def test_a_drawing_comes_back_as_a_mask(browser: Browser) -> None:
    photo = browser.open(name="lake.jpg")["id"]
    loaded = browser.load_mask(photo).json()["mask"]
    answer = browser.draw(photo, drawing_of(box(40, 20, 50, 25), {"tool": "mask", "mask": loaded}))
    expected = np.zeros((60, 80), np.bool_)
    expected[20:25, 40:50] = expected[10:20, 10:30] = True
    assert (pixels(answer.content) == expected).all()
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''lake-mask.png"


def test_a_mask_of_another_photo_is_refused(browser: Browser) -> None:
    first, second = browser.open()["id"], browser.open()["id"]
    foreign = browser.load_mask(first).json()["mask"]
    answer = browser.draw(second, drawing_of({"tool": "mask", "mask": foreign}))
    assert refusal(answer) == "A mask of the selection is no longer here. Load the mask file again."


HOSTILE = {
    "not-json": "{",
    "null": "null",
    "nan": '{"grid": NaN, "invert": false, "entries": []}',
    "infinite-radius": json.dumps(drawing_of({"tool": "brush", "radius": float("inf"), "points": "AA"})),
    "nesting": "[" * 60_000,
    "nested-objects": '{"entries":' * 5000,
    "many-digits": '{"grid": ' + "1" * 5000 + "}",
    "far-away": json.dumps(drawing_of(box(0, 0, 10**6, 5))),
    "unknown-tool": json.dumps(drawing_of({"tool": "exec", "points": "AA"})),
    "unknown-mask": json.dumps(drawing_of({"tool": "mask", "mask": "../../etc/passwd"})),
    "not-utf-8": b"\xff\xfe{",
    "huge": " " * (LONGEST_VALUE + 1),
    "entries": json.dumps({**NOTHING, "entries": [{"kind": "brush", "grow": 0, "shapes": []}] * 201}),
}


@pytest.mark.parametrize("then", ["mask", "survey"])
@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_drawing_is_refused_in_a_sentence(browser: Browser, body: str | bytes, then: str) -> None:
    refusal(browser.http.post(f"/rorem/photos/{browser.open()['id']}/{then}", content=body))


def test_a_survey_counts_and_finds_no_shadow_where_none_is(browser: Browser) -> None:
    photo = browser.open(file_of(np.full((60, 80, 3), 180, np.uint8)))["id"]
    answer = browser.draw(photo, drawing_of(box(30, 20, 40, 30)), then="survey")
    told = answer.json()
    assert (told["marked"], told["shadow"]) == (100, [])
    assert told["seconds"].keys() == {"shift-map", "telea", "navier-stokes"}
    assert all(0 < seconds < 10 for seconds in told["seconds"].values())


@pytest.mark.parametrize(("invert", "marked"), [(False, 0), (True, 60 * 80)])
def test_a_survey_of_nothing_or_everything_looks_for_no_shadow(browser: Browser, invert: bool, marked: int) -> None:  # noqa: FBT001
    answer = browser.draw(browser.open()["id"], {**NOTHING, "invert": invert}, then="survey")
    told = answer.json()
    assert (told["marked"], told["shadow"], bool(told["seconds"])) == (marked, [], marked > 0)


def shadow_scene() -> Image:
    """A blue block on grainy sand, its shadow falling to the lower right."""
    shadow = PIL.Image.new("L", (360, 300))
    ImageDraw.Draw(shadow).polygon([(140, 160), (200, 160), (255, 205), (195, 208)], 255)
    light = 1 - 0.55 / 255 * np.asarray(shadow.filter(ImageFilter.GaussianBlur(2)), np.float64)[..., None]
    scene = (np.array([178, 160, 132]) + np.random.default_rng(0).normal(0, 6, (300, 360, 1))) * light
    scene[90:170, 140:200] = (40, 70, 160)
    return scene.astype(np.uint8)


def test_a_shadow_is_told_as_shapes_a_drawing_may_hold(browser: Browser) -> None:
    photo = browser.open(file_of(shadow_scene()))["id"]
    answer = browser.draw(photo, drawing_of(box(140, 90, 200, 170)), then="survey").json()
    assert (answer["marked"], bool(answer["shadow"])) == (60 * 80, True)
    added = pixels(browser.draw(photo, drawing_of(*answer["shadow"])).content)
    assert added[175:200, 195:225].mean() > 0.8
    assert added[:80].sum() == added[:, 300:].sum() == 0


# --- visits -------------------------------------------------------------------------------------------------------


def test_visits_begin_and_go_on(browser: Browser) -> None:
    first = browser.open()["visit"]
    assert browser.open(visit=first)["visit"] == first
    assert browser.http.post("/rorem/examples/coffee.jpg", headers={"x-visit": first}).json()["visit"] == first
    assert first not in {browser.open()["visit"], browser.open(visit="made up")["visit"]}


def test_two_visits_see_their_own_photos(browser: Browser) -> None:
    other = 255 - IMAGE
    photos = [browser.open(file_of(image))["id"] for image in (IMAGE, other)]
    downloads = [pixels(browser.http.get(f"/rorem/photos/{key}/download").content) for key in photos]
    assert [(got == sent).all() for got, sent in zip(downloads, (IMAGE, other), strict=True)] == [True, True]


def test_a_visitor_who_opens_many_photos_pushes_out_their_own(browser: Browser, services: Services) -> None:
    large = file_of(np.zeros((600, 600, 3), np.uint8))  # about a megabyte each, of four
    mine = browser.open()
    theirs = [browser.open(large)]
    theirs += [browser.open(large, visit=theirs[0]["visit"]) for _ in range(8)]
    statuses = [browser.http.get(f"/rorem/photos/{photo['id']}/view").status_code for photo in [mine, *theirs]]
    assert (statuses[0], statuses[1], statuses[-1]) == (200, 422, 200)
    assert services.visits.size_bytes <= SETTINGS.memory_mb * 2**20


# --- files of ours ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_opens_like_an_upload(browser: Browser, name: str) -> None:
    shown = browser.http.get(f"/rorem/examples/{name}")
    assert shown.headers["content-type"] == "image/jpeg"
    opened = browser.http.post(f"/rorem/examples/{name}")
    assert opened.status_code == 201
    assert pixels(shown.content).shape[1::-1] == (opened.json()["width"], opened.json()["height"])


def imports_from(browser: Browser, address: str, seen: set[str]) -> Iterator[httpx.Response]:
    """The module and all it imports, each once."""
    if address in seen:
        return
    seen.add(address)
    answer = browser.http.get(address)
    yield answer
    for found in re.findall(r"""(?:from|import)\s*\(?["'](\.{1,2}/[^"']+)""", answer.text):
        yield from imports_from(browser, urljoin(address, found), seen)


def test_every_script_the_stage_imports_is_served_as_javascript(browser: Browser) -> None:
    scripts = list(imports_from(browser, "/rorem/static/stage.js", set()))
    assert len(scripts) > 5
    assert {script.status_code for script in scripts} == {200}
    kinds = {script.headers["content-type"].partition(";")[0] for script in scripts}
    assert kinds <= {"text/javascript", "application/javascript"}  # gradio renames it when it is imported


OUTSIDE = [
    "..%2Froutes.py",
    "%2e%2e/routes.py",
    "..%5Croutes.py",
    "%2Fetc%2Fpasswd",
    "..%2Fstatic%2F..%2Fapp.py",
    "",
    "%00",
]


@pytest.mark.parametrize("folder", ["static", "examples"])
@pytest.mark.parametrize("path", OUTSIDE)
def test_nothing_outside_a_served_folder_is_served(browser: Browser, folder: str, path: str) -> None:
    answer = browser.http.get(f"/rorem/{folder}/{path}")
    assert answer.status_code in {404, 405}


# Where requests come from


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("9.9.9.9", "8.8.8.8", "9.9.9.9"),  # nobody is believed who reaches us directly
        ("10.16.3.80", "8.8.8.8", "8.8.8.8"),
        ("10.16.3.80", "1.1.1.1, 8.8.8.8, 10.0.0.1", "8.8.8.8"),  # the first may be forged
        ("10.16.3.80", "2606:4700::1111", "2606:4700::1111"),
        ("10.16.3.80", "unknown", "10.16.3.80"),
        ("10.16.3.80", "", "10.16.3.80"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_behind_a_proxy_the_last_public_address_counts(client: str, forwarded: str, expected: str) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    assert address_of(Request({"type": "http", "client": (client, 1), "headers": headers})) == expected
