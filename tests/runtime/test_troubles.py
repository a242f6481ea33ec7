"""What torch's errors mean, on errors that torch itself raises where this machine can make it."""

from __future__ import annotations

import pytest
import torch

from rorem_demo.errors import UnavailableError
from rorem_demo.runtime.guard import guarded, readable
from rorem_demo.runtime.troubles import gpu_lost, out_of_memory

FULL = [
    MemoryError(),
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    torch.AcceleratorError("CUDA error: out of memory"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
]
LOST = [
    torch.AcceleratorError("CUDA error: unspecified launch failure"),
    torch.AcceleratorError("CUDA error: device lost"),
    RuntimeError("CUDA error: an illegal memory access was encountered"),
    RuntimeError("No CUDA GPUs are available"),
]
OTHER = [RuntimeError("shapes do not match"), ValueError("CUDA error: no error of torch's"), OSError("No space left")]


@pytest.mark.parametrize("error", [*FULL, *LOST, *OTHER], ids=str)
def test_an_error_means_one_thing(error: Exception) -> None:
    assert (out_of_memory(error), gpu_lost(error)) == (error in FULL, error in LOST)


def test_memory_that_this_computer_does_not_have() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert out_of_memory(caught.value)


def test_a_lost_gpu_is_seen_through_the_sentence_made_of_it() -> None:
    for error, lost in ((LOST[0], True), (OTHER[0], False), (FULL[1], False)):
        with pytest.raises((UnavailableError, MemoryError)) as caught, guarded("LaMa", hint="Try another."):
            raise error
        assert gpu_lost(caught.value) == lost


@pytest.mark.parametrize("error", LOST, ids=str)
def test_a_lost_gpu_is_told_with_a_way_out_and_without_its_words(error: Exception) -> None:
    with pytest.raises(UnavailableError) as caught, guarded("LaMa", hint="Try another."):
        raise error
    assert str(caught.value) == "The GPU stopped working while LaMa used it."
    assert "needs no GPU" in caught.value.hint
    assert "CUDA" not in caught.value.sentence
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", FULL, ids=str)
def test_lack_of_memory_is_a_memory_error_or_a_sentence(error: Exception) -> None:
    with pytest.raises(MemoryError), guarded("LaMa", hint=""):
        raise error
    with pytest.raises(MemoryError), readable("LaMa", "big-lama.pt"):
        raise error
    with pytest.raises(UnavailableError, match="ran out of memory") as caught:  # noqa: SIM117
        with guarded("LaMa", hint="", memory_hint="Open a smaller photo."):
            raise error
    assert caught.value.hint == "Open a smaller photo."
