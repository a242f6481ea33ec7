"""Make the judge that is shipped, from nothing: `.venv/bin/python scripts/judge.py --photos FOLDER`.

Renders scenes and removes their things (out/simulated, an hour on two cores), trains three times, takes the model that
does best on the validation photos, and writes it with its card and report to assets/discriminator/compact. What lies
in out/ from an earlier run is used again. `--photos` names real pairs (docs/discriminator-data.md), which `photos.md`
reports on; nothing is learned or chosen by them.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from shutil import rmtree
from statistics import mean

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy: sums by several threads differ in their last digits from run to run

from rorem_demo.discriminator.asking import report_of  # noqa: E402  # needs the path above
from rorem_demo.discriminator.card import card  # noqa: E402
from rorem_demo.discriminator.current import SHIPPED  # noqa: E402
from rorem_demo.discriminator.examples import read_examples  # noqa: E402
from rorem_demo.discriminator.markdown import goals, markdown, table  # noqa: E402
from rorem_demo.discriminator.network import CONFIG, WEIGHTS, ModelConfig, load_model, read_config  # noqa: E402
from rorem_demo.discriminator.publish import CARD  # noqa: E402
from rorem_demo.discriminator.recipe import Recipe  # noqa: E402
from rorem_demo.discriminator.report import Report, to_json, write_report  # noqa: E402
from rorem_demo.discriminator.score import Scorer  # noqa: E402
from rorem_demo.discriminator.simulated.__main__ import main as simulate  # noqa: E402
from rorem_demo.discriminator.simulated.photos import removed_by_migan  # noqa: E402
from rorem_demo.discriminator.train import main as train  # noqa: E402
from rorem_demo.feedback import disk  # noqa: E402
from rorem_demo.imaging.io import decode_mask, decode_photo  # noqa: E402
from rorem_demo.imaging.types import size_of  # noqa: E402

OUT = Path("out")
"""Below the project's folder, from where this is run: lineage names it."""
ROWS, PHOTOS = OUT / "simulated", OUT / "photos"
SEEDS = (0, 1, 2)
HELD_OUT = ("noisy",)
"""What no remover of the program does. A judge that had seen no Telea and no Navier-Stokes ranked their smears above
shift-map on real photos (docs/LOG.md), so the removers among which it has to choose are learned from."""

_PIXELS = 40_000_000
_UNRATED = """
## Without a truth

Of the photos that come with MI-GAN, its own published results and ours. Nobody has rated them, so this says what the
judge prefers, not whether it is right.

{table}"""
_ON_PHOTOS = """
## On real photos

The figures above are of pictures like those it learned from. These are of {rows} results on {photos} real photos from
two roads, whose truth is known, labelled by the same rule (`photos.md`, `photos.json`). 26 of the pairs were looked at
while the rule was settled; nothing was learned from any.

{goals}"""


def main() -> None:
    """See the module."""
    parser = ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--photos", type=Path, help="folder with pairs_highway and pairs_road")
    asked = parser.parse_args()
    if not ROWS.exists():
        _done(simulate(["--output", str(ROWS)]))
    best = max((trained(seed) for seed in SEEDS), key=quality)
    rmtree(SHIPPED, ignore_errors=True)
    disk.make_folder(SHIPPED)
    for name in (CONFIG, WEIGHTS):
        disk.write_whole(SHIPPED / name, (best / name).read_bytes())
    report = report_of(load_model(SHIPPED), read_examples(str(ROWS)))
    write_report(SHIPPED, report)
    disk.write_whole(SHIPPED / CARD, (card(report) + on_photos(asked.photos)).encode())


def trained(seed: int) -> Path:
    """Folder of the model of a seed."""
    folder = OUT / f"judge-{seed}"
    if not (folder / CONFIG).exists():
        train(Recipe(dataset=str(ROWS), output=folder, seed=seed, hold_out=HELD_OUT, cache=str(OUT / "windows")))
    return folder


def quality(folder: Path) -> float:
    """AUROC on the validation photos, of the epoch whose weights were kept."""
    config: ModelConfig = read_config(folder)
    return float(config.lineage["history"][config.lineage["epoch"] - 1]["auroc"])


def on_photos(photos: Path | None) -> str:
    """Write the report on real pairs; what the card says of it."""
    if photos is None:
        return ""
    if not PHOTOS.exists():
        _done(simulate(["--photos", str(photos), "--output", str(PHOTOS)]))
    report: Report = report_of(load_model(SHIPPED), read_examples(str(PHOTOS)), everything=True)
    disk.write_whole(SHIPPED / "photos.json", to_json(report).encode())
    title = f"# {report.lineage.version} on real pairs of photos\n\n"
    text = title + markdown(report.evaluation, report.probes) + _UNRATED.format(table=unrated(photos))
    disk.write_whole(SHIPPED / "photos.md", text.encode())
    test = report.evaluation.test.scores
    return _ON_PHOTOS.format(rows=test.rows, photos=test.photos, goals=goals(report.evaluation))


def unrated(photos: Path) -> str:
    """What the judge says of MI-GAN's published results and of ours on the same photos, which nobody has rated."""
    scorer, scores = Scorer.load(SHIPPED), defaultdict[str, list[float]](list)
    for triplet in removed_by_migan(photos):
        files = triplet.subject.pictures()
        source, result = (decode_photo(file, max_pixels=_PIXELS).image for file in (files.source, files.result))
        mask = decode_mask(files.mask, size_of(source), max_pixels=_PIXELS)
        scores[triplet.subject.method].append(scorer.score(source, mask, result))
    rows = ((key, len(said), f"{mean(said):.3f}", sum(each >= 0.5 for each in said)) for key, said in scores.items())
    return table(("method", "results", "mean score", "judged clean"), rows)


def _done(status: int) -> None:
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
