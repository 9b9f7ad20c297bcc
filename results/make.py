"""Every figure of the README: run its command, write ``results/NAME.json``, and bring the README's table up to date.

python results/make.py            all rows (about half an hour; needs FIRSTSIGHT_DATA)
python results/make.py lake icons some rows
python results/make.py --table    the README's table only
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
BIN = Path(sys.executable).parent


KEPT = ("by", "table", "thresholds", "chosen_on", "gallery_size", "references", "decisions", "fpir_of_draws")


def firstsight(*words: str | Path, codes: tuple[int, ...] = (0,)) -> str:
    """Run the command line; returns what it printed."""
    done = subprocess.run([BIN / "firstsight", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode not in codes:
        raise SystemExit(f"firstsight {shlex.join(map(str, words))} gave {done.returncode}: {done.stderr}")
    return done.stdout


def evaluated(model: str | Path, *words: str) -> dict[str, Any]:
    """Report of ``firstsight evaluate``, without what only a page shows."""
    report: dict[str, Any] = json.loads(firstsight("evaluate", model, *words, "--json"))
    report["details"] = {k: v for k, v in report["details"].items() if k in KEPT and (k != "table" or len(v) <= 60)}
    return report


def record(name: str, command: str, seed: int, result: Any) -> None:
    """Write a result with all that is needed to repeat it."""

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    commit = git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "src") else "")
    entry = {
        "name": name,
        "command": command,
        "seed": seed,
        "commit": commit,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, CPython {platform.python_version()}",
        "result": result,
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(entry, indent=1) + "\n")
    print(f"results/{name}.json", flush=True)


def lake() -> None:
    """The 20 published runs, and all evaluation alphabets with three seeds of draws; with what the model cost."""
    name = "omniglot-lake-20way"
    record(name, f"firstsight evaluate glyphs {name}", 0, {"trained": cost("glyphs"), **evaluated("glyphs", name)})
    name = "omniglot-within-20way"
    seeds = [evaluated("glyphs", name, "--seed", str(seed)) for seed in (0, 1, 2)]
    values = [r["metrics"]["accuracy"]["value"] for r in seeds]
    result = {"trained": cost("glyphs"), **seeds[0], "accuracy of seeds 0, 1, 2": values}
    record(name, f"firstsight evaluate glyphs {name} --seed 0 (and 1, 2)", 0, result)


def glyphs_verification() -> None:
    """Verification at the saved threshold, on alphabets that neither taught nor calibrated."""
    words = ("verification", "omniglot:test")
    record(
        "omniglot-verification-test", f"firstsight evaluate glyphs {' '.join(words)}", 0, evaluated("glyphs", *words)
    )


def learned(name: str, *words: str) -> Path:
    """A model that a published split needs, learned once (about an hour) and kept in ``build/``."""
    place = ROOT / "build" / name
    if not (place / "model.json").exists():
        firstsight("train", *words, "--out", place, *(["--resume"] if (place / "checkpoint.pt").exists() else []))
    return place


def cost(model: str | Path) -> dict[str, Any]:
    """What a model was learned from, and at what cost."""
    from firstsight.model import Model

    trained = Model.load(model).spec.trained
    return {k: getattr(trained, k) for k in ("data", "recipe", "steps", "seed", "seconds", "core_seconds")}


KOCH = ("glyphs", "data.train=omniglot:koch-train", "data.calibration=omniglot:koch-validation")
VINYALS = ("glyphs", "data.train=omniglot:vinyals-train", "data.calibration=", "training.steps=12000")


def koch() -> None:
    """Verification as Koch et al. split it: learned from 30 alphabets by 12 drawers."""
    model, name = learned("koch", *KOCH), "omniglot-verification"
    words = f"firstsight train {shlex.join(KOCH)} --out build/koch; firstsight evaluate build/koch {name}"
    record(name, words, 0, {"trained": cost(model), **evaluated(model, name)})


def vinyals() -> None:
    """20-way 1-shot on the split of Vinyals et al., with three seeds of draws."""
    model, name = learned("vinyals", *VINYALS), "omniglot-vinyals-20way"
    seeds = [evaluated(model, name, "--seed", str(seed)) for seed in (0, 1, 2)]
    values = [r["metrics"]["accuracy"]["value"] for r in seeds]
    words = f"firstsight train {shlex.join(VINYALS)} --out build/vinyals; firstsight evaluate build/vinyals {name}"
    result = {"trained": cost(model), **seeds[0], "accuracy of seeds 0, 1, 2": values}
    record(name, f"{words} --seed 0 (and 1, 2)", 0, result)


def mnist() -> None:
    """Digits by the shipped glyphs, which never saw one; three seeds of 1,000 draws."""
    name = "mnist-10way"
    seeds = [evaluated("glyphs", name, "--seed", str(seed)) for seed in (0, 1, 2)]
    values = [r["metrics"]["accuracy"]["value"] for r in seeds]
    result = {**seeds[0], "accuracy of seeds 0, 1, 2": values}
    record(name, f"firstsight evaluate glyphs {name} --seed 0 (and 1, 2)", 0, result)


def openset() -> None:
    """20 characters of unseen alphabets enrolled, the rest strangers; thresholds from ten other alphabets."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "glyphs"
        shutil.copytree(ROOT / "src" / "firstsight" / "models" / "glyphs", model)
        rows, requested = {}, []
        (model / "calibration.json").unlink()  # it was chosen on half of these alphabets; these rates need none
        for k in (1, 3):
            rows[f"all 20 alphabets, k = {k}"] = evaluated(model, "openset", "omniglot:evaluation", "--shots", str(k))
        for asked in (0.01, 0.02, 0.05, 0.1, 0.2):
            firstsight("calibrate", model, "omniglot:calibration", "--fpir", str(asked), "--gallery-size", "20")
            report = evaluated(model, "openset", "omniglot:test")
            requested.append({"asked": asked, "achieved": report["metrics"]["fpir@threshold"]})
            requested[-1]["missed"] = report["metrics"]["fnir@threshold"]
            if asked == 0.05:
                rows["last 10 alphabets, k = 1"] = report
                rows["last 10 alphabets, k = 3"] = evaluated(model, "openset", "omniglot:test", "--shots", "3")
        rows["requested"] = requested
    words = "firstsight calibrate COPY omniglot:calibration --fpir F --gallery-size 20"
    words += (
        "; firstsight evaluate COPY openset omniglot:test [--shots 3]; the same on omniglot:evaluation, uncalibrated"
    )
    record("openset", words, 0, rows)


