"""The values that verbs answer with."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import firstsight
from firstsight import api
from firstsight.client.wire import parsed
from firstsight.errors import CalibrationError, UndecidedError
from firstsight.types import Candidate, Check, Decision, Match


def test_a_decision_is_as_true_as_its_answer() -> None:
    """``if gallery.verify(...)`` holds for "same" alone, and a score without an answer refuses to be one."""
    assert Decision(True, 0.9, 0.8, 0.5, "")
    assert not Decision(False, 0.1, 0.2, 0.5, "")
    for kind in (UndecidedError, CalibrationError, TypeError):
        with pytest.raises(kind, match=r"score 0\.900 .*not calibrated; run firstsight calibrate"):
            bool(Decision(None, 0.9, None, None, "not calibrated; run firstsight calibrate"))


def test_a_match_is_true_where_somebody_is_recognised() -> None:
    """``if gallery.identify(...)`` does not hold for "unknown", however near its best candidate is."""
    near = (Candidate("alice", 0.6, 0.5),)
    assert Match("alice", 0.9, 0.8, 0.5, "", near)
    assert not Match(None, 0.6, 0.5, 0.7, "", near)


def test_the_truth_of_an_answer_is_in_no_field() -> None:
    """What a value is asked as a condition changes neither its fields nor its JSON nor its equality."""
    made = Decision(False, 0.1, 0.2, 0.5, "below")
    told = {"same": False, "score": 0.1, "probability": 0.2, "threshold": 0.5, "reason": "below"}
    assert json.loads(json.dumps(dataclasses.asdict(made))) == told | {
        "probability_low": None,
        "probability_high": None,
        "needed": None,
        "answer": "",
    }
    assert made == dataclasses.replace(made)
    assert Decision(None, 0.1, None, None, "") == Decision(None, 0.1, None, None, "")


def test_verbs_answer_with_their_truth(
    tiny_model: Path, uncalibrated_model: Path, shapes: Path, tmp_path: Path
) -> None:
    """Of a gallery, of a model and of a service's client the same condition holds."""
    one, other = shapes / "circle" / "0.png", shapes / "cross" / "0.png"
    with firstsight.Gallery.create(tmp_path / "g.db", model=tiny_model) as gallery:
        gallery.enroll("circle", one)
        for answer in (
            gallery.verify("circle", one),
            gallery.model.compare(one, one),
            api.compare(tiny_model, one, one),
        ):
            assert bool(answer) is answer.same is True
        for probe in (one, other):
            found = gallery.identify(probe)
            assert bool(found) is (found.identity is not None)
            sent = json.dumps(dataclasses.asdict(found)).encode()
            assert bool(parsed(Match, sent)) is bool(found)
            answer = gallery.verify("circle", probe)
            assert bool(parsed(Decision, json.dumps(dataclasses.asdict(answer)).encode())) is answer.same
            assert bool(answer) is answer.same
    with pytest.raises(UndecidedError):
        bool(api.compare(uncalibrated_model, one, other))


def test_a_check_is_true_unless_something_is_broken() -> None:
    """``all(doctor())`` says whether all is well; what only informs spoils nothing."""
    assert all([Check("versions", None, ""), Check("model", True, "")])
    assert not all([Check("versions", None, ""), Check("store", False, "")])
