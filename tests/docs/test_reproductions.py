"""The page of reproductions is made from the files, to the letter, and hides nothing."""

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from firstsight.reproduce.catalogue import REPRODUCTIONS
from firstsight.reproduce.record import Measured, Record
from firstsight.types import Metric
from scripts import script

MADE = script("reproductions")
ANY = "accuracy, any alphabet"


def record_of(name: str, seed: int, *values: float) -> dict[str, Any]:
    """A record that is done, with these figures in the catalogue's order."""
    metrics = [Metric(value, value - 0.1, value + 0.1) for value in values]
    figures = REPRODUCTIONS[name].figures
    measured = tuple(Measured(f.name, "x", 5, f.paper, f.source, m) for f, m in zip(figures, metrics, strict=False))
    command, kept = f"firstsight reproduce {name}", {"smoke": False, "state": "done", "figures": measured}
    return asdict(Record(name, "t", "p", command, seed, "abc", "2026-01-01", "2 cores", **kept))


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
    own = MADE._ours(
        json.loads((MADE.ROOT / "results" / "omniglot-verification.json").read_text())["result"]["metrics"][ANY]
    )
    row = "| `koch-30k` | verification, 30k pairs | 90.61 % | 90.00 % [88.00, 92.00] (still training, "
    row += f"step 10 of 20) | {own} | 75 | 1 |"
    assert row in page
    assert "| unseen alphabets | 40 | 10 | 5 | 45 |" in page
    assert "(../results/reproduce/koch-30k-sphere.png)" in page
    assert "`firstsight reproduce koch-30k --seed 1`, 2026-01-01, commit abc, 2 cores: still training" in page


def test_a_curve_goes_on_where_the_training_before_it_ended():
    """Steps of the last training are counted on from the first's; without one they are as they were."""
    rows = [{"step": 2, "loss": 0.3}]
    joined = MADE._joined({"earlier": [{"step": 1, "loss": 0.6}, {"step": 5, "loss": 0.4}], "curve": rows})
    assert [point["step"] for point in joined] == [1, 5, 7]
    assert MADE._joined({"curve": rows}) == rows


def test_a_section_points_only_where_all_holds():
    """What an earlier section says is told by its name where all of it holds, else in full; nothing is lost."""
    for name, what in REPRODUCTIONS.items():
        lines = MADE._differs(name, what)
        named = [line.split("`")[1] for line in lines if line.startswith("* Differs as ")]
        borrowed = {sentence for other in named for sentence in REPRODUCTIONS[other].differs}
        assert borrowed <= set(what.differs)
        assert borrowed | {line.removeprefix("* Differs: ") for line in lines} >= set(what.differs)
    assert any(
        line.startswith("* Differs as `koch-30k` ") for line in MADE._differs("koch-90k", REPRODUCTIONS["koch-90k"])
    )
    assert not any(
        "`koch-30k` " in line for line in MADE._differs("koch-30k-quarter", REPRODUCTIONS["koch-30k-quarter"])
    )


def test_figures_in_sentences_are_those_of_their_files():
    """Figures that a sentence quotes from a file of results are in it."""
    result = json.loads((MADE.ROOT / "results" / "koch-alphabets.json").read_text())["result"]
    others, lake = (100 * result[f"koch-30k, the ten {half}"]["eer"]["value"] for half in ("others", "of Lake's runs"))
    said = f"an equal error rate of {others:.1f} % instead of {lake:.1f} (`results/koch-alphabets.json`)"
    assert any(said in sentence for sentence in REPRODUCTIONS["koch-30k"].differs)


def test_seeds_stand_side_by_side_and_figures_of_one_name_apart():
    """One row a figure, all its seeds in it; the third "comparing pixels" of the rocks is not the first."""
    found = {name: [] for name in REPRODUCTIONS}
    found["rocks"] = [record_of("rocks", seed, 0.5, 0.51 + seed / 100, 0.52, 0.53, 0.54) for seed in (0, 1)]
    page = MADE.page(found)
    rows = [line for line in page.splitlines() if line.startswith("| `rocks` | the same by comparing pixels")]
    assert [row.split(" | ")[3] for row in rows] == [
        "51.00 % [41.00, 61.00]; 52.00 % [42.00, 62.00]",
        "54.00 % [44.00, 64.00]; 54.00 % [44.00, 64.00]",
    ]
    assert all(row.endswith("| 0, 0 | 0, 1 |") for row in rows)


def test_the_best_of_ours_stands_beside():
    """Triplets of rocks stand beside our recipe for rocks, by the same measure."""
    found = {name: [] for name in REPRODUCTIONS}
    found["rocks"], found["rocks-triplets"] = [record_of("rocks", 0, 0.98)], [record_of("rocks-triplets", 0, 0.9)]
    rows = [line for line in MADE.page(found).splitlines() if "Recall@1" in line and line.startswith("| `rocks")]
    assert [row.split(" | ")[3:5] for row in rows] == [
        ["98.00 % [88.00, 108.00]", ""],
        ["90.00 % [80.00, 100.00]", "98.00 % [88.00, 108.00]"],
    ]


def test_the_picture_draws_every_curve_there_is():
    """A loss for each reproduction that was run, and a ROC for each that was measured, beside that of chance."""
    kept = {"confusion": {}, "roc": {"fmr": [0.0, 0.5, 1.0], "fnmr": [1.0, 0.2, 0.0]}}
    curve = ({"step": 1, "loss": 4.0}, {"step": 2, "loss": 2.0})
    found = {name: [] for name in REPRODUCTIONS}
    for name, details in (("same-alphabet-flat", {}), ("same-alphabet", {"same-alphabet": {"unseen": kept}})):
        found[name] = [record_of(name, 0) | {"curve": curve, "details": details}]
    learning, judging = MADE.draw_alphabets(found).axes
    assert [list(line.get_ydata()) for line in learning.lines] == [[1.0, 0.5], [1.0, 0.5]]
    assert list(judging.lines[0].get_ydata()) == [0.0, 0.8, 1.0]
    assert len(judging.lines) == 2


def test_kochs_networks_are_drawn_by_epoch():
    """Losses at every point, accuracy where it was looked at; a network that was not run has no line."""
    curve = ({"step": 469, "loss": 0.6}, {"step": 938, "loss": 0.4, "validation_accuracy": 0.5})
    found = {name: [] for name in REPRODUCTIONS}
    found["koch-30k"] = [record_of("koch-30k", 0) | {"curve": curve}]
    learning, judging = MADE.draw_widths(found).axes
    assert [list(line.get_ydata()) for line in learning.lines] == [[0.6, 0.4]]
    assert [list(line.get_ydata()) for line in judging.lines] == [[0.5]]
    np.testing.assert_allclose(learning.lines[0].get_xdata(), [1, 2], atol=0.01)


def test_every_picture_stands_on_the_page():
    """Each is there, and shown."""
    for words, place, _ in MADE.DRAWN.values():
        assert f"![{words}]({place})" in MADE.PAGE.read_text()
        assert (MADE.PAGE.parent / place).is_file()