def icons() -> None:
    """The demo's model on 100 unseen concepts, 20-way: across families, across styles, with 3 references."""
    from firstsight.model import Model

    model = ROOT / "demo" / "icons"
    if not (model / "model.json").exists():
        demo()
    rows = {
        "across families, 1 reference": evaluated(model, "icons-20way"),
        "other styles of the same family, 1 reference": evaluated(model, "nway", "icons:test", "--across", "styles"),
        "across families, 3 references": evaluated(model, "nway", "icons:test", "--shots", "3"),
        "verification at the saved threshold": evaluated(model, "verification", "icons:test"),
    }
    trained = Model.load(model).spec.trained
    spent = {k: getattr(trained, k) for k in ("steps", "seed", "seconds", "core_seconds", "validation")}
    record("icons-20way", "make demo; firstsight evaluate demo/icons icons-20way", 0, {"trained": spent, **rows})


def main_user() -> None:
    """A folder of 20 classes x 10 images nobody tuned for: train, calibrate, enroll 10 new classes, identify."""
    for name, make in MAIN_USERS.items():
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            make(place)
            began, log = time.monotonic(), []
            for line in (
                "train folder ./photos",
                "calibrate ./folder-model --fmr 0.01 --confidence 0.95",
                "gallery create people.db --model ./folder-model",
                "enroll people.db --data folder:./new",
                "identify people.db --data folder:./new --json",
                "identify people.db --data folder:./strangers --json",
            ):
                done = subprocess.run(
                    [BIN / "firstsight", *line.split()], cwd=place, capture_output=True, text=True, check=True
                )
                log.append((line, done.stdout.replace(str(place), ".") if "--json" not in line else ""))
                if line.startswith("identify"):
                    counts = json.loads(done.stdout)
                    counts.pop("answers")
                    log[-1] = (line, counts)
            record(
                f"main-user-{name}",
                "; ".join(f"firstsight {line}" for line, _ in log),
                0,
                {"minutes": round((time.monotonic() - began) / 60, 2), "steps": log},
            )


