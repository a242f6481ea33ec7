"""Write the tables of `docs/quality.md` from `docs/quality-*.json`; `--check` fails if they are stale.

The files are `quality.json` of runs of `bench quality`, renamed. A table stands between `<!-- quality-NAME.json -->`
and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from rorem_demo.evaluation.quality_markdown import tables  # noqa: E402  # the project is not installed
from rorem_demo.evaluation.quality_report import Report  # noqa: E402

DOCUMENT = ROOT / "docs" / "quality.md"
_BLOCK = re.compile(r"<!-- (quality-[\w-]+\.json) -->\n.*?<!-- end -->", re.DOTALL)


def filled(text: str, folder: Path) -> str:
    """The text with each table as its file in the folder has it."""

    def block(found: re.Match[str]) -> str:
        report = Report.from_json((folder / found[1]).read_bytes())
        return f"<!-- {found[1]} -->\n{tables(report)}<!-- end -->"

    return _BLOCK.sub(block, text)


def main() -> int:
    """1 if something is stale and was only to be checked."""
    before = DOCUMENT.read_text(encoding="utf-8")
    after = filled(before, DOCUMENT.parent)
    if "--check" in sys.argv:
        return int(after != before)
    DOCUMENT.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
