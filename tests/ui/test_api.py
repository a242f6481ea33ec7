"""The endpoints /remove and /select, called as strangers do: by gradio's client and as MCP tools, over a socket."""

import ast
import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import gradio as gr
import numpy as np
import PIL.Image
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, TextContent, Tool
from PIL import ImageCms

from rorem_demo.imaging.masks import grow
from rorem_demo.imaging.types import Image, Mask
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.services import Services
from rorem_demo.settings import Settings
from rorem_demo.ui.app import build
from tests.segmenter_doubles import SEGMENTERS
from tests.ui.serving import served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),  # gradio's queue, in its own thread
]
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
MASK: Mask = np.zeros((60, 80), np.bool_)
MASK[20:30, 30:50] = True


def noise(seed: int) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served(Services.assemble(Settings(max_megapixels=1), segmenters=SEGMENTERS)) as address:
        yield address


class Caller:
    """A program that uses the endpoint."""

    def __init__(self, address: str, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._client = Client(address, verbose=False, download_files=str(folder / "downloads"))

    def file(self, name: str, picture: np.ndarray[Any, Any], **options: Any) -> Path:
        path = self._folder / name
        PIL.Image.fromarray(picture).save(path, **options)
        return path

    def remove(self, photo: Path, mask: Path, *options: Any) -> tuple[Image, dict[str, Any]]:
        path, report = self._client.predict(handle_file(photo), handle_file(mask), *options, api_name="/remove")
        with PIL.Image.open(path) as picture:
            assert picture.format == "PNG"
            return np.array(picture), report

    def refusal(self, *arguments: Any) -> str:
        """The sentence, without a traceback or a path of the server."""
        with pytest.raises(AppError) as refused:
            self.remove(*arguments)
        sentence = str(refused.value)
        assert "\n" not in sentence
        assert not any(word in sentence for word in ("Traceback", "/tmp", ".py", "Exception"))
        return sentence


@pytest.fixture
def caller(address: str, tmp_path: Path) -> Caller:
    return Caller(address, tmp_path)


@pytest.fixture
def photo(caller: Caller) -> Path:
    return caller.file("photo.png", noise(1), icc_profile=PROFILE)


@pytest.fixture
def mask(caller: Caller) -> Path:
    return caller.file("mask.png", MASK)


# --- gradio's client ----------------------------------------------------------------------------------------------


def test_only_the_grown_mask_changes(caller: Caller, photo: Path, mask: Path) -> None:
    result, _ = caller.remove(photo, mask, "telea", 0, 3)
    outside = ~grow(MASK, 3)
    assert (result[outside] == noise(1)[outside]).all()
    assert (result[MASK] != noise(1)[MASK]).any(axis=1).mean() > 0.9


def test_the_report_says_how_it_went(caller: Caller, photo: Path, mask: Path) -> None:
    _, report = caller.remove(photo, mask, "telea", 0, 3)
    assert report.keys() == {"seconds", "method", "changed_outside", "notes", "box", "size"}
    assert (report["method"], report["changed_outside"], report["size"]) == ("telea", 0, [80, 60])
    assert 0 <= report["seconds"] < 30
    left, top, right, bottom = report["box"]
    seen = np.zeros_like(MASK)
    seen[top:bottom, left:right] = True
    assert (seen & ~grow(MASK, 3)).any()
    assert not (grow(MASK, 3) & ~seen).any()


def test_what_is_left_open_takes_the_methods_defaults(caller: Caller, photo: Path, mask: Path) -> None:
    assert caller.remove(photo, mask)[1]["method"] == "shift-map"
    assert (caller.remove(photo, mask, "telea", None, None)[0] == caller.remove(photo, mask, "telea", 0, 8)[0]).all()


def test_the_colour_profile_stays(address: str, tmp_path: Path, photo: Path, mask: Path) -> None:
    client = Client(address, verbose=False, download_files=str(tmp_path / "downloads"))
    path, _ = client.predict(handle_file(photo), handle_file(mask), "telea", api_name="/remove")
    with PIL.Image.open(path) as picture:
        assert picture.info["icc_profile"] == PROFILE


REFUSED = [
    (("none", 0, 3), "none"),
    (("telea", 7.5, 3), "seed is 7.5. Give a whole number."),
    (("telea", 0, 999), "999"),
    (("telea", -1, 3), "-1"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED, ids=str)
def test_a_bad_option_is_refused_in_a_sentence(
    caller: Caller, photo: Path, mask: Path, options: tuple[Any, ...], words: str
) -> None:
    assert words in caller.refusal(photo, mask, *options)


def test_a_bad_file_is_refused_in_a_sentence(caller: Caller, photo: Path, mask: Path, tmp_path: Path) -> None:
    (text := tmp_path / "text.png").write_text("hello")
    large = caller.file("large.png", np.zeros((1001, 1000, 3), np.uint8))
    other, empty = caller.file("other.png", MASK[:40]), caller.file("empty.png", np.zeros_like(MASK))
    assert "not a photo" in caller.refusal(text, mask)
    assert "not a photo" in caller.refusal(photo, text)
    assert "megapixels" in caller.refusal(large, mask)
    assert "The mask file is 80x40 but the photo is 80x60." in caller.refusal(photo, other)
    assert "Nothing is marked." in caller.refusal(photo, empty)


# --- select -------------------------------------------------------------------------------------------------------


def scene() -> Image:
    return np.where(MASK[..., None], (200, 40, 30), 40).astype(np.uint8)


def test_a_click_a_box_and_a_phrase_give_the_mask_that_remove_takes(address: str, caller: Caller) -> None:
    client, photo = Client(address, verbose=False), caller.file("scene.png", scene())
    for prompts in (
        ("35,25", "", ""),
        ("", "25,15,55,35", ""),
        ("", "", "the red square"),
        ("35,25 2,2 3,3,-", "", ""),
    ):
        path, report = client.predict(handle_file(photo), *prompts, "", api_name="/select")
        with PIL.Image.open(path) as picture:
            assert (np.asarray(picture.convert("L")) > 127).tolist() == MASK.tolist()
        assert report["objects"][0]["box"] == [30, 20, 50, 30]
    removed, _ = caller.remove(photo, Path(path), "telea", 0, 3)
    assert removed.max() < 60


SELECT_REFUSED = [
    (("", "", "", ""), "Nothing was pointed at."),
    (("here", "", "", ""), "is no click"),
    (("99,0", "", "", ""), "outside the photo"),
    (("1,1", "", "", "nothing"), "nothing"),
    (("", "", "zebra", ""), "Found no “zebra” in this photo."),
]


@pytest.mark.parametrize(("prompts", "words"), SELECT_REFUSED, ids=str)
def test_what_cannot_be_selected_is_refused_in_a_sentence(
    address: str, caller: Caller, prompts: tuple[str, ...], words: str
) -> None:
    photo = caller.file("scene.png", scene())
    with pytest.raises(AppError, match=words):
        Client(address, verbose=False).predict(handle_file(photo), *prompts, api_name="/select")


def test_the_mcp_tool_selects(address: str) -> None:
    answer = asyncio.run(call(address, "select", photo=data_address(scene()), clicks="35,25"))
    assert not answer.isError
    file, report = ast.literal_eval(text_of(answer))
    assert report["objects"][0]["box"] == [30, 20, 50, 30]
    with urlopen(file["url"], timeout=10) as data, PIL.Image.open(BytesIO(data.read())) as picture:
        assert (np.asarray(picture.convert("L")) > 127).tolist() == MASK.tolist()


def test_the_pages_own_events_are_out_of_reach(address: str) -> None:
    client = Client(address, verbose=False)
    assert list(client.view_api(return_format="dict", print_info=False)["named_endpoints"]) == ["/remove", "/select"]
    for name in ("/on_submit", "/follow"):
        with pytest.raises(ValueError, match="Cannot find a function"):
            client.predict("{}", "telea", api_name=name)


def test_callers_at_the_same_time_get_their_own_results(address: str, tmp_path: Path) -> None:
    def rounds(number: int) -> bool:
        caller = Caller(address, tmp_path / str(number))
        photo, mask = caller.file("photo.png", noise(number)), caller.file("mask.png", MASK)
        results = [caller.remove(photo, mask, "telea", 0, 3)[0] for _ in range(4)]
        outside = ~grow(MASK, 3)
        return all((result[outside] == noise(number)[outside]).all() for result in results)

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(rounds, (1, 2))) == [True, True]


def test_the_unforeseen_is_one_sentence_and_a_log_record(caplog: pytest.LogCaptureFixture) -> None:
    services = Services.assemble(Settings())

    async def make() -> gr.Blocks:
        return build(replace(services, models=None))  # type: ignore[arg-type]  # nothing can run

    (remove,) = [event.fn for event in asyncio.run(make()).fns.values() if event.api_name == "remove"]
    assert remove is not None
    files = [png(picture) for picture in (noise(1), MASK)]
    with pytest.raises(gr.Error, match=r"Something failed on the server\. Try again\."):
        list(remove(*files, "telea"))
    assert [record.name for record in caplog.records if record.exc_info] == ["rorem_demo.ui.api"]


# --- MCP ----------------------------------------------------------------------------------------------------------


def png(picture: np.ndarray[Any, Any]) -> bytes:
    file = BytesIO()
    PIL.Image.fromarray(picture).save(file, "PNG")
    return file.getvalue()


def data_address(picture: np.ndarray[Any, Any]) -> str:
    return f"data:image/png;base64,{base64.b64encode(png(picture)).decode()}"


@asynccontextmanager
async def session(address: str) -> AsyncIterator[ClientSession]:
    connected = streamable_http_client(f"{address}/gradio_api/mcp/")
    async with connected as (reading, writing, _), ClientSession(reading, writing) as opened:
        await opened.initialize()
        yield opened


async def tools(address: str) -> list[Tool]:
    async with session(address) as opened:
        return (await opened.list_tools()).tools


async def call(address: str, tool: str = "remove", **arguments: Any) -> CallToolResult:
    async with session(address) as opened:
        return await opened.call_tool(tool, arguments)


def text_of(answer: CallToolResult) -> str:
    (content,) = answer.content
    assert isinstance(content, TextContent)
    return content.text


def test_the_mcp_tool_is_described_by_the_docstring(address: str) -> None:
    tool, other = asyncio.run(tools(address))
    assert (tool.name, other.name) == ("remove", "select")
    assert str(other.description).startswith("Make the mask of an object by pointing at it;")
    assert other.inputSchema["required"] == ["photo"]
    assert str(tool.description).startswith("Remove what a mask marks from a photo, at full resolution;")
    assert "Returns: the result as a PNG, a report of seconds" in str(tool.description)
    properties = tool.inputSchema["properties"]
    assert properties["method"]["enum"] == [spec.key for spec in REMOVERS]
    assert all(described["description"] for described in properties.values())
    assert tool.inputSchema["required"] == ["photo", "mask"]


def test_the_mcp_tool_removes(address: str) -> None:
    pictures = {"photo": data_address(noise(4)), "mask": data_address(MASK)}
    answer = asyncio.run(call(address, **pictures, method="telea", seed=0, grow=3))
    assert not answer.isError
    file, report = ast.literal_eval(text_of(answer))  # gradio tells several outputs of a queued tool as one text
    assert report["changed_outside"] == 0
    with urlopen(file["url"], timeout=10) as data, PIL.Image.open(BytesIO(data.read())) as picture:
        outside = ~grow(MASK, 3)
        assert (np.asarray(picture)[outside] == noise(4)[outside]).all()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"photo": "/etc/passwd"}, "provide a url"),
        ({"mask": data_address(MASK[:40])}, "The mask file is 80x40 but the photo is 80x60."),
        ({"seed": 7.5}, "seed is 7.5."),
    ],
    ids=["path", "size", "seed"],
)
def test_the_mcp_tool_refuses_in_a_sentence(address: str, given: dict[str, Any], words: str) -> None:
    arguments = {"photo": data_address(noise(4)), "mask": data_address(MASK), "method": "telea", **given}
    answer = asyncio.run(call(address, **arguments))
    assert answer.isError
    assert words in text_of(answer)
    assert "Traceback" not in text_of(answer)
