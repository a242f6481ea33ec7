"""Catalog: rows by key; loaders named by text exist; reading it imports no model code."""

import ast
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from rorem_demo.errors import ConfigError, InputError
from rorem_demo.removers.base import RemoverSpec
from rorem_demo.removers.catalog import REMOVERS
from rorem_demo.runtime.catalog import Catalog


@dataclass(frozen=True)
class Row:
    key: str
    loader: str = f"{__name__}:load"


def load(spec: Row) -> str:
    return f"model of {spec.key}"


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


def test_load_calls_the_loader_with_its_row() -> None:
    catalog: Catalog[Row, str] = Catalog(Row("a"))
    assert catalog.load("a") == "model of a"


@pytest.mark.parametrize("spec", list(REMOVERS), ids=lambda spec: spec.key)
def test_every_loader_exists(spec: RemoverSpec) -> None:
    module, _, function = spec.loader.partition(":")
    found = find_spec(module)
    assert found is not None, f"no module {module}"
    assert found.origin is not None
    body = ast.parse(Path(found.origin).read_text(encoding="utf-8")).body
    assert function in {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_reading_the_catalogue_imports_no_model_code() -> None:
    heavy = ["cv2", "diffusers", "gradio", "PIL", "torch", "transformers"]
    code = f"import rorem_demo.removers.catalog, sys, json; print(json.dumps([m for m in {heavy} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
