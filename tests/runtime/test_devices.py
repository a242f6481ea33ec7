"""What a machine offers, as far as the system tells."""

from __future__ import annotations

from pathlib import Path

import pytest

from rorem_demo.runtime import devices
from rorem_demo.runtime.devices import Machine, computes_in_halves

NEW = ["flags : fpu avx2 avx512_bf16 avx512_vnni", "flags : fpu amx_bf16", "Features : asimd bf16"]
OLD = ["flags : fpu avx2", "flags : fpu avx2 avx512f avx512_vnni", ""]


@pytest.mark.parametrize("flags", [*NEW, *OLD])
def test_whether_a_processor_computes_in_halves(flags: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(f"processor : 0\n{flags}\n", encoding="utf-8")
    monkeypatch.setattr(devices, "_PROCESSOR", path)
    assert computes_in_halves() == Machine.here().halves == (flags in NEW)


def test_a_system_that_does_not_tell_is_taken_for_one_that_cannot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "_PROCESSOR", tmp_path / "none")
    assert not computes_in_halves()
