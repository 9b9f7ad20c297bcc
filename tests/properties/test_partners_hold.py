"""Partners: a "different" pair can never share a label, a "same" pair is never one example twice."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from firstsight.learn.comparisons.batch import SampledPairs, SampledTriplets, partners
from firstsight.learn.similarities.fixed import Euclidean

SEEDED = settings(derandomize=True, deadline=None, max_examples=200)
LABELS = st.lists(st.integers(0, 5), min_size=2, max_size=24).filter(lambda found: len(set(found)) > 1)


@given(labels=LABELS, seed=st.integers(0, 10**6))
@SEEDED
def test_a_negative_never_shares_the_label_and_a_positive_is_another_example(labels, seed):
    """Every negative has another label; every positive has the same and is not the anchor, or is -1 for none."""
    named = torch.tensor(labels)
    positive, negative = partners(named, torch.Generator().manual_seed(seed))
    assert (named[negative] != named).all()
    for i, p in enumerate(positive.tolist()):
        if p == -1:
            assert labels.count(labels[i]) == 1
        else:
            assert labels[p] == labels[i]
            assert p != i


@given(labels=LABELS.filter(lambda found: len(set(found)) < len(found)), seed=st.integers(0, 10**6))
@SEEDED
def test_pairs_say_the_truth(labels, seed):
    """What a sampled pair calls same shares a label and is two examples; what it calls different does not."""
    named = torch.tensor(labels)
    # Labels far apart and examples slightly apart: the distance tells both.
    places = (named * 1000.0 + torch.arange(len(labels)))[:, None]
    found = SampledPairs(Euclidean(), 1, 6)(places, named, torch.Generator().manual_seed(seed))
    distance = -found.score
    assert (distance > 0).all()
    assert torch.equal(found.same == 1, distance < 500)


@given(labels=LABELS.filter(lambda found: len(set(found)) < len(found)), seed=st.integers(0, 10**6))
@SEEDED
def test_triplets_say_the_truth(labels, seed):
    """In every triplet the first column is another example of the anchor's label and the second of another label."""
    named = torch.tensor(labels)
    places = (named * 1000.0 + torch.arange(len(labels)))[:, None]
    found = SampledTriplets(Euclidean(), 1, 6)(places, named, torch.Generator().manual_seed(seed))
    assert len(found.score) == sum(labels.count(label) > 1 for label in labels)
    assert ((-found.score[:, 0] > 0) & (-found.score[:, 0] < 500)).all()
    assert (-found.score[:, 1] > 500).all()
