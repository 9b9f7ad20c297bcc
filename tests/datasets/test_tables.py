"""Lists of examples as pandas, Excel, LibreOffice and R write them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas
import pytest

from drawn import STRANGERS, Cli, Refused
from firstsight.datasets import DataSet, open_data
from firstsight.errors import DataError, UsageError

NAMES = STRANGERS[:4]
ROWS = [(f"photos/{name}/{n}.png", name) for name in NAMES for n in range(3)]
FRAME = pandas.DataFrame(ROWS, columns=["path", "label"])


@pytest.fixture
def place(strangers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with ``photos``, to write lists into."""
    for name in NAMES:
        shutil.copytree(strangers / name, tmp_path / "photos" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(form: str, head: str = "", tail: str = "") -> str:
    """A list, a line by ``form`` for each row."""
    return (
        head
        + "".join(form.format(path=p, label=n, number=i, back=p.replace("/", "\\")) for i, (p, n) in enumerate(ROWS, 1))
        + tail
    )


WRITTEN: dict[str, tuple[str | bytes, int]] = {
    "pandas, with its index": (FRAME.to_csv(), 0),
    "pandas, read and written again": (FRAME.reset_index().rename(columns={"index": "Unnamed: 0"}).to_csv(), 0),
    "pandas, tabs": (FRAME.to_csv(sep="\t", index=False), 0),
    "Excel, semicolons and a mark": (FRAME.to_csv(sep=";", index=False, lineterminator="\r\n").encode("utf-8-sig"), 0),
    "Excel, Unicode text": (FRAME.to_csv(sep="\t", index=False, lineterminator="\r\n").encode("utf-16"), 0),
    "UTF-16 without a mark": (FRAME.to_csv(sep="\t", index=False).encode("utf-16-le"), 0),
    "Excel for Mac": (FRAME.to_csv(index=False, lineterminator="\r"), 0),
    "Excel, that says its delimiter": ("sep=;\r\n" + FRAME.to_csv(sep=";", index=False), 0),
    "capitals and blanks": (lines("{path};{label} \n", " Path ;LABEL\n"), 0),
    "trailing columns and rows": (lines("{path},{label},,,\n", "path,label,,,\n", ",,,,\n" * 3000), 0),
    "blank lines": (lines("{path},{label}\n\n", "\n\npath,label\n", " \n\n"), 0),
    "an index beside blank rows": (lines("{number},{path},{label}\n", ",path,label\n", "98,,\n99,,\n"), 0),
    "LibreOffice, all quoted": (lines('"{path}","{label}"\n', '"path","label"\n'), 0),
    "blanks behind commas": (lines('{path}, "{label}"\n', "path, label\n"), 0),
    "R, write.csv": (lines('"{number}","{path}","{label}"\n', '"","path","label"\n'), 0),
    "R, write.table": (lines('"{number}","{path}","{label}"\n', '"path","label"\n'), 0),
    "paths of Windows": (lines("{back};{label}\n", "path;label\n"), 0),
    "a column without a name that says something": (lines("{path},{label},ours\n", "path,label,\n"), 1),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_list_is_read_however_it_was_written(kind: str, place: Path) -> None:
    """Delimiter, encoding, line ends, capitals, columns without a name and rows without content change nothing."""
    content, notes = WRITTEN[kind]
    (place / "list.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    data = open_data("list.csv")
    assert [(e.load(), e.label, dict(e.metadata)) for e in data.examples] == [(Path(p), n, {}) for p, n in ROWS]
    assert len(data.notes) == notes


def labelled(labels: list[Any], **more: list[Any]) -> DataSet:
    """The data set of a list of one image for each label, as pandas writes it."""
    columns = {"path": [p for p, _ in ROWS[: len(labels)]], "label": labels, **more}
    pandas.DataFrame(columns).to_csv("list.csv")
    return open_data("list.csv")


def test_whole_numbers_are_whole(place: Path) -> None:
    """A label that pandas wrote as ``1.0`` is ``1``, in a file as in a frame, and so is metadata with gaps; a note
    says so, and what is no whole number stays as it is."""
    data = labelled([1.0, 2.0, 1.0], badge=[7.0, None, 1042.0], weight=[1.0, 2.0, 3.0])
    assert data.classes == ("1", "2")
    assert [dict(e.metadata) for e in data.examples] == [
        {"badge": "7", "weight": "1.0"},
        {"weight": "2.0"},
        {"badge": "1042", "weight": "3.0"},
    ]
    assert any("1.0 is taken for 1" in note for note in data.notes)
    assert any(note.startswith("badge: whole numbers") for note in data.notes)
    assert labelled([1.0, 2.5, 1.0]).classes == ("1.0", "2.5")
    assert open_data(pandas.DataFrame({"path": [ROWS[0][0], ROWS[1][0]], "label": [1.0, 2.0]})).classes == ("1", "2")
    assert labelled(["1.0", "1", "2"]).classes == ("1", "2")
    with pytest.raises(DataError, match=r"the label 1 in line 3 and 1\.0 in line 2"):
        labelled(["1.0", "1", "ring"])


def test_a_frame_is_a_data_set(place: Path) -> None:
    """A data frame of labels, or of pairs, is opened as its CSV is, from the working directory; what is missing in it
    has the number of its row."""
    data = open_data(FRAME.assign(site="north"))
    assert [(e.load(), e.label, dict(e.metadata)) for e in data.examples] == [
        (Path(p), n, {"site": "north"}) for p, n in ROWS
    ]
    assert data.kind == "own"
    paths = [p for p, _ in ROWS]
    truth = pandas.DataFrame({"Left": paths[:2], "Right": paths[2:4], "Same": [True, False]})
    assert open_data(truth).pairs == ((0, 1, True), (2, 3, False))
    with pytest.raises(DataError, match="the data frame row 1 has no label"):
        open_data(pandas.DataFrame({"path": paths[:2], "label": ["a", None]}))

    class Polars:
        columns = ("path", "label")

        def to_dicts(self) -> list[dict[str, str]]:
            return [dict(zip(self.columns, row, strict=True)) for row in ROWS]

    assert open_data(Polars()).classes == data.classes


def test_a_path_is_an_address(place: Path, tiny_model: Path) -> None:
    """``Path`` leads to a folder or a list wherever an address is taken, whatever it is called."""
    from firstsight import api

    FRAME.to_csv("omniglot", index=False)
    assert open_data(Path("omniglot")).classes == tuple(sorted(NAMES))
    assert open_data(Path("photos")).name == "folder:photos"
    one, other = (api.evaluate(tiny_model, "verification", data) for data in (Path("photos"), "folder:photos"))
    assert (one.data, one.metrics) == (other.data, other.metrics)
    for wrong, error in ((Path("none"), DataError), (3, UsageError), ([], UsageError), (None, UsageError)):
        with pytest.raises(error, match="was expected"):
            open_data(wrong)
    with pytest.raises(UsageError, match=r"to_csv\('data.csv', index=False\)"):
        api.evaluate(tiny_model, "verification", FRAME)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{a},x\n./{a},y\n", "{a} is 'x' in line 2, ./{a} 'y' in line 3; one label"),
        ("{a},x\n{b},z\n{a},y\n", "{a} is 'x' in line 2, 'y' in line 4"),
        ("photos/../{a},x\n{here}/{a},y\n", "line 3"),
        ("{a},x\ncopy.png,y\n", "{a} is 'x' in line 2, its copy copy.png 'y' in line 3"),
        ("{a},x\nlink.png,y\n", "link.png 'y' in line 3"),
        ('"{a}","x"\n{b},"a\nb"\n{a},y\n', "line 2, 'y' in line 5"),
    ],
)
def test_one_image_has_one_label(text: str, word: str, place: Path) -> None:
    """A file under two labels, be it by another path, a link or a copy, is refused with the numbers of both lines."""
    a, b = ROWS[0][0], ROWS[1][0]
    shutil.copy(a, "copy.png")
    Path("link.png").symlink_to(a)
    text, word = (t.replace("{a}", a).replace("{b}", b).replace("{here}", str(place)) for t in (text, word))
    Path("list.csv").write_text("path,label\n" + text)
    with pytest.raises(DataError) as refusal:
        open_data("list.csv")
    assert word in str(refusal.value)
    assert "1 contradiction" in str(refusal.value)


def test_an_image_has_one_group_and_one_origin(place: Path) -> None:
    """What is said of a file again must agree where it says something; it is one example, and a note says so."""
    a, b = ROWS[0][0], ROWS[1][0]
    Path("list.csv").write_text(f"path,label,origin\n{a},x,north\n./{a},x,\n{b},x,south\n")
    data = open_data("list.csv")
    assert len(data) == 2
    assert any(f"line 3: ./{a}" in note for note in data.notes)
    Path("list.csv").write_text(f"path,label,origin\n{a},x,north\n{a},x,south\n")
    with pytest.raises(DataError, match="'north' in line 2, 'south' in line 3"):
        open_data("list.csv")


@pytest.mark.parametrize("second", ["{b},{a},0", "./{a},{b},no", "{b},copy.png,FALSE", "{a},{a},0", "copy.png,{a},0.0"])
def test_a_pair_has_one_answer(second: str, place: Path) -> None:
    """A pair that is the same and is not, in either order, by any path or copy, is refused; and so is an image that is
    not the same as itself."""
    a, b = ROWS[0][0], ROWS[1][0]
    shutil.copy(a, "copy.png")
    second = second.replace("{a}", a).replace("{b}", b)
    Path("list.csv").write_text(f"left,right,same\n{a},{b},1\n{second}\n")
    with pytest.raises(DataError, match=r"1 contradiction.*line 3"):
        open_data("list.csv")


@pytest.mark.parametrize("words", [("1", "0"), ("1.0", "0.0"), ("TRUE", "False"), ("yes", " NO "), ('"1,0"', '"0,0"')])
def test_same_is_said_in_many_ways(words: tuple[str, str], place: Path) -> None:
    """As numbers with a point or a comma, and as words; one image by two paths is one example."""
    (a, _), (b, _), (c, _) = ROWS[:3]
    Path("list.csv").write_text(f"left;right;same\n{a};{b};{words[0]}\n./{a};{c};{words[1]}\n")
    data = open_data("list.csv")
    assert data.pairs == ((0, 1, True), (0, 2, False))


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"PK\x03\x04....", "is a workbook or an archive"),
        (b"\xd0\xcf\x11\xe0....", "is a workbook or an archive"),
        ("path,label\n{a},Jos\u00e9\n".encode("cp1252"), "line 2 has 'Jos\\udce9' (in Windows-1252, as Excel writes"),
        ("Path;Label\nJos\u00e9.png;a\n".encode("cp1252"), "it would be 'Jos\u00e9.png'); save it as CSV UTF-8"),
        (b"path,Label,LABEL\n{a},x,y\n", "line 1 names the column label twice"),
        (b"path,label,note,note\n{a},x,y,z\n", "names the column note twice"),
        (b'path,label\n{a},"x\n{b},y\n', "line 2 is not CSV (a quote that opens there is not closed)"),
        (b'path,label\n{a},"x" y\n', "line 2 is not CSV"),
        (b"path;label\n{a};x;y\n", "line 2 has more columns"),
        (b"{a},x\n{b},y\n", "path,label or left,right,same was expected"),
        (b"path,label\n{a},\xc2\xa0\n", "line 2 has no label"),
        (b"\xff\xfep\0a\0t", "can't be read as UTF-16 text"),
    ],
)
def test_what_can_not_be_read_is_said(
    content: bytes, word: str, place: Path, refused: Refused, tiny_model: Path
) -> None:
    """A workbook, another encoding, a column twice, an open quote: the sentence says which line, and what mends it."""
    content = content.replace(b"{a}", ROWS[0][0].encode()).replace(b"{b}", ROWS[1][0].encode())
    Path("list.csv").write_bytes(content)
    refused(2, ("evaluate", tiny_model, "verification", "list.csv"), word)


def test_every_verb_reads_them(place: Path, tiny_model: Path, cli: Cli) -> None:
    """Evaluation and enrolment take an Excel list as they take a plain one."""
    results = []
    for name, content in (
        ("plain.csv", FRAME.to_csv(index=False).encode()),
        ("Excel.txt", WRITTEN["Excel, Unicode text"][0]),
    ):
        (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        report = cli("evaluate", tiny_model, "verification", name, "--json").json
        cli("gallery", "create", f"{name}.db", "--model", tiny_model)
        results.append(
            (
                report["metrics"],
                cli("enroll", f"{name}.db", "--data", f"manifest:{name}", "--override", "all", "--json").json,
            )
        )
    assert results[0] == results[1]
