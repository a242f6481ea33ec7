"""The quick import is gradio all the same, and leaves nothing patched."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import ast, inspect
before = inspect.getfile
from rorem_demo.ui.quick import import_gradio
parsed, parse = [], ast.parse
ast.parse = lambda *given, **named: parsed.append(1) or parse(*given, **named)
import_gradio()
ast.parse = parse
import gradio
assert inspect.getfile is before
assert inspect.getfile(gradio.Radio).endswith("radio.py")
with gradio.Blocks():
    assert callable(gradio.Radio(["a"]).change)
print(len(parsed))
"""


def test_gradio_is_imported_whole_without_parsing_its_stubs() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert int(done.stdout) < 10, done.stderr
