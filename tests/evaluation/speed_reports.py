"""A report as a run at full size would write it, with round numbers."""

from __future__ import annotations

from dataclasses import replace

from rorem_demo.evaluation.speed_report import STAGES, Errors, Machine, Photos, Rates, Report, Side

OURS = Side(
    seconds=10.0,
    runs=(10.0, 9.0, 10.5, 10.0, 11.0),
    shares=dict(zip(STAGES, (0.0, 0.1, 0.6, 0.25, 0.05), strict=True)),
    calls={"encode": 1, "unet": 4, "decode": 1},
    numbers={"encode": "bfloat16", "unet": "bfloat16", "decode": "bfloat16"},
    load_seconds=8.0,
    cold_seconds=25.0,
    peak_gb=6.0,
    running_gb=5.9,
    gpu_peak_gb=None,
)
REFERENCE = replace(
    OURS,
    seconds=87.6,
    runs=(87.6,) * 5,
    shares=dict(zip(STAGES, (0.05, 0.05, 0.8, 0.05, 0.05), strict=True)),
    calls={"text": 2, "encode": 1, "unet": 4, "decode": 1},
    numbers={"text": "float32", "encode": "float32", "unet": "float32", "decode": "float32"},
    load_seconds=40.0,
    cold_seconds=150.0,
    peak_gb=15.0,
    running_gb=14.5,
)
REPORT = Report(
    made="2026-11-21",
    machine=Machine(cpu="A processor", cores=2, threads=2, memory_gb=25.3, gpu=None),
    versions={"rorem_demo": "1", "python": "3.11.7", "torch": "2.11.0"},
    method="rorem-4s",
    device="cpu",
    size=512,
    steps=4,
    repeats=5,
    weights="random",
    shape="full",
    at_once=True,
    ours=OURS,
    reference=REFERENCE,
    errors=Errors(
        unet_relative=0.0123, levels_mean=0.5, levels_max=9, psnr_db=48.25, exact_psnr_db=None, exact_levels_max=None
    ),
    rates=Rates(unet_operations=1.59, unet_rate=1.06, matrix_rate=2.12, matrix_numbers="bfloat16"),
    photos=Photos(small="1155x866", large="4000x3000", hole=400, small_seconds=10.0, large_seconds=12.5),
)
ON_GPU = replace(
    REPORT,
    machine=replace(REPORT.machine, gpu="A card"),
    device="cuda",
    size=1024,
    ours=replace(OURS, seconds=0.5, gpu_peak_gb=8.5),
    reference=replace(REFERENCE, seconds=2.0, gpu_peak_gb=10.0),
    weights="0123abc",
    photos=None,
    rates=None,
)
