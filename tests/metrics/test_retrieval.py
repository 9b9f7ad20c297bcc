"""Retrieval in cases that can be known beforehand, and the memory that a survey of many embeddings takes."""

import json
import subprocess
import sys

import numpy as np
import pytest

from firstsight.errors import DataError
from firstsight.metrics.retrieval import retrieval


def dot(left, right):
    """Scores by the dot product."""
    return left @ right.T


def constant(left, right):
    """One score for all."""
    return np.zeros((len(left), len(right)), np.float32)


def test_one_point_a_class_finds_all():
    """When all of a class score best, precision, recall and MAP@R are 1."""
    labels = np.arange(700) % 16
    found = retrieval(dot, np.eye(16, dtype=np.float32)[labels], labels)
    assert (found.precision_at_1 == 1).all()
    assert (found.recall == 1).all()
    np.testing.assert_allclose(found.map_at_r, 1)
    assert found.left_out == 0


def test_a_constant_scorer_gets_chance():
    """Of 60 in classes of 6 the nearest is right with chance 5/59, any of ten by the hypergeometric law."""
    found = retrieval(constant, np.ones((60, 2), np.float32), np.arange(60) % 10, ks=(1, 10))
    np.testing.assert_allclose(found.precision_at_1, 5 / 59)
    none = np.prod([(54 - i) / (59 - i) for i in range(10)])
    np.testing.assert_allclose(found.recall, np.tile([5 / 59, 1 - none], (60, 1)))


def test_map_at_r_of_the_paper():
    """With R = 10 and only the first nearest right MAP@R is 1/10; with all but the last, 9/10."""
    for hits, expected in (([1, *[0] * 9], 0.1), ([*[1] * 9, 0], 0.9)):
        # The query scores its candidates 20, 19, ...; those missing among the first ten come last.
        right = [*hits, *[1] * (10 - sum(hits))]
        row = np.append(0, np.arange(len(right), 0, -1)).astype(np.float32)
        labels = np.append(1, right)
        places = np.arange(len(row), dtype=np.float32)[:, None]

        def score(left, right, row=row):
            return np.broadcast_to(row[right[:, 0].astype(int)], (len(left), len(right)))

        found = retrieval(score, places, labels, rows=np.array([0]))
        assert found.map_at_r == pytest.approx(expected)
        assert found.right.tolist() == [10]


def test_queries_with_nothing_to_find_are_left_out_and_counted():
    """A class of one does not ask, nor one whose other members are kept apart; queries keep their order."""
    labels = np.array([3, 1, 3, 2, 1])
    found = retrieval(dot, np.eye(5, dtype=np.float32), labels)
    assert found.queries.tolist() == [0, 1, 2, 4]
    assert found.left_out == 1
    found = retrieval(dot, np.eye(5, dtype=np.float32), labels, apart=np.array([0, 7, 0, 1, 8]))
    assert found.queries.tolist() == [1, 4]
    assert found.left_out == 3


def test_nothing_to_find_at_all_is_an_empty_answer():
    """With classes of one only every query is left out."""
    found = retrieval(dot, np.eye(5, dtype=np.float32), np.arange(5), ks=(1, 5))
    assert found.recall.shape == (0, 2)
    assert found.left_out == 5


def test_recall_does_not_fall_with_k():
    """More nearest ones find no fewer; recall@1 is precision at 1; beyond all candidates it is 1."""
    draw = np.random.default_rng(0)
    embeddings, labels = draw.normal(size=(300, 4)).astype(np.float32), draw.integers(0, 20, 300)
    found = retrieval(dot, embeddings, labels, ks=(1, 2, 5, 50, 400))
    np.testing.assert_array_equal(found.recall[:, 0], found.precision_at_1)
    assert (np.diff(found.recall, axis=1) >= 0).all()
    assert (found.recall[:, -1] == 1).all()


@pytest.mark.parametrize("rows", [[], [-1], [5]])
def test_rows_that_do_not_exist_are_refused(rows):
    """No rows and rows beyond the data are errors."""
    with pytest.raises(DataError):
        retrieval(dot, np.eye(5, dtype=np.float32), np.zeros(5, int), rows=np.array(rows, int))


MEASURED = """
import json, pathlib
import numpy as np
from firstsight.metrics.survey import survey

def peak():  # not getrusage: its maximum counts what the starting process held before this one began
    status = pathlib.Path("/proc/self/status").read_text().splitlines()
    return int(next(row for row in status if row.startswith("VmHWM")).split()[1]) / 1024

draw = np.random.default_rng(0)
labels = np.arange(20_000) // 20
embeddings = (draw.normal(size=(1000, 32))[labels] + draw.normal(size=(20_000, 32))).astype(np.float32)
embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
before = peak()
found = survey(lambda a, b: a @ b.T, embeddings, labels)
assert found.pairs.genuine.sum() + found.pairs.impostor.sum() == 20_000 * 19_999 // 2
print(json.dumps({"grown": peak() - before}))
"""


def test_a_survey_of_20_000_takes_little_memory():
    """200 million pairs, whose scores alone fill 760 MiB, are surveyed in less than 150 MiB more than before."""
    done = subprocess.run([sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["grown"] < 150
