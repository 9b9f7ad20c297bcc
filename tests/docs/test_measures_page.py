"""docs/measures.md says what is there: similarities, losses, refusals, figures, pictures, links."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from firstsight.errors import UsageError
from firstsight.learn.catalogue import LOSSES, SIMILARITIES
from firstsight.learn.recipe import load
from scripts import script

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "measures.md"
TEXT = PAGE.read_text()
PLAIN = " ".join(TEXT.split())


def rows() -> dict[str, list[str]]:
    """The first table: by similarity, its other cells."""
    lines = [line for line in TEXT.split("A metric is")[0].splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    assert all(len(row) == 6 for row in cells)
    return {row[0].strip("`"): row[1:] for row in cells if row[0].startswith("`") and row[0] != "`similarity.name`"}


def test_every_similarity_has_a_row() -> None:
    """The table names the similarities of the catalogue, in its order, and no other."""
    assert list(rows()) == list(SIMILARITIES)


@pytest.mark.parametrize("name", SIMILARITIES)
def test_the_losses_of_a_row_are_those_that_fit(name: str) -> None:
    """The last cell lists exactly the losses whose domain the similarity's scores are in."""
    told = re.findall(r"`(\w+)`", rows()[name][-1])
    assert set(told) == {loss for loss, part in LOSSES.items() if SIMILARITIES[name].domain in part.domains}


def test_the_command_loads() -> None:
    """The command of the page is a recipe that is accepted, and the refusal it quotes is the one that comes."""
    (command,) = re.findall(r"^    firstsight train folder \./photos (.*)$", TEXT, re.M)
    load("folder", command.split())
    (quoted,) = re.findall(r"`(loss 'contrastive' .*?) \.\.\.`", TEXT)
    with pytest.raises(UsageError) as caught:
        load("folder", ["similarity.name=dot", "comparison.name=in_batch", "loss.name=contrastive"])
    assert str(caught.value).startswith(quoted)


def test_settings_named_exist() -> None:
    """Every setting the page names is taken by a recipe that uses its part."""
    for setting in set(re.findall(r"`((?:similarity|loss|sampling)\.(?!name)\w+=[\w-]+)`", TEXT)):
        section = setting.split(".")[0]
        names = {"similarity": ("euclidean", "rbf", "weighted_l1"), "loss": ("triplet",), "sampling": ("pk",)}[section]
        accepted = 0
        for name in names:
            base = {"weighted_l1": "cross_entropy"}.get(name, "triplet")
            changes = [f"{section}.name={name}", f"loss.name={base}", "comparison.name=in_batch", setting]
            try:
                load("folder", changes)
            except UsageError:
                continue
            accepted += 1
        assert accepted, setting


def test_the_tables_are_what_was_measured() -> None:
    """Both measured tables are made from the file of figures, to the letter."""
    made = script("measures")
    for marker, table in (("measures", made.table()), ("references", made.references_table())):
        shown = TEXT.split(f"<!-- {marker} -->\n")[1].split(f"<!-- /{marker} -->")[0].strip()
        assert shown == table


def test_the_figures_in_the_text_are_those_measured() -> None:
    """What sentences quote of the two views is in the file of figures."""
    found = json.loads((ROOT / "results" / "measures.json").read_text())["result"]
    cosine = found["measures"]["cosine"]
    low, middle, high = cosine["own thresholds"]
    sentences = [
        f"At the threshold {cosine['threshold']:.2f} it errs in {100 * cosine['fmr']:.1f} % of pairs",
        f"it would be {100 * cosine['own eer']:.1f} % (chosen on the very pairs",
        f"from {low:.2f} to {high:.2f}, the middle one at {middle:.2f}",
        f"{100 * cosine['triplets satisfied']:.1f} % of triplets are ordered right",
        f"the nearest of an anchor's {round(cosine['different pairs'] / found['examples']):,} negatives",
        f"a positive wins in {100 * cosine['hardest satisfied']:.1f} % only",
    ]
    assert [s for s in sentences if s not in PLAIN] == []
    assert f"{100 * cosine['fnmr']:.1f}" == f"{100 * cosine['fmr']:.1f}"


def test_the_five_that_give_one_order_do() -> None:
    """On unit embeddings cosine, angular, euclidean, squared_euclidean and rbf have one EER; Manhattan has its own."""
    found = json.loads((ROOT / "results" / "measures.json").read_text())["result"]["measures"]
    values = {name: round(one["eer"], 5) for name, one in found.items()}
    assert len({value for name, value in values.items() if name != "manhattan"}) == 1
    assert values["manhattan"] != values["cosine"]


def test_the_picture_is_there_and_the_page_is_listed() -> None:
    """The picture has words, a light ground and few bytes; links lead somewhere; docs/README.md lists the page."""
    ((words, name),) = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", TEXT)
    file = PAGE.parent / name
    assert len(words) > 20
    assert file.stat().st_size < 150_000
    with Image.open(file) as image:
        corner = image.convert("RGBA").getpixel((0, 0))
    assert isinstance(corner, tuple)
    assert min(corner) > 240
    assert "](measures.md)" in (ROOT / "docs" / "README.md").read_text()
    for path in re.findall(r"`((?:tests|results)/[\w/.]+)`", TEXT):
        assert (ROOT / path).exists(), path
