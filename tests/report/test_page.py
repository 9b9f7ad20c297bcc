"""The page: whole with everything and with nothing, alone in the world, and safe from what it quotes."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from patches import Patches

from drawn import draw
from firstsight.report import figures, html
from firstsight.report.page import write_page
from firstsight.report.pictures import MOST_EXPLAINED
from firstsight.types import Metric, Report

VOID = {"meta", "img", "br", "wbr", "input", "link", "hr"}
METRICS = {
    "accuracy": Metric(0.9, 0.85, 0.95),
    "pixels": Metric(0.3, 0.25, 0.35),
    "chance": Metric(0.05, 0.05, 0.05),
    "auc": Metric(0.99, 0.98, 1.0),
    "ece": Metric(0.02, 0.01, 0.03),
    "eer": Metric(float("nan"), float("nan"), float("nan")),
}
HOSTILE = "<script>alert(1)</script>\"'&$x_{$"


@dataclass
class Page(HTMLParser):
    """What a page holds; tags that do not close in order fail."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Attributes of every such tag."""
        return [attributes for name, attributes in self.tags if name == tag]


def read(path: Path) -> Page:
    """A page, checked: tags closed, identifiers once, links that lead somewhere, pictures with words."""
    content = path.read_text(encoding="utf-8")
    page = Page()
    page.feed(content)
    page.close()
    assert page.open == []
    assert not re.search(
        r"https?://|//\w", re.sub(r"base64,[^\"']*|<script>.*?</script>", "", content, flags=re.DOTALL)
    )
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for key in ("src", "href", "xlink:href"):
            value = attributes.get(key)
            assert value is None or value.startswith("data:image/") or (value[0] == "#" and value[1:] in ids), value
        assert not any(key.startswith("on") for key in attributes)
    assert all(a.get("alt") for a in page.all("img"))
    assert all(a.get("aria-label") for a in page.all("svg"))
    return page


