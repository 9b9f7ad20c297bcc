"""The figures of the README but for speed: run a command, write ``results/NAME.json``, bring the README's table up.

python results/make.py            all rows (half an hour, four more where it must learn; needs FIRSTSIGHT_DATA)
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

sys.path.insert(0, str(Path(__file__).parent))
import kill_store
import quality_gate
import resume as killing
from table import write_table

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


def glyphs() -> None:
    """Learn the shipped model again, seed 0, calibrate it and put it in its place."""
    made = learned("glyphs-0", "glyphs", "training.seed=0")
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "glyphs"
        shutil.copytree(made, model, ignore=shutil.ignore_patterns("metrics.jsonl", "calibration.json"))
        spec = {**json.loads((model / "model.json").read_text()), "name": "glyphs"}
        (model / "model.json").write_text(json.dumps(spec, indent=1) + "\n")
        print(firstsight("calibrate", model, "--fmr", "0.01"), flush=True)
        shutil.copytree(model, ROOT / "src" / "firstsight" / "models" / "glyphs", dirs_exist_ok=True)


def lake() -> None:
    """The 20 published runs, and all evaluation alphabets: recipes of 30 and of 10 core-minutes, three trainings each.

    The shipped ``glyphs`` is the first of the three, and the file's own figures are its.
    """
    from firstsight.model import Model

    for recipe in ("glyphs", "glyphs-quick"):
        trained = [learned(f"{recipe}-{seed}", recipe, f"training.seed={seed}") for seed in (0, 1, 2)]
        if recipe == "glyphs" and Model.load(trained[0]).fingerprint != Model.load("glyphs").fingerprint:
            raise SystemExit("build/glyphs-0 is not the shipped model: run the row glyphs first")
        for protocol in ("omniglot-lake-20way", "omniglot-within-20way"):
            reports = [evaluated(model, protocol) for model in trained]
            values = [r["metrics"]["accuracy"]["value"] for r in reports]
            result = {"trained": [cost(m) for m in trained], **reports[0], "accuracy of trainings 0, 1, 2": values}
            if recipe == "glyphs" and "within" in protocol:
                others = (evaluated("glyphs", protocol, "--seed", seed) for seed in "12")
                draws = [values[0], *(r["metrics"]["accuracy"]["value"] for r in others)]
                result["accuracy of seeds 0, 1, 2"] = draws
            words = (
                f"firstsight train {recipe} training.seed=N --out build/{recipe}-N; firstsight evaluate it {protocol}"
            )
            name = protocol if recipe == "glyphs" else protocol.replace("omniglot", "quick")
            record(name, f"{words} (N = 0, 1, 2)", 0, result)


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


KOCH = ("glyphs", "data.train=omniglot:koch-train", "data.calibration=omniglot:lake-validation")
VINYALS = ("glyphs", "data.train=omniglot:vinyals-train", "data.calibration=", "training.steps=12000")


def koch() -> None:
    """Verification as in Koch et al., learned from 30 alphabets: on the ten of Lake's runs, and on the last ten."""
    model = learned("koch", *KOCH)
    for name in ("koch-verification", "omniglot-verification"):
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

    from firstsight.learn.export.directory import load_lab
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


def int8() -> None:
    """What an int8 copy of the shipped glyphs loses, 20-way within the calibration alphabets, three seeds of draws."""
    words = ("within", "omniglot:calibration")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "glyphs"
        firstsight("quantise", "glyphs", "--out", copy)
        reports = {
            name: [evaluated(model, *words, "--seed", str(seed)) for seed in (0, 1, 2)]
            for name, model in (("as shipped", "glyphs"), ("int8", copy))
        }
    values = {name: [r["metrics"]["accuracy"]["value"] for r in some] for name, some in reports.items()}
    means = {name: sum(some) / len(some) for name, some in values.items()}
    result = {
        "protocol": reports["int8"][0]["protocol"],
        "trials": reports["int8"][0]["trials"],
        "accuracy of seeds 0, 1, 2": values,
        "points lost": round(100 * (means["as shipped"] - means["int8"]), 3),
    }
    record("int8", f"firstsight quantise glyphs --out COPY; firstsight evaluate COPY {' '.join(words)}", 0, result)


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


def resume() -> None:
    """20 times kill -9 amid training, and on with --resume: the bytes of a run that was left alone."""
    words = f"firstsight train glyphs {shlex.join(killing.CHANGES)} --out OUT, killed; the same --resume"
    record("resume", words, killing.SEED, killing.measure())


def store_kills() -> None:
    """Enrolments, batches, removals and events killed with -9 at random moments; syncs to disk for each write."""
    record("store-kills", "python results/make.py store-kills", kill_store.SEED, kill_store.measure())


def gate() -> None:
    """What the quality gate refuses of good and of spoiled images; probes fused."""
    record("gate", "python results/make.py gate", quality_gate.SEED, quality_gate.measure())


def demo() -> None:
    """What ``make demo`` does after installation, with an empty cache."""
    out = ROOT / "demo"
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "FIRSTSIGHT_CACHE": cache}
        subprocess.run([sys.executable, "-m", "firstsight.demo", "--out", out], check=True, env=environment)
    record("demo", "make demo", 7, json.loads((out / "summary.json").read_text()))


MAIN_USERS = {"faces": _faces, "icons": _icon_folders}

ROWS: dict[str, Callable[[], None]] = {
    "glyphs": glyphs,
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
    "int8": int8,
    "cold-start": cold_start,
    "resume": resume,
    "store-kills": store_kills,
    "gate": gate,
}


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
