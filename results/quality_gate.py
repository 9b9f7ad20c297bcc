"""The quality gate on real data, and probes fused: how often it is wrong, how often it is right.

python results/make.py gate     into results/gate.json; 5 minutes on one core
"""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from firstsight.datasets import DataSet, open_data
from firstsight.datasets.archives import find_archive
from firstsight.decision import Templates
from firstsight.evaluation.baseline import Pixels
from firstsight.evaluation.embedded import embedded
from firstsight.gallery import Gallery
from firstsight.gallery.bulk import enroll_data
from firstsight.gallery.gate import duplicate_limit, of_pixels, outlier_limit
from firstsight.gallery.taking import take
from firstsight.inputs import GlyphInput, ImageInput, Input
from firstsight.inputs.decode import decode
from firstsight.metrics.openset import fnir_at_fpir, open_set_curve
from firstsight.model import Model

SEED, GOOD, WORSE = 0, 2000, 300
Array = np.ndarray[Any, Any]


def members(archive: str, ending: str) -> list[bytes]:
    """Images of an archive."""
    with zipfile.ZipFile(find_archive(archive, how="set FIRSTSIGHT_DATA to the folder that holds it")) as z:
        return [z.read(name) for name in sorted(z.namelist()) if name.endswith(ending)]


def examples(address: str) -> list[Callable[[], Any]]:
    """Loaders of a data set."""
    return [e.load for e in open_data(address).examples]


def held(images: Sequence[bytes]) -> list[Callable[[], Any]]:
    """The same of images at hand."""
    return [lambda image=image: image for image in images]


