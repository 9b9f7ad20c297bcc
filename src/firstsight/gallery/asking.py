"""Asking a gallery: several probes fused into one question, and many questions with an answer each at most once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from firstsight.calibration import Calibration
from firstsight.decision import NOBODY, Templates, assign, decide, match, match_in_words
from firstsight.errors import CalibrationError, GalleryError, UsageError, count
from firstsight.gallery.enrolled import Blocks, search
from firstsight.model import Model
from firstsight.types import Candidate, Decision, FloatArray, IntArray, Match

MOST_PROBES = 1000  # of one assignment


def fused(model: Model, probes: FloatArray) -> tuple[FloatArray, float]:
    """Probes ``(k, d)`` of one thing as one vector ``(1, d)``, and what its scores lose.

    As references are fused, so are probes. A score is symmetric, so the shift of k probes is that of k references, and
    of k probes against m references the sum of both: docs/decisions/0016-fusing-and-assigning.md.
    """
    template = Templates.of(model, probes, np.zeros(len(probes), np.int64), 1, model.calibration)
    return template.vectors, float(template.shifts[0])


def verified(model: Model, references: FloatArray, probes: FloatArray) -> Decision:
    """Do probes ``(k, d)`` of one thing show what references ``(m, d)`` show?

    Raises:
        CalibrationError: the model is not calibrated.
    """
    calibration = _calibrated(model)
    template = Templates.of(model, references, np.zeros(len(references), np.int64), 1, calibration)
    vector, shift = fused(model, probes)
    return decide(float(template.scores(model, vector)[0, 0]) - shift, calibration)


def matched(model: Model, blocks: Blocks, probes: FloatArray, *, top: int, shift: float = 0.0) -> list[Match]:
    """For each probe ``(n, d)`` which identity it is, or unknown; its scores lose ``shift``.

    Raises:
        GalleryError: nobody is enrolled.
        UsageError: no candidate is asked for.
        CalibrationError: the model is not calibrated.
    """
    enrolled = _asked(blocks, top)
    found = search(blocks, model, probes, max(2, top))
    return [match(best - np.float32(shift), who, model.calibration, top=top, enrolled=enrolled) for who, best in found]


def assigned(model: Model, blocks: Blocks, probes: FloatArray, *, top: int) -> list[Match]:
    """For each probe ``(n, d)`` an identity that no other probe is given, or unknown.

    Of all ways to do so, the one in which what the scores exceed the threshold by adds up to most. The n best
    identities of each probe suffice: n - 1 at most are taken by other probes, so the best that is left is among them.

    Raises:
        GalleryError: nobody is enrolled.
        UsageError: no candidate is asked for, or more probes came than can be assigned at once.
        CalibrationError: the model is not calibrated.
    """
    calibration, enrolled = _calibrated(model), _asked(blocks, top)
    if not len(probes):
        return []
    if len(probes) > MOST_PROBES:
        raise UsageError(f"{count(len(probes), 'probe', 'probes')} came, at most {MOST_PROBES:,} are assigned at once")
    found = search(blocks, model, probes, max(2, top, len(probes) + 1))
    _, place = np.unique([who for row, _ in found for who in row], return_inverse=True)
    indices = place.reshape(len(found), -1)
    scores = np.array([best for _, best in found], np.float32).reshape(indices.shape)
    given = assign(indices, scores, calibration)
    answers = []
    for n, (who, best) in enumerate(found):
        plain = match(best, who, calibration, top=top, enrolled=enrolled)
        answers.append(_answer(n, given, indices, scores, who, plain, model, enrolled))
    return answers


def _answer(
    n: int,
    given: IntArray,
    indices: IntArray,
    scores: FloatArray,
    who: Sequence[str],
    plain: Match,
    model: Model,
    enrolled: int,
) -> Match:
    """The match of one probe, after all were assigned; ``plain`` is what it would be alone."""
    if given[n] == NOBODY:
        if plain.identity is None:
            return plain
        reason = f"{plain.identity} (score {plain.score:.3f}) is another probe's, and nobody else reaches the threshold"
        why = f"{plain.identity} is another probe's, and nobody else reaches the threshold"
        return _nobody(plain, plain.candidates[0], enrolled, reason, why)
    mine = int(np.flatnonzero(indices[n] == given[n])[0])
    free = ~np.isin(indices[n], np.delete(given, n))
    free[mine] = False
    rivals = np.flatnonzero(free & (scores[n] == scores[n, mine]))
    if len(rivals):
        reason = f"{who[mine]} and {who[rivals[0]]} score the same ({scores[n, mine]:.3f})"
        one = match(scores[n, mine : mine + 1], [who[mine]], model.calibration).candidates[0]
        return _nobody(plain, one, enrolled, reason, f"{who[mine]} and {who[rivals[0]]} are as alike")
    if mine == 0 and plain.identity is not None:
        return plain
    own = match(scores[n, mine : mine + 1], [who[mine]], model.calibration, enrolled=enrolled)
    reason = f"{own.reason}; who scores as high or higher is another probe's"
    return replace(own, reason=reason, candidates=plain.candidates)


def _nobody(plain: Match, one: Candidate, enrolled: int, reason: str, why: str) -> Match:
    """No answer, though ``one`` reaches the threshold."""
    made = replace(plain, identity=None, reason=reason)
    return replace(made, answer=match_in_words(made, one, enrolled, why=why))


def _asked(blocks: Blocks, top: int) -> int:
    """How many are enrolled."""
    if top < 1:
        raise UsageError(f"top is {top}, at least 1 was expected")
    if not blocks:
        raise GalleryError("nobody is enrolled in this gallery yet; run firstsight enroll GALLERY IDENTITY IMAGE")
    return sum(len(block.ids) for block in blocks)


def _calibrated(model: Model) -> Calibration:
    if model.calibration is None:
        raise CalibrationError(
            f"{model.path} is not calibrated, so it cannot decide; run firstsight calibrate {model.path}"
        )
    return model.calibration
