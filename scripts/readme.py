"""Write the README's models table and tree from the code; `--check` fails if they are stale."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rorem_demo.removers.catalog import REMOVERS  # noqa: E402  # the project is not installed
from rorem_demo.segmenters.base import SegmenterSpec  # noqa: E402
from rorem_demo.segmenters.catalog import SEGMENTERS  # noqa: E402

README = ROOT / "README.md"
TOP = {
    "app.py": "the Space: settings in, services assembled, page served",
    "assets/": "example photos, each with its licence",
    "docs/": "how to deploy, the log of experiments, the screenshot",
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
    """The README with both parts written anew."""
    for name, content in (("methods", methods()), ("segmenters", segmenters()), ("tree", tree())):
        pattern = rf"(<!-- {name}:[^>]*-->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda match, content=content: f"{match[1]}{content}\n{match[2]}", text, flags=re.DOTALL)
    return text


def main() -> int:
    """Write, or with `--check` only compare."""
    before = README.read_text(encoding="utf-8")
    after = filled(before)
    if "--check" in sys.argv:
        if before != after:
            print("README.md is stale: run `make docs`.")
        return int(before != after)
    README.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
