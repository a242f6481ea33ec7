"""import_gradio(): gradio without the rewriting of its type stubs, which is a third of what importing it takes.

Whenever gradio is imported, each of its 81 component classes has its source parsed and its `.pyi` file compared and
written, for editors. It leaves a class alone whose file cannot be told, so for the time of the import none can.
Measured on two slow cores, quietest of three runs each: 5.4 s without this, 3.5 s with it. Nothing of gradio itself
is changed.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager


def import_gradio() -> None:
    """Import it now; call this before anything else does."""
    with _files_untold("gradio."):
        import gradio  # noqa: F401, PLC0415  # here and now is the point


@contextmanager
def _files_untold(package: str) -> Iterator[None]:
    """Meanwhile `inspect.getfile` fails for classes of a package, as it does for classes made in a console."""
    getfile = inspect.getfile

    def untold(thing: object) -> str:
        if isinstance(thing, type) and thing.__module__.startswith(package):
            raise OSError(f"the file of {thing.__name__} is not told")
        return getfile(thing)  # type: ignore[arg-type]  # whatever it was asked is passed on

    inspect.getfile = untold  # type: ignore[assignment]  # takes whatever the real one takes
    try:
        yield
    finally:
        inspect.getfile = getfile
