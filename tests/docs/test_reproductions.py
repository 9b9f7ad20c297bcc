"""The page of reproductions is made from the files, to the letter, and hides nothing."""

from dataclasses import asdict

from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.record import Measured, Record
from firstsight.types import Metric
from scripts import script

MADE = script("reproductions")


def test_the_page_is_in_step_with_the_files():
    """Whoever changes a result or the catalogue makes the page again: python results/reproductions.py."""
    assert MADE.PAGE.read_text() == MADE.page(MADE.records())


def test_what_was_not_run_is_said_to_be():
    """Without any result, every published figure stands there with "not run yet"."""
    page = MADE.page({name: [] for name in REPRODUCTIONS})
    published = sum(figure.paper is not None for one in REPRODUCTIONS.values() for figure in one.figures)
    assert page.count("not run yet") >= published


def test_a_result_stands_beside_what_was_published():
    """Figure, interval, cost, seed, state, confusion matrix and picture are on the page."""
    kinds = ("same, called same", "same, called different", "different, called same", "different, called different")
    table = dict(zip(kinds, (40, 10, 5, 45), strict=True))
    record = Record(
        "koch-30k",
        "t",
        "p",
        "firstsight reproduce koch-30k --seed 1",
        1,
        "abc",
        "2026-01-01",
        "2 cores",
        smoke=False,
        state="training",
        step=10,
        steps=20,
        cpu_minutes=75.4,
        figures=(Measured("verification, 30k pairs", "x", 5, 0.9061, "table 1", Metric(0.9, 0.88, 0.92)),),
        details={"same-alphabet": {"unseen": {"confusion": table}}},
        pictures=("koch-30k-sphere.png",),
    )
    page = MADE.page({name: [asdict(record)] if name == "koch-30k" else [] for name in REPRODUCTIONS})
    row = "| `koch-30k` | verification, 30k pairs | 90.61 % | 90.00 % [88.00, 92.00] (still training, "
    row += "step 10 of 20) | 75 | 1 |"
    assert row in page
    assert "| unseen alphabets | 40 | 10 | 5 | 45 |" in page
    assert "(../results/reproduce/koch-30k-sphere.png)" in page
    assert "`firstsight reproduce koch-30k --seed 1`, 2026-01-01, commit abc, 2 cores: still training" in page