def worse(pixels: Array, rng: np.random.Generator) -> dict[str, Array]:
    """An image spoiled in every way that should be refused."""
    image, longer = Image.fromarray(pixels), max(pixels.shape[:2])
    mean = pixels.mean(axis=(0, 1), keepdims=True)
    small = (max(1, image.width // 8), max(1, image.height // 8))
    paper = np.percentile(pixels, 95) + rng.normal(0, 3, pixels.shape)
    return {
        "blurred, sigma 6 % of the longer side": np.asarray(image.filter(ImageFilter.GaussianBlur(0.06 * longer))),
        "blurred, sigma 8 %": np.asarray(image.filter(ImageFilter.GaussianBlur(0.08 * longer))),
        "8 times smaller": np.asarray(image.resize(small, Image.Resampling.BOX)),
        "contrast to 10 %": (mean + 0.1 * (pixels - mean)).round().clip(0, 255).astype(np.uint8),
        "empty paper with grain": paper.clip(0, 255).astype(np.uint8),
        "one grey": np.full_like(pixels, 128),
        "nothing but noise": rng.integers(0, 256, pixels.shape).astype(np.uint8),
    }


def pixel_findings(loaders: list[Callable[[], Any]], reader: Input, rng: np.random.Generator) -> dict[str, Any]:
    """Share of images refused: as they are, and spoiled."""
    model: Any = SimpleNamespace(input=reader)
    chosen = [loaders[i] for i in rng.permutation(len(loaders))[:GOOD]]
    named: Counter[str] = Counter()
    refused = 0
    found: Counter[str] = Counter()
    spoiled = 0
    for n, load in enumerate(chosen):
        source = load()
        findings = of_pixels([take(model, source, keep=False)], reader)
        refused += bool(findings)
        named.update(f.name for f in findings)
        if n < WORSE:
            spoiled += 1
            pixels = np.asarray(decode(source, colour=reader.shape[0] == 3))
            for name, bad in worse(pixels, rng).items():
                found[name] += bool(of_pixels([take(model, bad, keep=False)], reader))
    return {
        "images": len(chosen),
        "refused though good": refused / len(chosen),
        "by": dict(named),
        "spoiled": spoiled,
        "refused when": {name: found[name] / spoiled for name in found},
    }


def likeness(model: Model, data: DataSet, vectors: Array, rng: np.random.Generator) -> dict[str, Any]:
    """Duplicates and outliers: how often a stranger is taken for one, how often one is found."""
    rule = model.calibration
    if rule is None:
        raise SystemExit("the model is not calibrated")
    threshold, labels = rule.threshold, data.labels
    classes = [np.flatnonzero(labels == c) for c in range(len(data.classes))]
    duplicates = {}
    for size in (10, 50, 100, 340):
        limit = duplicate_limit(model, vectors, size)
        rates = []
        for _ in range(20):
            order = rng.permutation(len(classes))[:size]
            references = np.array([rng.choice(classes[c]) for c in order])
            others = rng.permutation(np.flatnonzero(~np.isin(labels, order)))[:300]
            again = np.array([rng.choice(np.setdiff1d(classes[c], references)) for c in order])
            strangers = model.score(vectors[others], vectors[references]).max(axis=1)
            known = model.score(vectors[again], vectors[references]).max(axis=1)
            rates.append([(s >= at).mean() for at in (limit, threshold) for s in (strangers, known)])
        false, found, false_at, found_at = np.mean(rates, axis=0).round(4).tolist()
        duplicates[f"{size} enrolled"] = {
            "limit": round(limit, 3),
            "newcomers taken for another": false,
            "another's drawing found": found,
            "at the threshold: newcomers taken for another": false_at,
            "at the threshold: another's drawing found": found_at,
        }
    outliers = {}
    limit = outlier_limit(model, rule, vectors)
    for k in (1, 2, 4):
        own, strange = [], []
        for _ in range(8):
            for members_of in classes:
                drawn = rng.permutation(members_of)[: k + 1]
                template = Templates.of(model, vectors[drawn[:k]], np.zeros(k, np.int64), 1, rule)
                probes = vectors[[drawn[k], rng.choice(np.flatnonzero(labels != labels[drawn[0]]))]]
                mine, other = template.scores(model, probes)[:, 0]
                own.append(mine)
                strange.append(other)
        outliers[f"{k} enrolled"] = {
            "limit": round(limit, 3),
            "own images refused": float(np.mean(np.array(own) < limit)),
            "others' images found": float(np.mean(np.array(strange) < limit)),
            "at the threshold: own images refused": float(np.mean(np.array(own) < threshold)),
            "at the threshold: others' images found": float(np.mean(np.array(strange) < threshold)),
        }
    return {"data": data.name, "threshold": threshold, "duplicate": duplicates, "outlier": outliers}


def copies(model: Model, data: DataSet, rng: np.random.Generator) -> dict[str, Any]:
    """The very image under another name, saved as another file: found whatever the gallery's size?"""
    limit, found, asked = 0.0, 0, 0
    for i in rng.permutation(len(data))[:200]:
        picture = decode(data.examples[i].load(), colour=False)
        buffer = io.BytesIO()
        picture.resize((3 * picture.width // 2, 3 * picture.height // 2)).save(buffer, "JPEG", quality=75)
        vectors = model.embed([np.asarray(picture), buffer.getvalue()])
        limit = duplicate_limit(model, vectors, 1_000_000)
        found += float(model.score(vectors[:1], vectors[1:])[0, 0]) >= limit
        asked += 1
    return {"images": asked, "among": 1_000_000, "limit": round(limit, 3), "found": found / asked}


def bulk(model: Model, data: DataSet) -> dict[str, Any]:
    """A whole data set enrolled at once: what the receipts note."""
    with tempfile.TemporaryDirectory() as folder, Gallery.create(f"{folder}/g.db", model) as gallery:
        receipts = enroll_data(gallery, data)
    noted = sum(any(n.startswith("duplicate") for n in r.notes) for r in receipts)
    return {"data": data.name, "classes": len(receipts), "noted as duplicates": noted}


def speed(model: Model, data: DataSet) -> dict[str, Any]:
    """Processor seconds of bare reading and embedding, and of a bulk enrolment of the same; the least of three."""
    some = data.take(list(range(0, len(data), max(1, len(data) // 500)))[:500], data.name)
    sources = [e.load() for e in some.examples]
    model.embed(sources[:32])
    bare, whole = [], []
    for _ in range(3):
        began = time.process_time()
        model.embed(sources)
        bare.append(time.process_time() - began)
        with tempfile.TemporaryDirectory() as folder, Gallery.create(f"{folder}/g.db", model) as gallery:
            began = time.process_time()
            enroll_data(gallery, some, each=1000)
            whole.append(time.process_time() - began)
    ratio = min(whole) / min(bare)
    return {"images": len(sources), "read and embed": min(bare), "enroll": min(whole), "ratio": round(ratio, 3)}


def fusing(embedder: Any, data: DataSet, vectors: Array, calibration: Any, rng: np.random.Generator) -> dict[str, Any]:
    """Probes fused: FMR at the threshold for k probes against m references, and FNIR of searches among 20."""
    classes = [np.flatnonzero(data.labels == c) for c in range(len(data.classes))]
    count = len(classes)
    rows: dict[str, Any] = {}
    for m in (1, 3):
        for k in (1, 2, 3, 5):
            accepted, mated, right, strangers = [], [], [], []
            for _ in range(40):
                drawn = [rng.permutation(c)[: k + m] for c in classes]
                sides = []
                for part, each in ((slice(None, m), m), (slice(m, None), k)):
                    rows_of, owners = np.concatenate([d[part] for d in drawn]), np.repeat(np.arange(count), each)
                    sides.append(Templates.of(embedder, vectors[rows_of], owners, count, calibration))
                references, probes = sides
                scores = references.scores(embedder, probes.vectors) - probes.shifts[:, None]
                accepted.append((scores >= calibration.threshold)[~np.eye(count, dtype=bool)].mean())
                few = min(20, count // 2)
                inside, outside = np.split(rng.permutation(count), [few])
                table = scores[:, inside]
                mated.append(table[inside].max(axis=1))
                right.append(table[inside].argmax(axis=1) == np.arange(few))
                strangers.append(table[outside].max(axis=1))
            curve = open_set_curve(*map(np.concatenate, (mated, right, strangers)))
            rows[f"{k} probes, {m} references"] = {
                "FMR at the threshold": float(np.mean(accepted)),
                "FNIR at FPIR 1 %": fnir_at_fpir(curve, 0.01),
                "FNIR at FPIR 5 %": fnir_at_fpir(curve, 0.05),
            }
    return rows


def faces() -> tuple[DataSet, Array]:
    """ORL faces by their pixels: vectors of length 1 that nobody trained."""
    from firstsight.types import Example

    with zipfile.ZipFile(find_archive("orl_faces.zip", how="set FIRSTSIGHT_DATA")) as z:
        names = sorted(name for name in z.namelist() if name.endswith(".pgm"))
        found = [Example(name.split("/")[1], *held([z.read(name)]), name) for name in names]
    data, reader = DataSet("orl", tuple(found)), ImageInput(32, 1)
    arrays = np.concatenate([reader.read(e.load()).arrays for e in data.examples]).astype(np.float32)
    arrays -= arrays.mean(axis=(2, 3), keepdims=True)
    return data, Pixels().embed_arrays(arrays)  # type: ignore[arg-type]


def faces_fused(rng: np.random.Generator) -> dict[str, Any]:
    """A threshold and shifts from 20 people, measured on the other 20."""
    from firstsight.calibration import fit_shifts
    from firstsight.metrics.verification import threshold_for_fmr

    data, vectors = faces()
    people = np.array(data.labels)
    learn, test = data.labels < 20, data.labels >= 20
    classes = [np.flatnonzero(people == c) for c in range(20)]
    embedder, impostors = Pixels(), {}
    for k in (1, 2, 3, 4, 5):
        found = []
        for _ in range(60):
            owners = np.repeat(np.arange(20), k)
            made = embedder.templates(vectors[np.concatenate([rng.permutation(c)[:k] for c in classes])], owners, 20)
            scores = embedder.score(vectors[learn], made)
            found.append(scores[people[learn][:, None] != np.arange(20)[None]])
        impostors[k] = np.concatenate(found)
    shifts = fit_shifts(impostors[1], {k: impostors[k] for k in (2, 3, 4, 5)}, 0.01)
    rule: Any = SimpleNamespace(
        threshold=threshold_for_fmr(impostors[1], 0.01), shift=lambda k: shifts[min(k, len(shifts)) - 1]
    )
    rest = data.take(np.flatnonzero(test), "orl, 20 people")
    return {"shifts": shifts, **fusing(embedder, rest, vectors[test], rule, rng)}


def measure() -> dict[str, Any]:
    """All of it."""
    rng = np.random.default_rng(SEED)
    model = Model.load("glyphs")
    drawn, shown = model.input, ImageInput()
    if not isinstance(drawn, GlyphInput):
        raise SystemExit("glyphs was expected to read glyphs")
    sets: dict[str, tuple[list[Callable[[], Any]], Input]] = {
        "omniglot, drawn": (examples("omniglot:evaluation"), drawn),
        "mnist, drawn": (examples("mnist:test"), drawn),
        "icons, shown": (examples("icons:all"), shown),
        "orl faces, shown": (held(members("orl_faces.zip", ".pgm")), shown),
        "lfw faces, shown": (held(members("lfw_dev.zip", ".jpg")), shown),
        "rocks at 28 pixels, shown": (held(members("rocks_sample500.zip", (".jpg", ".png"))), shown),  # type: ignore[arg-type]
    }
    result: dict[str, Any] = {"pixels": {name: pixel_findings(*s, rng) for name, s in sets.items()}}
    test = open_data("omniglot:test")
    vectors = embedded(model, test)[1]
    result["likeness"] = likeness(model, test, vectors, rng)
    result["copies"] = copies(model, test, rng)
    result["bulk"] = bulk(model, test)
    result["speed"] = speed(model, test)
    result["fusing"] = {
        "omniglot:test": fusing(model, test, vectors, model.calibration, rng),
        "orl faces by pixels, threshold and shifts of 20 others": faces_fused(rng),
    }
    return result