def test_a_page_with_everything(bare: Report, full: dict[str, Any], patches: Patches, tmp_path: Path) -> None:
    """Every key of the details has its place, and the verdict stands before them."""
    lines = [{"step": s, "loss": 3 / s} | ({"validation_accuracy": 0.5} if s % 5 == 0 else {}) for s in range(1, 20)]
    log = "\n".join(map(json.dumps, lines)) + '\n{"step": 20, "lo'
    (patches.path / "metrics.jsonl").write_text(log)
    report = replace(bare, metrics=METRICS, details=full, notes=("One file is broken",))
    write_page(report, tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    text = " ".join(" ".join(page.text).split())
    anchors = [a["href"][1:] for a in page.all("a")]
    assert anchors == [
        "figures",
        "tasks",
        "verification",
        "identification",
        "table",
        "mistakes",
        "neighbours",
        "space",
        "training",
        "measured",
    ]
    assert [a["id"] for a in page.all("section")] == anchors
    assert text.index("90.00% accuracy") < text.index("85.00% to 95.00%") < text.rindex("Key figures")
    assert "n/a" in text
    assert "One file is broken." in text
    assert "96 right" in text
    assert len(page.all("svg")) == 15
    assert (tmp_path / "page.html").stat().st_size < 2_000_000


def test_false_matches_show_what_matched(bare: Report, full: dict[str, Any], patches: Patches, tmp_path: Path) -> None:
    """The first few pairs that are wrongly taken for the same carry both pictures again, coloured where they match."""
    pairs = [{"left": 0, "right": right, "score": 0.9} for right in range(7, 7 + MOST_EXPLAINED + 2)]
    worst = {"false_matches": pairs, "misses": [{"left": 0, "right": 1, "score": 0.02}]}
    write_page(replace(bare, details={"worst": worst}), tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    shown = [a for a in page.all("img") if str(a["alt"]).startswith("what matched")]
    assert [a["alt"] for a in shown] == [
        "what matched in the left one",
        "what matched in the right one",
    ] * MOST_EXPLAINED
    plain = [a["src"] for a in page.all("img") if str(a["alt"]).startswith("example of")]
    assert not {a["src"] for a in shown} & set(plain)
    assert "in a warm colour, what made it match" in " ".join(page.text)


def test_where_no_place_matters_nothing_is_coloured(bare: Report, patches: Patches, tmp_path: Path) -> None:
    """A model that sees only the whole, whatever is covered, has nothing to show, and the page does not promise it."""
    patches.embed_arrays = lambda arrays: np.ones((len(arrays), 8), np.float32)  # type: ignore[method-assign]
    worst = {"false_matches": [{"left": 0, "right": 7, "score": 0.9}], "misses": []}
    write_page(replace(bare, details={"worst": worst}), tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    assert [a for a in page.all("img") if str(a["alt"]).startswith("example of")]
    assert not [a for a in page.all("img") if str(a["alt"]).startswith("what matched")]
    assert "warm colour" not in " ".join(page.text)


def test_a_page_with_nothing(bare: Report, patches: Patches, tmp_path: Path) -> None:
    """Without details there is the verdict, and the space of embeddings."""
    write_page(bare, tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    assert [a["id"] for a in page.all("section")] == ["space", "measured"]
    assert "0.9876" in "".join(page.text)


def test_a_page_without_metrics(bare: Report, patches: Patches, tmp_path: Path) -> None:
    """A report that measured nothing is still a page."""
    write_page(replace(bare, metrics={}), tmp_path / "page.html", patches)
    read(tmp_path / "page.html")


@pytest.mark.parametrize("key", ["roc", "curves", "threshold", "histogram", "reliability", "decisions", "confusion"])
@pytest.mark.parametrize("only", [True, False])
def test_keys_do_not_need_each_other(
    bare: Report, full: dict[str, Any], patches: Patches, key: str, only: bool
) -> None:
    """Each key is drawn alone, and missed alone."""
    details = {key: full[key]} if only else {k: v for k, v in full.items() if k != key}
    report = replace(bare, details=details)
    assert figures.verification(report) or key in ("threshold", "decisions", "confusion")
    figures.identification(report)
    figures.table(report)


def test_data_that_is_gone_leaves_a_note(bare: Report, full: dict[str, Any], patches: Patches, tmp_path: Path) -> None:
    """A report may be read where its data is not: the page says what is left out."""
    write_page(replace(bare, data="folder:/nowhere/at/all", details=full), tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    assert not page.all("img")
    assert "pictures and maps are left out" in "".join(page.text)


def test_pairs_have_no_map(bare: Report, patches: Patches, strangers: Path, tmp_path: Path) -> None:
    """Without labels there is nothing to colour by."""
    (tmp_path / "pairs.csv").write_text(
        f"left,right,same\n{strangers}/arrow/0.png,{strangers}/arrow/1.png,1\n"
        f"{strangers}/arrow/0.png,{strangers}/plus/1.png,0\n"
    )
    write_page(replace(bare, data=f"manifest:{tmp_path}/pairs.csv"), tmp_path / "page.html", patches)
    assert [a["id"] for a in read(tmp_path / "page.html").all("section")] == ["measured"]


def test_what_is_quoted_is_escaped(
    bare: Report, full: dict[str, Any], patches: Patches, tmp_path: Path, strangers: Path
) -> None:
    """Markup in a label, a name or a sentence is shown, never obeyed."""
    folder = tmp_path / "data"
    for kind, name in (("arrow", "<script>alert(1)"), ("plus", "$x_{$ & 'quoted'"), ("dots", '" onload="alert(1)')):
        shutil.copytree(strangers / kind, folder / name)
    details = {
        **full,
        "confusion": {"labels": [HOSTILE, "b"], "matrix": [[1, 2], [3, 4]]},
        "curves": {HOSTILE: full["roc"], "_b": full["roc"]},
        "draws": {"name": HOSTILE, "values": [0.5]},
        "table": [{"name": HOSTILE, HOSTILE: 0.5, "trials": 3}],
        "by": HOSTILE,
    }
    report = Report(HOSTILE, f"folder:{folder}", HOSTILE, HOSTILE, 1, 0, {HOSTILE: METRICS["auc"]}, details, (HOSTILE,))
    for model in (patches, replace(patches, dim=3)):
        write_page(report, tmp_path / "page.html", model)
        page = read(tmp_path / "page.html")
        ours = [a for a in page.all("script") if a.get("type") != "application/json"]
        assert len(ours) == (model.dim == 3)
        shown = "".join(page.text)
        assert HOSTILE in shown
        assert "<script>alert(1)" in shown.replace("\u200b", "")


def test_the_same_report_gives_the_same_bytes(
    bare: Report, full: dict[str, Any], patches: Patches, tmp_path: Path
) -> None:
    """A page can be kept under version control."""
    made = []
    for name in ("a.html", "b.html"):
        write_page(replace(bare, details=full), tmp_path / name, patches)
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]


def test_a_sphere_for_three_dimensions(bare: Report, patches: Patches, tmp_path: Path) -> None:
    """Embeddings of three numbers come with a sphere to turn, whose script the page's policy lets in by its hash."""
    details = {"threshold": 0.8}
    write_page(replace(bare, details=details), tmp_path / "page.html", replace(patches, dim=3))
    page = read(tmp_path / "page.html")
    content = (tmp_path / "page.html").read_text()
    found = json.loads(re.search(r'id="sphere-data">(.*?)</script>', content, re.DOTALL)[1])
    assert len(found["points"]) == len(found["labels"]) == 36
    np.testing.assert_allclose(np.linalg.norm(found["points"], axis=1), 1, atol=1e-3)
    assert all(cap["angle"] == pytest.approx(np.arccos(0.8), abs=0.01) for cap in found["caps"])
    assert len(page.all("button")) == len(found["names"]) == 6
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert html.script("sphere.js")[1] in policy
    assert html.script("sphere.js")[0] in content


def test_no_script_without_a_sphere(bare: Report, patches: Patches, tmp_path: Path) -> None:
    """A page that needs no script lets none in."""
    write_page(bare, tmp_path / "page.html", patches)
    page = read(tmp_path / "page.html")
    assert not page.all("script")
    assert any("script-src 'none'" in (a.get("content") or "") for a in page.all("meta"))


def test_the_page_without_scikit_learn_says_so(
    bare: Report, patches: Patches, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The map by t-SNE is left out with a note, the rest is there."""
    monkeypatch.setitem(__import__("sys").modules, "sklearn.manifold", None)
    write_page(bare, tmp_path / "page.html", patches)
    text = "".join(read(tmp_path / "page.html").text)
    assert "needs scikit-learn" in text
    assert "(PCA)" in text
    assert "(t-SNE)" not in text


@pytest.mark.parametrize(
    ("names", "compared"),
    [
        (["accuracy", "pixels", "chance"], ["this model", "comparing pixels", "guessing"]),
        (["map@r", "recall@1", "pixels map@r"], ["this model", "comparing pixels"]),
        (["accuracy, any", "pixels, any"], ["this model", "comparing pixels, any"]),
        (["auc", "pixels"], []),
        (["accuracy", "eer"], []),
    ],
)
def test_the_headline_is_set_beside_what_comes_for_free(
    bare: Report, patches: Patches, tmp_path: Path, names: list[str], compared: list[str]
) -> None:
    """A rate is compared with what comparing pixels and guessing reach, where that was measured."""
    metrics = dict.fromkeys(names, Metric(0.5, 0.4, 0.6))
    write_page(replace(bare, data="folder:/nowhere", metrics=metrics), tmp_path / "page.html", patches)
    content = (tmp_path / "page.html").read_text()
    rates = re.search(r'<div class="rates">(.*?)</div>', content, re.DOTALL)
    assert re.findall(r"<span>([^<]*)</span>", rates[1] if rates else "") == compared
    read(tmp_path / "page.html")


@pytest.mark.parametrize(("column", "hardest"), [("accuracy", "a"), ("eer", "b")])
def test_the_hardest_come_first(bare: Report, column: str, hardest: str) -> None:
    """The lowest accuracy, but the highest error; what is unknown comes last."""
    rows = [{"name": "c", column: None}, {"name": "a", column: 0.1}, {"name": "b", column: 0.3}]
    table = figures.table(replace(bare, details={"table": rows, "by": "class"}))
    assert (table.rows[0]["name"], table.rows[-1]["name"]) == (hardest, "c")


def test_pictures_are_small() -> None:
    """A photograph of many pixels takes a few thousand letters in a page, a drawing stays exact."""
    noise = np.random.default_rng(0).integers(0, 256, (3, 480, 640), np.uint8)
    assert len(html.picture(noise)) < 12_000
    drawing = np.asarray(draw("ring", 0)).transpose(2, 0, 1)
    assert html.picture(drawing[:1]).startswith("data:image/png;base64,")
