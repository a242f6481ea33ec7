"""Write the README's tables and tree, and `docs/models.md`, from the code; `--check` fails if they are stale."""

from __future__ import annotations

import ast
import json
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rorem_demo.removers.base import RemoverSpec  # noqa: E402  # the project is not installed
from rorem_demo.removers.catalog import REMOVERS  # noqa: E402
from rorem_demo.runtime.weights import Weights  # noqa: E402
from rorem_demo.segmenters.base import SegmenterSpec  # noqa: E402
from rorem_demo.segmenters.catalog import SEGMENTERS  # noqa: E402
from tests.feedback.fault_table import HEAD, line  # noqa: E402

README = ROOT / "README.md"
FAULTS = ROOT / "docs" / "faults.json"
MODELS = ROOT / "docs" / "models.md"
MODELS_HEAD = """# Models

Written by `scripts/readme.py` from the catalogues. What is unverified may change on the Hub without our noticing; the
command `doctor --pin` fills it in on a machine that reaches the Hub, and `weights KEY` fetches.

## Removers
"""
TOP = {
    "app.py": "the Space: settings in, services assembled, page served",
    "assets/": "example photos, each with its licence",
    "docs/": "how to deploy, models, benchmarks, the log of experiments, the screenshot",
    "scripts/": "what writes the README's tables and its screenshot",
    "tests/": "mirrors the package; `tests/browser/` drives the page",
}


def methods() -> str:
    """The catalogue as a Markdown table."""
    cells = [(f"`{spec.key}`", spec.title, spec.summary, spec.runs_on, spec.licence, spec.source) for spec in REMOVERS]
    head = [("key", "method", "when", "runs on", "licence", "source"), ("---",) * 6]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*head, *cells])


def segmenters() -> str:
    """The segmenters as a Markdown table."""
    cells = [
        (f"`{spec.key}`", spec.title, ", ".join(sorted(spec.prompts)), _weights(spec), spec.licence, spec.source)
        for spec in SEGMENTERS
    ]
    head = [("key", "segmenter", "understands", "weights", "licence", "source"), ("---",) * 6]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*head, *cells])


def _weights(spec: SegmenterSpec) -> str:
    megabytes = sum(file.megabytes or 0 for file in spec.weights)
    return f"{megabytes} MB, {spec.weights[0].repository}" if spec.weights else "none"


def faults() -> str:
    """What became of answers in `docs/faults.json`, where `python -m tests.feedback.fault_table --json` put it."""
    return "\n".join([HEAD, *map(line, json.loads(FAULTS.read_text(encoding="utf-8")))])


def tree() -> str:
    """Every module with the first sentence of its docstring."""
    lines = [f"{name:<32}{purpose}" for name, purpose in TOP.items()]
    for path in sorted((ROOT / "rorem_demo").rglob("*.py")):
        relative = path.relative_to(ROOT)
        name = f"{relative.parent}/" if path.name == "__init__.py" else f"{'  ' * (len(relative.parts) - 1)}{path.name}"
        lines.append(f"{name:<32}{purpose_of(path)}")
    return "\n".join(["```text", *lines, "```"])


def purpose_of(path: Path) -> str:
    """The first line of a module's docstring, without its full stop."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].rstrip(".")


def filled(text: str) -> str:
    """The README with its written parts written anew."""
    parts = (("methods", methods()), ("segmenters", segmenters()), ("faults", faults()), ("tree", tree()))
    for name, content in parts:
        pattern = rf"(<!-- {name}:[^>]*-->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda match, content=content: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL)
    return text


def models() -> str:
    """`docs/models.md`: what every row is, where its weights come from, and why its defaults are what they are."""
    weights = Weights()
    parts = [MODELS_HEAD, *(model(spec, weights) for spec in REMOVERS), "## Segmenters\n"]
    return "\n".join([*parts, *(model(spec, weights) for spec in SEGMENTERS)])


def model(spec: RemoverSpec | SegmenterSpec, weights: Weights) -> str:
    """One row as a section."""
    lines = [
        f"### `{spec.key}`: {spec.title}\n",
        f"{spec.summary}\n",
        f"- Source: {spec.source}",
        f"- Licence: {spec.licence}",
    ]
    for file in spec.weights:
        pin, size = weights.pin(file), "size unknown" if file.megabytes is None else f"{file.megabytes} MB"
        checked = "sha256 checked" if pin.sha256 else "sha256 unverified"
        place = f"revision {pin.revision or 'unverified'}" if file.is_on_hub else "on no known repository of the Hub"
        lines.append(f"- Weights: `{file.repository}/{file.file}`, {size}, {place}, {checked}")
    lines += [f"- Needs the package `{name}`" for name in spec.packages]
    if isinstance(spec, RemoverSpec):
        defaults = ", ".join(
            f"{name} {getattr(spec.defaults, name)}" for name in (*sorted(spec.uses), "grow", "feather", "context")
        )
        lines.append(f"- Defaults: {defaults}. {spec.reasons}".rstrip())
        lines.append(f"- Preselected: {spec.preselected}")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write, or with `--check` only compare."""
    wanted = {README: filled(README.read_text(encoding="utf-8")), MODELS: models()}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.name} is stale: run `make docs`.")
        return int(bool(stale))
    for path in stale:
        path.write_text(wanted[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