def _faces(place: Path) -> None:
    """ORL faces: s1 to s20 to learn from, s21 to s30 to enroll, s31 to s40 strangers."""
    from firstsight.datasets.archives import find_archive

    archive = find_archive("orl_faces.zip", how="set FIRSTSIGHT_DATA to the folder that holds it")
    with zipfile.ZipFile(archive) as z:
        for member in z.namelist():
            if member.endswith(".pgm"):
                _, person, file = member.split("/")
                number = int(person[1:])
                part = "photos" if number <= 20 else "new" if number <= 30 else "strangers"
                (place / part / person).mkdir(parents=True, exist_ok=True)
                (place / part / person / file).write_bytes(z.read(member))


def _icon_folders(place: Path) -> None:
    """Icon concepts with at least ten drawings: 20 to learn from, 10 to enroll, 10 strangers; 10 drawings each."""
    from firstsight.datasets import open_data

    data = open_data("icons:all")
    rich = [c for c in data.classes if sum(e.label == c for e in data.examples) >= 10]
    rich = rich[:: len(rich) // 40][:40]
    for number, concept in enumerate(rich):
        part = "photos" if number < 20 else "new" if number < 30 else "strangers"
        (place / part / concept).mkdir(parents=True)
        for i, e in enumerate([e for e in data.examples if e.label == concept][:10]):
            (place / part / concept / f"{i}.png").write_bytes(bytes(e.load()))  # type: ignore[arg-type]


def parity() -> None:
    """Lab and runtime embed the same 200 real files of 6 formats."""
    import numpy as np

    from firstsight.learn.export import load_lab
    from firstsight.model import Model

    sys.path.insert(0, str(ROOT / "tests" / "end_to_end"))
    from real_files import six_formats

    with tempfile.TemporaryDirectory() as folder:
        files = six_formats(Path(folder), 200)
        model = Model.load("glyphs")
        lab = load_lab(model)
        arrays = np.concatenate([model.input.read(f).arrays for f in files])
        gap = float(np.abs(lab.embed_arrays(arrays) - model.embed(files)).max())
        formats = sorted({f.suffix for f in files})
        record(
            "parity", "python results/make.py parity", 0, {"files": len(files), "formats": formats, "largest gap": gap}
        )


def cold_start() -> None:
    """Seconds from nothing to an answer, median of five, a new process each, no torch loaded."""
    with tempfile.TemporaryDirectory() as folder:
        db, image = Path(folder) / "g.db", Path(folder) / "a.png"
        from PIL import Image, ImageDraw

        drawn = Image.new("L", (80, 80), 255)
        ImageDraw.Draw(drawn).line([(10, 70), (40, 10), (70, 70), (20, 45)], fill=0, width=5)
        drawn.save(image)
        firstsight("gallery", "create", db, "--model", "glyphs")
        firstsight("enroll", db, "a", image)

        def median(*words: str | Path) -> float:
            times = []
            for _ in range(5):
                began = time.perf_counter()
                firstsight(*words)
                times.append(time.perf_counter() - began)
            return round(sorted(times)[2], 3)

        record(
            "cold-start",
            "firstsight --help; firstsight identify g.db a.png (median of 5)",
            0,
            {"help": median("--help"), "identify": median("identify", db, image)},
        )


def demo() -> None:
    """What ``make demo`` does after installation, with an empty cache."""
    out = ROOT / "demo"
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "FIRSTSIGHT_CACHE": cache}
        subprocess.run([sys.executable, "-m", "firstsight.demo", "--out", out], check=True, env=environment)
    record("demo", "make demo", 7, json.loads((out / "summary.json").read_text()))


