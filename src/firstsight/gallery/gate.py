"""The quality gate: what speaks against an image before it is enrolled. docs/decisions/0015-quality-gate.md."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from firstsight.calibration import FEW_CLASSES, Calibration
from firstsight.decision import Templates
from firstsight.errors import QualityError, count, unknown
from firstsight.gallery.enrolled import Blocks, search
from firstsight.gallery.taking import Taken
from firstsight.inputs import GlyphInput, Input
from firstsight.model import Model
from firstsight.types import Finding, FloatArray, Store

NAMES = ("blank", "blur", "contrast", "duplicate", "outlier", "size")
ODDS = 10.0
"""How many times likelier the one thing must be than the other before the scores speak against an image."""
CONTRAST = 28.0  # grey levels of 255, of any picture
ORDER = 0.12  # correlation of neighbouring pixels: noise is within 0.1 of 0
SHARPNESS_DRAWN, SHARPNESS_SHOWN = 12.0, 8.0  # edges that fill the longer side
_ALIKE = 0.95  # of the way from the threshold to an image's score with itself: whatever the gallery's size, a duplicate
_HALVINGS = 16
_LISTED = 10  # findings that a sentence has room for


def overridden(names: Iterable[str]) -> frozenset[str]:
    """The names of findings that are not to count; ``all`` stands for each.

    Raises:
        UsageError: a name of none.
    """
    asked = [names] if isinstance(names, str) else list(names)
    for name in asked:
        if name not in (*NAMES, "all"):
            raise unknown("finding", name, [*NAMES, "all"])
    return frozenset(NAMES) if "all" in asked else frozenset(asked)


def refuse(findings: Sequence[Finding], override: frozenset[str], who: str) -> None:
    """Refuse to enroll while a finding is left that was not overridden.

    Raises:
        QualityError: it lists all of them.
    """
    left = [f for f in findings if f.name not in override]
    if not left:
        return
    said = "; ".join(f"{f.source}: {f.message}" for f in left[:_LISTED])
    more = f"; and {len(left) - _LISTED} more" if len(left) > _LISTED else ""
    names = " ".join(f"--override {name}" for name in sorted({f.name for f in left}))
    raise QualityError(f"{who} can't be enrolled, {said}{more}; or enroll all the same with {names}", left)


def of_pixels(taken: Iterable[Taken], reader: Input) -> list[Finding]:
    """What the pixels of images have against them: blank, blur, contrast, size."""
    return [finding for one in taken for finding in _pixels_of(one, reader)]


def _pixels_of(taken: Taken, reader: Input) -> Iterable[Finding]:
    seen, drawn = taken.quality, isinstance(reader, GlyphInput)
    if taken.blank or seen.order < ORDER:
        what = "; ".join(taken.notes) or "nothing but noise or the grain of the paper"
        told = f"nothing is there to recognise ({what}); show one thing, well lit"
        yield Finding("blank", taken.place, told, seen.order, ORDER)
        return
    least = reader.extent / 2 if isinstance(reader, GlyphInput) else max(reader.shape[1:]) / 4
    if seen.size < least:
        part = "the drawing is" if drawn else "the picture's shorter side is"
        told = f"{part} {seen.size} pixels, at least {least:.0f} are expected; come nearer or send the original"
        yield Finding("size", taken.place, told, float(seen.size), least)
    if seen.contrast < CONTRAST:
        told = (
            f"the picture is faint: {seen.contrast:.0f} of 255 grey levels lie between dark and light, at least "
            f"{CONTRAST:.0f} are expected; take it again in better light"
        )
        yield Finding("contrast", taken.place, told, seen.contrast, CONTRAST)
    sharp = SHARPNESS_DRAWN if drawn else SHARPNESS_SHOWN * min(1.0, seen.longer / max(reader.shape[1:]))
    if seen.sharpness < sharp:
        told = (
            f"the picture is blurred: sharpness {seen.sharpness:.1f}, at least {sharp:.1f} is expected; take it again "
            "with steady hands"
        )
        yield Finding("blur", taken.place, told, seen.sharpness, sharp)


def examine(
    store: Store,
    model: Model,
    blocks: Blocks,
    identity: str | None,
    taken: Sequence[Taken],
    vectors: FloatArray,
    *,
    replace: bool = False,
) -> list[Finding]:
    """All that speaks against enrolling images with embeddings ``(n, d)``; those that the identity has already pass.

    Args:
        store: where references are.
        model: whose embeddings they are.
        blocks: everybody enrolled.
        identity: whose images these are to be; None: of nobody who is enrolled.
        taken: the ``n`` images.
        vectors: their embeddings.
        replace: whether the references that the identity has are to go.
    """
    known = store.known([t.key for t in taken])
    has = np.array([(identity, t.key) in known for t in taken], bool)
    judged = {n: of_pixels([taken[n]], model.input) for n in np.flatnonzero(~has).tolist()}
    findings = [finding for seen in judged.values() for finding in seen]
    fresh = [n for n, seen in judged.items() if all(f.name != "blank" for f in seen)]
    some, theirs = [taken[n] for n in fresh], vectors[fresh]
    findings += of_likeness(model, blocks, known, [identity] * len(some), some, theirs)
    if identity is not None:
        own = vectors[has] if replace else store.vectors(identity)
        findings += of_strangeness(model, own, some, theirs, identity)
    places = [t.place for t in taken]
    return sorted(findings, key=lambda f: places.index(f.source))


def of_likeness(
    model: Model,
    blocks: Blocks,
    known: Iterable[tuple[str, str]],
    owners: Sequence[str | None],
    taken: Sequence[Taken],
    vectors: FloatArray,
) -> list[Finding]:
    """Which embeddings ``(n, d)`` show another identity than that of their ``owners (n,)``.

    Args:
        model: whose they are.
        blocks: everybody enrolled.
        known: ``(identity, key)`` of enrolled references.
        owners: whose images these are to be.
        taken: the ``n`` images.
        vectors: their embeddings.
    """
    if not len(taken):
        return []
    size = sum(len(block.ids) for block in blocks) + len(set(owners)) - 1
    limit, findings = duplicate_limit(model, vectors, size), []
    for one, owner, vector, (who, score) in zip(
        taken, owners, vectors, _nearest_others(model, blocks, owners, vectors), strict=True
    ):
        copied = min((name for name, key in known if key == one.key and name != owner), default=None)
        if copied is not None:
            told = f"this very image is enrolled as {copied}; it can be of one of them only"
            own = self_score(model, vector[None])
            findings.append(Finding("duplicate", one.place, told, own, min(limit, own)))
        elif score >= limit:
            told = (
                f"it looks like {who}: score {score:.2f}, less than {limit:.2f} is expected of somebody else among "
                f"{count(size, 'identity', 'identities')}; enroll it as {who}, if that is what it shows"
            )
            findings.append(Finding("duplicate", one.place, told, score, limit))
    return findings


def _nearest_others(
    model: Model, blocks: Blocks, owners: Sequence[str | None], vectors: FloatArray
) -> list[tuple[str, float]]:
    """For each embedding the identity, not its owner, that is most like it: enrolled, or among these embeddings."""
    if sure_of(model) is None:
        return [("", -np.inf)] * len(vectors)
    nearest = []
    for owner, (names, scores) in zip(owners, search(blocks, model, vectors, 2), strict=True):
        others = ((str(n), float(s)) for n, s in zip(names, scores, strict=True) if n != owner)
        nearest.append(next(others, ("", -np.inf)))
    if len(set(owners)) > 1:
        named = np.array([str(owner) for owner in owners])
        table = np.where(named[:, None] == named, -np.inf, model.score(vectors, vectors))
        best = table.argmax(axis=1)
        for n, other in enumerate(best):
            if table[n, other] > nearest[n][1]:
                nearest[n] = str(named[other]), float(table[n, other])
    return nearest


def of_strangeness(
    model: Model, own: FloatArray, taken: Sequence[Taken], vectors: FloatArray, who: str
) -> list[Finding]:
    """Which embeddings ``(n, d)`` do not fit the identity's references ``own (m, d)`` and each other.

    Each is compared with the template of all the others.
    """
    calibration, findings = sure_of(model), []
    if calibration is None or not len(vectors) or len(own) + len(vectors) < 2:
        return []
    limit = outlier_limit(model, calibration, vectors)
    for n, one in enumerate(taken):
        others = np.concatenate([own, vectors[:n], vectors[n + 1 :]])
        template = Templates.of(model, others, np.zeros(len(others), np.int64), 1, calibration)
        score = float(template.scores(model, vectors[n : n + 1])[0, 0])
        if score < limit:
            rest = "the other image" if len(others) == 1 else f"the other {len(others):,} images"
            told = (
                f"it does not look like {rest} of {who}: score {score:.2f}, at least {limit:.2f} "
                "is expected; see that it shows the same one"
            )
            findings.append(Finding("outlier", one.place, told, score, limit))
    return findings


def duplicate_limit(model: Model, vectors: FloatArray, size: int) -> float:
    """The score from which on an image shows another one of ``size`` identities.

    There it is surely ``ODDS`` times as likely to be one of them as to be a newcomer who happens to look like one, so
    the larger the gallery the higher it is: never below the model's threshold, and never so high that a copy is missed.
    Infinite where the calibration is too weak to tell.
    """
    calibration = sure_of(model)
    if calibration is None:
        return float("inf")
    threshold, own = calibration.threshold, self_score(model, vectors)
    highest = max(threshold, threshold + _ALIKE * (own - threshold))
    asked = 1 - 1 / (1 + ODDS * max(1, size))
    return _turning(threshold, highest, lambda score: calibration.band(score)[0] >= asked)


def outlier_limit(model: Model, calibration: Calibration, vectors: FloatArray) -> float:
    """The score below which an image is surely ``ODDS`` times as likely to show a stranger as to show the same one."""
    threshold = calibration.threshold
    lowest = threshold - 4 * (abs(self_score(model, vectors) - threshold) or 1.0)
    return _turning(lowest, threshold, lambda score: calibration.band(score)[1] >= 1 / (1 + ODDS))


def _turning(low: float, high: float, reached: Callable[[float], bool]) -> float:
    """The score between two, from which on something is reached; ``high`` where it is not reached below that."""
    if reached(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return high


def sure_of(model: Model) -> Calibration | None:
    """The calibration, where it stands on classes enough to tell what is unlikely; on few, all seems certain."""
    calibration = model.calibration
    return None if calibration is None or 0 < len(calibration.classes) < FEW_CLASSES else calibration


def self_score(model: Model, vectors: FloatArray) -> float:
    """What an image scores against itself."""
    return float(np.median(model.similarity.aligned(vectors, vectors)))
