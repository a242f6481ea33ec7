"""guarded(): whatever goes wrong inside a model as one sentence with a way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rorem_demo.errors import RoremError, UnavailableError
from rorem_demo.runtime.troubles import gpu_lost, out_of_memory

_NO_GPU = "Choose a method that needs no GPU; if this goes on, the program must be started anew."


@contextmanager
def machine_told(title: str) -> Iterator[None]:
    """What the machine lacks, in the same words whoever tells it; all else passes.

    Raises:
        MemoryError: memory did not suffice, the GPU's or the computer's.
        UnavailableError: the GPU stopped working.
    """
    try:
        yield
    except (RoremError, MemoryError):
        raise
    except Exception as error:
        if out_of_memory(error):
            raise MemoryError(str(error)) from error
        if gpu_lost(error):
            raise UnavailableError(f"The GPU stopped working while {title} used it.", hint=_NO_GPU) from error
        raise


@contextmanager
def guarded(title: str, *, hint: str, memory_hint: str | None = None) -> Iterator[None]:
    """Failures of the model called `title` become UnavailableErrors; what is already told in a sentence passes.

    Args:
        title: as people read it.
        hint: the way out of a failure.
        memory_hint: the way out when memory did not suffice; None leaves the MemoryError to the caller.
    """
    try:
        with machine_told(title):
            yield
    except MemoryError as error:
        if memory_hint is None:
            raise
        raise UnavailableError(f"{title} ran out of memory.", hint=memory_hint) from error
    except RoremError:
        raise
    except Exception as error:  # a model can fail in any way; the faces tell one sentence and log the cause
        raise UnavailableError(f"{title} failed on this photo.", hint=hint) from error


@contextmanager
def readable(title: str, file: str) -> Iterator[None]:
    """Whatever reading a file of weights raises as one UnavailableError; lack of memory is a MemoryError.

    Args:
        title: of the model, as people read it.
        file: its name, as the person who put it there knows it.
    """
    try:
        with machine_told(title):
            yield
    except (RoremError, MemoryError):
        raise
    except Exception as error:  # readers raise whatever they stumble on in other bytes
        raise UnavailableError(
            f"{file} is damaged or does not hold the weights of {title}.",
            hint="Get it again with the command `weights`, or choose another method.",
        ) from error