MAIN_USERS = {"faces": _faces, "icons": _icon_folders}

ROWS: dict[str, Callable[[], None]] = {
    "lake": lake,
    "glyphs-verification": glyphs_verification,
    "koch": koch,
    "vinyals": vinyals,
    "mnist": mnist,
    "openset": openset,
    "demo": demo,
    "icons": icons,
    "main-user": main_user,
    "parity": parity,
    "cold-start": cold_start,
}


def load(name: str) -> Any:
    """The result part of a file, or None."""
    file = RESULTS / f"{name}.json"
    return json.loads(file.read_text())["result"] if file.exists() else None


def percent(report: dict[str, Any], name: str = "accuracy") -> str:
    """A metric in bold with its interval."""
    m = report["metrics"][name]
    return f"**{m['value']:.1%}** [{m['low']:.1%}, {m['high']:.1%}]"


def table() -> str:
    """The README's table of figures, from the files alone."""
    rows = [("", "FirstSight", "beside it"), ("---", "---", "---")]
    if (r := load("omniglot-lake-20way")) is not None:
        papers = "Koch 2015: 92.0 %, people 95.5 %, BPL 96.7 %"
        papers += f"; learned in {r['trained']['core_seconds'] / 60:.0f} core-minutes"
        rows.append(("Omniglot, the 20 runs of Lake et al., 20-way 1-shot, 400 trials", percent(r), papers))
    if (r := load("omniglot-within-20way")) is not None:
        about = f"the same over all 20 alphabets and drawers, {r['trials']:,} trials"
        others = ", ".join(f"{v:.2%}" for v in r["accuracy of seeds 0, 1, 2"])
        rows.append((about, percent(r), f"{pixels(r)}; draws of seeds 0, 1, 2: {others}"))
    if (r := load("omniglot-verification-test")) is not None:
        fmr, fnmr = (r["metrics"][f"{name}@threshold"]["value"] for name in ("fmr", "fnmr"))
        about = "Omniglot, same or different, 10 alphabets kept for it: equal error rate"
        rows.append((about, percent(r, "eer"), f"at the saved threshold: FMR {fmr:.2%}, FNMR {fnmr:.1%}"))
    if (r := load("omniglot-verification")) is not None:
        same, either = (percent(r, f"accuracy, {name} alphabet") for name in ("same", "any"))
        about = "Omniglot as Koch split it, same or different: different pairs of the same / of any alphabet"
        rows.append((about, f"{same} / {either}", "Koch 2015: 93.4 %, which of the two is not said"))
    if (r := load("omniglot-vinyals-20way")) is not None:
        others = ", ".join(f"{v:.2%}" for v in r["accuracy of seeds 0, 1, 2"])
        about = f"Omniglot as Vinyals split it, 20-way 1-shot, {r['trials']:,} trials"
        rows.append((about, percent(r), f"Matching Networks 93.8 %, ProtoNet 96.0 %; draws of seeds 0, 1, 2: {others}"))
    if (r := load("mnist-10way")) is not None:
        low, high = (r["metrics"][f"{end} 5 % of draws"]["value"] for end in ("worst", "best"))
        about = "MNIST, 10-way 1-shot by the shipped glyphs, which saw no digit, 1,000 draws of references"
        rows.append((about, percent(r), f"Koch 2015: 70.3 %; nine in ten draws between {low:.0%} and {high:.0%}"))
    if (r := load("openset")) is not None:
        for k, name in ((1, "one reference"), (3, "three references")):
            one, five = (percent(r[f"all 20 alphabets, k = {k}"], f"fnir@fpir={f}") for f in ("0.01", "0.05"))
            last = (r[f"last 10 alphabets, k = {k}"]["metrics"][f"fnir@fpir={f}"]["value"] for f in ("0.01", "0.05"))
            about = f"20 of 659 unseen characters enrolled with {name}, the others strangers: FNIR at FPIR 1 % / 5 %"
            rows.append(
                (about, f"{one} / {five}", "in the last 10 alphabets alone " + " / ".join(f"{v:.1%}" for v in last))
            )
        achieved = ", ".join(f"{q['asked']:.0%}: {q['achieved']['value']:.1%}" for q in r["requested"])
        about = "the last 10 alphabets: FPIR a threshold was asked for on the first 10, and what came, 50 enrolments"
        rows.append((about, achieved, "among 20 enrolled"))
    if (r := load("omniglot-verification-test")) is not None and "ece" in r["metrics"]:
        rows.append(("probabilities on unseen alphabets: expected calibration error", percent(r, "ece"), "15 bins"))
    if (r := load("icons-20way")) is not None:
        for name, about in (
            ("across families, 1 reference", "icons, 100 unseen concepts, 20-way 1-shot across design families"),
            ("other styles of the same family, 1 reference", "the same, other styles of the same family"),
            ("across families, 3 references", "the same, across families, 3 references"),
        ):
            rows.append((about, percent(r[name]), pixels(r[name])))
    for name, about in (("faces", "20 people x 10 photographs (AT&T)"), ("icons", "20 icon concepts x 10 drawings")):
        if (r := load(f"main-user-{name}")) is not None:
            new, strangers = r["steps"][-2][1], r["steps"][-1][1]
            n, told = new["probes"], strangers["strangers_unknown"] / strangers["strangers"]
            counts = f"{new['right'] / n:.0%} right, {new['wrong'] / n:.0%} wrong, {new['unknown'] / n:.0%} unknown"
            best = f"best candidate right {new['best_is_right'] / n:.0%}"
            about = f"a folder of {about}; 10 new ones enrolled with one image each"
            beside = f"strangers told apart {told:.0%}; {r['minutes']:.1f} minutes in all"
            rows.append((about, f"{counts} ({best})", beside))
    if (r := load("parity")) is not None:
        about = f"trained network = exported model, {r['files']} real files of {len(r['formats'])} formats: largest gap"
        rows.append((about, f"{r['largest gap']:.1e}", "allowed 1e-4"))
    if (r := load("cold-start")) is not None:
        rows.append(
            ("cold start: `--help` / `identify`", f"{r['help']:.2f} s / {r['identify']:.2f} s", "no torch loaded")
        )
    if (r := load("bench")) is not None:
        row = r["evaluation of 13,180 embeddings, rivals pytorch-metric-learning and scikit-learn"]
        beside = f"{row['ratio']:.0f} times as fast as pytorch-metric-learning and scikit-learn in the same run"
        beside += f", in 1/{row['memory ratio']:.0f} of their memory"
        about = "P@1, MAP@R, EER and AUC over 13,180 embeddings, all 86.8 million pairs"
        rows.append((about, f"{row['firstsight seconds']:.1f} s, {row['firstsight peak MiB']} MiB", beside))
        row = r["evaluation of 200,000 embeddings"]
        about = "the same over 200,000 embeddings, 20,000 million pairs"
        rows.append((about, f"{row['seconds']:.0f} s, {row['peak MiB']} MiB", "allowed 1 GB"))
    if (r := load("demo")) is not None:
        rows.append(("`make demo` after installation, two cores", f"{r['seconds'] / 60:.1f} minutes", "allowed 8"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def pixels(report: dict[str, Any]) -> str:
    """The baseline without learning."""
    return f"pixels {report['metrics']['pixels']['value']:.1%}"


def write_table() -> None:
    """Put the table between its marks in the README."""
    readme = ROOT / "README.md"
    text = readme.read_text()
    start, end = "<!-- results -->\n", "<!-- /results -->"
    head, rest = text.split(start)
    readme.write_text(head + start + table() + "\n" + end + rest.split(end)[1])


def main(words: list[str]) -> None:
    """Run the rows named, or all."""
    unknown = [w for w in words if w not in ROWS and w != "--table"]
    if unknown:
        raise SystemExit(f"no row {unknown[0]!r}; known: {', '.join(ROWS)}")
    if words != ["--table"]:
        for name in [w for w in words if w in ROWS] or list(ROWS):
            ROWS[name]()
    write_table()


if __name__ == "__main__":
    main(sys.argv[1:])
