"""The README's table of figures, from the files in ``results/`` alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"


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
    for recipe in ("omniglot", "quick"):
        if (r := load(f"{recipe}-lake-20way")) is not None:
            about = "Omniglot, the 20 runs of Lake et al., 20-way 1-shot, 400 trials"
            beside = "Koch 2015: 92.0 %, people 95.5 %, BPL 96.7 %; "
            if recipe == "quick":
                about, beside = "the same runs, recipe `glyphs-quick`", ""
            minutes = max(t["core_seconds"] for t in r["trained"]) / 60
            rows.append((about, percent(r), f"{beside}{trainings(r)}, at most {minutes:.0f} core-minutes each"))
        if (r := load(f"{recipe}-within-20way")) is not None:
            about = f"the same over all 20 alphabets and drawers, {r['trials']:,} trials"
            about += ", recipe `glyphs-quick`" if recipe == "quick" else ""
            rows.append((about, percent(r), f"{pixels(r)}; {trainings(r)}"))
    if (r := load("omniglot-verification-test")) is not None:
        fmr, fnmr = (r["metrics"][f"{name}@threshold"]["value"] for name in ("fmr", "fnmr"))
        about = "Omniglot, same or different, 10 alphabets kept for it: equal error rate"
        rows.append((about, percent(r, "eer"), f"at the saved threshold: FMR {fmr:.2%}, FNMR {fnmr:.1%}"))
    if (r := load("omniglot-verification")) is not None:
        same, either = (percent(r, f"accuracy, {name} alphabet") for name in ("same", "any"))
        about = "Omniglot, drawers as in Koch 2015, alphabets by name: different pairs of the same / of any alphabet"
        beside = f"Koch 2015: 93.4 %, which of the two is not said; {learned('omniglot-verification')}"
        rows.append((about, f"{same} / {either}", beside))
    if (r := load("omniglot-vinyals-20way")) is not None:
        others = ", ".join(f"{v:.2%}" for v in r["accuracy of seeds 0, 1, 2"])
        about = f"Omniglot as Vinyals split it, 20-way 1-shot, {r['trials']:,} trials"
        beside = f"Matching Networks 93.8 %, ProtoNet 96.0 %; draws of seeds 0, 1, 2: {others}"
        rows.append((about, percent(r), f"{beside}; {learned('omniglot-vinyals-20way')}"))
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
    if (r := load("int8")) is not None:
        lost, mean = r["points lost"], sum(r["accuracy of seeds 0, 1, 2"]["int8"]) / 3
        about = "an int8 copy of the shipped glyphs, 20-way 1-shot in ten alphabets: accuracy"
        rows.append((about, f"**{mean:.2%}**", f"{-lost:+.2f} points beside the shipped one"))
    if (r := load("cold-start")) is not None:
        rows.append(
            ("cold start: `--help` / `identify`", f"{r['help']:.2f} s / {r['identify']:.2f} s", "no torch loaded")
        )
    if (r := load("bench-embedding")) is not None:
        for threads in (1, 2):
            row = r[f"threads {threads}"]
            batch, single, peak, start = (
                row["ratios"][k]["ratio"] for k in ("batch ms", "single ms", "peak MiB", "cold start s")
            )
            ours = row["settings"]["FirstSight"]
            about = f"embedding a glyph, five views, threads: {threads}; alone / in a batch of {r['batch']}"
            times = f"{ours['single ms']:.1f} ms / {ours['batch ms'] / r['batch']:.1f} ms"
            beside = f"{single:.1f} / {batch:.1f} times as fast as torch at its best of several settings"
            beside += f", in 1/{peak:.1f} of its memory, started in 1/{start:.1f} of its time"
            rows.append((about, times, beside))
    if (r := load("bench")) is not None:
        row = r["evaluation of 13,180 embeddings, rivals pytorch-metric-learning and scikit-learn"]
        beside = f"{row['ratio']:.0f} times as fast as pytorch-metric-learning and scikit-learn in the same run"
        beside += f", in 1/{row['memory ratio']:.0f} of their memory"
        about = "P@1, MAP@R, EER and AUC over 13,180 embeddings, all 86.8 million pairs"
        rows.append((about, f"{row['firstsight seconds']:.1f} s, {row['firstsight peak MiB']} MiB", beside))
        row = r["evaluation of 200,000 embeddings"]
        about = "the same over 200,000 embeddings, 20,000 million pairs"
        rows.append((about, f"{row['seconds']:.0f} s, {row['peak MiB']} MiB", "allowed 1 GB"))
    if (r := load("bench-training")) is not None:
        one, two = r["threads 1"], r["threads 2"]
        ours, plain, loader = (
            " / ".join(f"{t['rows'][t['best'][who]]['images per second']:.0f}" for t in (one, two))
            for who in ("firstsight", "plain", "loader")
        )
        about = "training the network of `glyphs` in batches of 128 by AdamW on one core / two: images a second"
        shipped = " / ".join(
            f"{t['rows']['the recipe as shipped: muon, composites']['images per second']:.0f}" for t in (one, two)
        )
        beside = f"the fastest plain loop we could write {plain}, as people write it {loader}"
        rows.append((about, ours, f"{beside}; the recipe as shipped {shipped}"))
    if (r := load("resume")) is not None:
        about = (
            "training stopped by `kill -9` at a drawn step or amid a checkpoint, then resumed: weights equal to the bit"
        )
        rows.append((about, f"**{r['survived']}**", f"{r['steps']} steps on Omniglot, some runs killed four times"))
    if (r := load("store-kills")) is not None:
        kinds = [r[kind] for kind in ("single", "bulk", "remove")]
        kills, lost, half, corrupt = (sum(k[w] for k in kinds) for w in ("rounds", "lost", "half", "corrupt"))
        about = f"galleries: {kills} times `kill -9` amid enrolments, batches and removals: lost, half done, damaged"
        told = sum(k["acknowledged"] for k in kinds)
        rows.append(
            (about, f"**{lost}, {half}, {corrupt}**", f"{told:,} writes were acknowledged, each after its sync")
        )
    if (r := load("bench-store")) is not None:
        search = next(v for k, v in r.items() if k.startswith("exact top"))
        one, many = search["1 probe, milliseconds"], search["64 probes, milliseconds"]
        about = "identify among 100,000 exactly, one thread: one probe / 64"
        beside = f"{one['ratio']:.1f} / {many['ratio']:.1f} times as fast as {one['rival is']}"
        rows.append((about, f"{one['firstsight']:.1f} ms / {many['firstsight']:.0f} ms", beside))
        row = r["a durable enrolment, milliseconds"]
        about = "enrolling a given embedding, synced to disk"
        rows.append((about, f"{row['firstsight']:.2f} ms", f"bare SQLite insert and commit {row['rival']:.2f} ms"))
    rows += served()
    if (r := load("demo")) is not None:
        rows.append(("`make demo` after installation, two cores", f"{r['seconds'] / 60:.1f} minutes", "allowed 8"))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def served() -> list[tuple[str, str, str]]:
    """The service under load, and under malformed requests."""
    rows = []
    if (r := load("bench-service")) is not None:
        row, mixed = r["identify"], r["mixed load at half of that"]
        beside = f"{row['ratio']:.2f} of what one process does that decodes, embeds and searches, a thread each"
        about = f"the service, identify asked by {row['clients']} clients"
        rows.append((about, f"{row['service, a second']:.0f} a second", beside))
        many, wrong = sum(mixed["answered"].values()), sum(mixed["errors"].values())
        about = f"{mixed['minutes']:.0f} minutes of identify, verify, enroll and remove at half of that: errors"
        beside = f"{many:,} requests; p50 {mixed['p50 ms']:.0f} ms, p99 {mixed['p99 ms']:.0f} ms; memory at the end "
        rows.append(
            (about, f"**{wrong}**", f"{beside}{mixed['memory, end / after a fifth']:.2f} of that after a fifth")
        )
    if (r := load("service-fuzz")) is not None:
        about = f"{r['requests']:,} malformed requests: answered by 5xx, connections held, rows that nobody asked for"
        wrong = len(r["stored that was not legal"])
        rows.append((about, f"**{r['5xx']}, {r['connections held']}, {wrong}**", "the process is the one it was"))
    return rows


def trainings(report: dict[str, Any]) -> str:
    """The accuracy of each training."""
    return "trainings of seeds 0, 1, 2: " + ", ".join(f"{v:.2%}" for v in report["accuracy of trainings 0, 1, 2"])


def learned(name: str) -> str:
    """What the model of a published split took, and when: the recipe may have changed since."""
    file = json.loads((RESULTS / f"{name}.json").read_text())
    trained = file["result"]["trained"]
    minutes = trained["core_seconds"] / 60
    return f"learned on {file['date']} in {trained['steps']:,} steps, {minutes:.0f} core-minutes"


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
