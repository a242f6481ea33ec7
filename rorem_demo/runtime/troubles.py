"""What an error of torch's means, told by its kind's name and its words, so that asking imports no torch."""

from __future__ import annotations

_FULL = ("DefaultCPUAllocator", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")
_LOST = ("CUDA error", "CUDA driver", "No CUDA GPUs are available")


def out_of_memory(error: BaseException) -> bool:
    """Whether memory did not suffice, this computer's or its GPU's."""
    return isinstance(error, MemoryError) or _told_by(error, "OutOfMemoryError", _FULL)


def gpu_lost(error: BaseException) -> bool:
    """Whether the error, or what it came from, says that a GPU is gone or works no more for this process.

    Torch tells of every call to the GPU that failed in one way, and after most of them no other call succeeds.
    """
    if not out_of_memory(error) and _told_by(error, "AcceleratorError", _LOST):
        return True
    return error.__cause__ is not None and gpu_lost(error.__cause__)


def _told_by(error: BaseException, kind: str, words: tuple[str, ...]) -> bool:
    if not isinstance(error, RuntimeError):  # all of torch's are
        return False
    return type(error).__name__ == kind or any(part in str(error) for part in words)
