"""One count, as a process of its own: `python -m rorem_demo.comparison.tallying LIFELINE`.

Reads a job from stdin, {"newest": dataset}, {"dataset", "revision"} or {"home": folder of a store}, and writes one
line: {"newest": commit}, {"board": JSON} or {"wrong", "hint"}. May be killed at any time. Ends by itself when LIFELINE,
a file descriptor, is closed at the other end: then nobody waits for it any more.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from threading import Thread

from rorem_demo.errors import RoremError

_LAST = 19
"""Only the time that no other process wants."""


def done(job: dict[str, str]) -> dict[str, str]:
    """What the job asks for.

    Raises:
        RoremError: it cannot be had.
    """
    if "newest" in job:
        return {"newest": _newest(job["newest"])}
    # Imported now: they take seconds, which asking for the newest commit would waste.
    from rorem_demo.comparison.counting import count  # noqa: PLC0415
    from rorem_demo.comparison.voted import open_answers, stored_answers  # noqa: PLC0415
    from rorem_demo.feedback.store import Store  # noqa: PLC0415

    if "dataset" in job:
        return {"board": count(open_answers(job["dataset"], job["revision"])).to_json()}
    store = Store(Path(job["home"]), key=b"-")  # nobody is hashed here
    try:
        return {"board": count(stored_answers(store)).to_json()}
    finally:
        store.close()


def _newest(dataset: str) -> str:
    from huggingface_hub import HfApi  # noqa: PLC0415

    try:
        return str(HfApi().dataset_info(dataset).sha)
    except Exception:  # whatever the client raises
        from rorem_demo.discriminator.sources_hub import hub_troubles  # noqa: PLC0415

        with hub_troubles(dataset):
            raise


def _end_with(lifeline: int) -> None:
    os.read(lifeline, 1)
    os._exit(1)


def main() -> None:
    """Do the job on stdin."""
    os.nice(_LAST)
    Thread(target=_end_with, args=[int(sys.argv[1])], daemon=True).start()
    try:
        said = done(json.load(sys.stdin))
    except RoremError as error:
        said = {"wrong": str(error), "hint": error.hint}
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
