"""Catalog: rows by key; loaders named by text exist; reading it imports no model code."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from rorem_demo.errors import ConfigError, InputError, UnavailableError
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.catalog import Catalog
from rorem_demo.runtime.pins import WeightFile
from rorem_demo.runtime.weights import Weights
from rorem_demo.segmenters.base import SegmenterSpec
from rorem_demo.segmenters.catalog import SEGMENTERS


@dataclass(frozen=True)
class Row:
    key: str
    loader: str = f"{__name__}:load"
    title: str = "Row"
    weights: tuple[WeightFile, ...] = ()
    packages: tuple[str, ...] = ()


def load(spec: Row, files: tuple[Path, ...]) -> str:
    return f"model of {spec.key} from {[file.name for file in files]}"


def test_rows_keep_their_order() -> None:
    assert [row.key for row in Catalog(Row("b"), Row("a"))] == ["b", "a"]


def test_two_rows_of_one_key_are_refused() -> None:
    with pytest.raises(ConfigError):
        Catalog(Row("a"), Row("a"))


def test_an_unknown_key_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="'c'") as caught:
        Catalog(Row("a"), Row("b"))["c"]
    assert caught.value.hint == "Choose one of: a, b."


def test_contains_tells_keys() -> None:
    catalog: Catalog[Row, str] = Catalog(Row("a"))
    assert "a" in catalog
    assert "b" not in catalog


def test_load_calls_the_loader_with_its_row_and_its_files(tmp_path: Path) -> None:
    weight = WeightFile(repository="owner/name", file="model.bin", also=("model.pth",))
    catalog: Catalog[Row, str] = Catalog(Row("a", weights=(weight,)), Row("b"))
    (tmp_path / "model.pth").touch()
    assert catalog.load("a", Weights(tmp_path)) == "model of a from ['model.pth']"
    assert catalog.load("b", Weights()) == "model of b from []"


def test_load_without_its_weights_is_refused() -> None:
    row = Row("a", title="A model", weights=(WeightFile(repository="owner/name", file="model.bin"),))
    with pytest.raises(UnavailableError, match="A model needs weights"):
        Catalog(row).load("a", Weights())


def fail(spec: Row, files: tuple[Path, ...]) -> str:
    errors = {"full": "CUDA error: out of memory", "lost": "CUDA error: device lost", "odd": "no such layer"}
    raise RuntimeError(errors[spec.key])


def test_a_gpu_lost_while_loading_is_one_sentence_with_a_way_out() -> None:
    with pytest.raises(UnavailableError, match=r"^The GPU stopped working while Row used it\.$") as caught:
        Catalog(Row("lost", f"{__name__}:fail")).load("lost", Weights())
    assert "needs no GPU" in caught.value.hint
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_a_fault_of_the_loader_stays_what_it_is() -> None:
    with pytest.raises(RuntimeError, match="no such layer"):
        Catalog(Row("odd", f"{__name__}:fail")).load("odd", Weights())


def test_a_model_that_does_not_fit_is_a_memory_error_whoever_tells_it() -> None:
    with pytest.raises(MemoryError):
        Catalog(Row("full", f"{__name__}:fail")).load("full", Weights())


@pytest.mark.parametrize("spec", [*REMOVERS, *SEGMENTERS], ids=lambda spec: spec.key)
def test_every_loader_exists(spec: RemoverSpec | SegmenterSpec) -> None:
    module, _, function = spec.loader.partition(":")
    found = find_spec(module)
    assert found is not None, f"no module {module}"
    assert found.origin is not None
    body = ast.parse(Path(found.origin).read_text(encoding="utf-8")).body
    assert function in {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_reading_the_catalogue_imports_no_model_code() -> None:
    heavy = ["cv2", "diffusers", "gradio", "PIL", "torch", "transformers"]
    catalogues = "rorem_demo.removers.catalog, rorem_demo.segmenters.catalog"
    code = f"import {catalogues}, sys, json; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
