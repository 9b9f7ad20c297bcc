"""Galleries that an evaluation draws."""

import numpy as np
import pytest
from test_oneshot import alphabets, made

from firstsight.errors import DataError
from firstsight.evaluation.enrolment import draw_enrolment


def drawn(data, seed=0, **settings):
    """One draw."""
    return draw_enrolment(data, np.random.default_rng(seed), **settings)


@pytest.mark.parametrize("shots", [1, 3])
def test_probes_strangers_and_references_share_nothing(shots):
    """No reference is asked, every other example of an enrolled class is, and strangers are of no enrolled class."""
    data = alphabets()
    for seed in range(5):
        d = drawn(data, seed, identities=4, shots=shots)
        parts = [d.references, d.probes, d.strangers]
        everyone = np.concatenate(parts)
        assert sorted(everyone) == list(range(len(data)))
        assert (data.labels[d.probes] == d.classes[d.target]).all()
        assert (data.labels[d.references] == d.classes[d.owners]).all()
        assert not set(data.labels[d.strangers]) & set(d.classes)
        assert np.bincount(d.owners).tolist() == [shots] * 4


def test_a_reference_is_not_asked_about_by_its_own_origin():
    """Two photographs by the camera of the reference are no test of the identity, unless asked for."""
    data = made([(c, "", o) for c in "abc" for o in ("x", "x", "y")])
    for seed in range(20):
        d = drawn(data, seed, identities=2, shots=1)
        _, origins = data.origins
        for probe, place in zip(d.probes, d.target, strict=True):
            assert origins[probe] != origins[d.references[place]]
    assert len(drawn(data, identities=2, shots=1, across="examples").probes) == 4


def test_too_few_classes_are_told():
    """An enrolment of more classes than have references and probes is refused with the numbers."""
    with pytest.raises(DataError, match="2 of the 3 classes"):
        drawn(made([("a", "", ""), ("a", "", ""), ("b", "", ""), ("b", "", ""), ("c", "", "")]), identities=3, shots=1)
