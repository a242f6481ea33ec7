"""in_a_fork(): what stands for `spaces.GPU` in tests."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable, Generator, Iterator
from multiprocessing.connection import Connection
from typing import Any

forking = multiprocessing.get_context("fork")


def _serve(pipe: Connection, function: Callable[..., Iterator[Any]], arguments: bytes) -> None:
    for value in function(*pickle.loads(arguments)):
        pipe.send_bytes(pickle.dumps(value))
    pipe.send_bytes(b"")


def in_a_fork(function: Callable[..., Iterator[Any]]) -> Callable[..., Generator[Any]]:
    """`spaces.GPU` as far as a generator can tell: a new fork for every call."""

    def run(*arguments: Any) -> Generator[Any]:
        ours, theirs = forking.Pipe()
        worker = forking.Process(target=_serve, args=(theirs, function, pickle.dumps(arguments)))
        worker.start()
        theirs.close()
        try:
            while data := ours.recv_bytes():
                yield pickle.loads(data)
        except EOFError:
            raise RuntimeError("<b>GPU task aborted</b>") from None
        finally:
            worker.terminate()
            worker.join()

    return run
