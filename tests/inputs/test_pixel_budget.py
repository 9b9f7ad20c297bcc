"""The budget of unpacked pictures: what they cost is told before, who has no room waits, and nobody for ever."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from firstsight.errors import BusyError, InputError
from firstsight.gallery.taking import take
from firstsight.inputs import GlyphInput, ImageInput, pixel_budget
from firstsight.inputs.decode import decode, decoded, thumbnail
from firstsight.inputs.pixel_budget import BUDGET, SMALL, PixelBudget, claim, cost_of, unpacking
from firstsight.model import Model

MIB = 1 << 20


def png(width: int, height: int, mode: str = "L") -> bytes:
    """A picture with a line of ink."""
    image = Image.new(mode, (width, height), "white")
    image.paste("black", (width // 4, height // 4, width // 2, height // 2))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def test_no_picture_takes_more_memory_than_it_is_said_to() -> None:
    """Every format and mode that Pillow writes, read as glyph, as image and as for enrolment: resident memory grows by
    no more than was claimed before it was unpacked, and three MiB that do not depend on the picture."""
    script = Path(__file__).parents[1] / "unpacked.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) > 90
    assert [row for row in rows if row["took"] > row["cost"] + 3 * MIB] == []
    assert max(row["took"] for row in rows) > 10 * rows[0]["pixels"]  # it does measure


def test_who_has_no_room_waits_in_turn() -> None:
    """Room is given in the order in which it was asked for; a small one does not pass a large one that waits."""
    budget, given = PixelBudget(room=10), []
    budget.take(6)

    def ask(cost: int) -> None:
        budget.take(cost)
        given.append(cost)

    threads = []
    for n, cost in enumerate((7, 2, 3), 1):
        threads.append(threading.Thread(target=ask, args=(cost,)))
        threads[-1].start()
        while len(budget._line) < n:
            pass
    assert given == []
    budget.give(6)
    threads[0].join(10)
    threads[1].join(10)
    assert sorted(given) == [2, 7]
    assert budget.used == 9
    budget.give(7)
    threads[2].join(10)
    assert given[-1] == 3
    assert budget.used == 5


def test_what_is_larger_than_the_room_goes_alone() -> None:
    """A picture that costs more than all the room is unpacked when nothing else is, and nothing beside it."""
    budget = PixelBudget(room=10, patience=0.05)
    budget.take(1)
    with pytest.raises(BusyError, match=r"0\.05 s"):
        budget.take(50)
    budget.give(1)
    budget.take(50)
    with pytest.raises(BusyError):
        budget.take(1)
    budget.give(50)
    budget.take(1)
    assert budget.used == 1


def test_who_gave_up_holds_up_nobody() -> None:
    """Whoever waited too long is out of the line: who stood behind is served."""
    budget = PixelBudget(room=10, patience=0.2)
    budget.take(8)
    refused: list[str] = []

    def ask() -> None:
        try:
            budget.take(9)
        except BusyError as error:
            refused.append(str(error))

    late = threading.Thread(target=ask)
    late.start()
    while not budget._line:
        pass
    budget.patience = 30
    budget.take(2)
    late.join()
    assert len(refused) == 1
    assert budget.used == 10


def test_a_process_that_is_forked_begins_with_all_its_room() -> None:
    """What the parent has taken by then, or a lock that it holds, is not the child's."""
    code = (
        "import os\n"
        "from firstsight.inputs.pixel_budget import BUDGET\n"
        "BUDGET.take(5)\n"
        "with BUDGET._changed:\n"
        "    child = os.fork()\n"
        "    if not child:\n"
        "        BUDGET.take(7)\n"
        "        os._exit(BUDGET.used)\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7 and BUDGET.used == 5\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


class Watched(PixelBudget):
    """A budget that notes what is taken of it, and how much at most."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[int] = []

    def take(self, cost: int) -> None:
        super().take(cost)
        self.taken.append(cost)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The budget of this process, watched."""
    made = Watched()
    monkeypatch.setattr(pixel_budget, "BUDGET", made)
    return made


def test_every_way_to_unpack_a_picture_takes_from_the_budget(watched: Watched, tiny_model: Path) -> None:
    """Reading, enrolling, explaining, drawing over and showing each take once for a picture, and give all back."""
    from firstsight.occlusion import why
    from firstsight.report.overlay import overlay

    data, model = png(1600, 1200, "RGB"), Model.load(tiny_model)
    found = why(model, data, data)
    watched.taken.clear()
    pixels = np.asarray(decode(data, colour=True))
    for n, unpack in enumerate(
        (
            lambda: GlyphInput().read(data),
            lambda: ImageInput().read(data),
            lambda: GlyphInput().read(pixels),
            lambda: take(model, data, keep=True),
            lambda: take(model, pixels, keep=True),
            lambda: overlay(data, found.left),
            lambda: thumbnail(data, 64),
            lambda: decode(data, colour=False),
        ),
        2,
    ):
        unpack()
        assert len(watched.taken) == n
        assert watched.used == 0
    assert min(watched.taken) >= SMALL


def test_a_small_picture_waits_for_nobody(watched: Watched) -> None:
    """A drawing of 105 pixels is read while the budget is spent."""
    watched.take(10 * watched.room)
    assert GlyphInput().read(png(105, 105)).notes == ()


def test_a_picture_that_fails_gives_its_room_back(watched: Watched) -> None:
    """A damaged picture is an error, and nothing stays taken."""
    with pytest.raises(InputError, match="damaged"):
        GlyphInput().read(png(2000, 1500)[:-200])
    assert len(watched.taken) == 1
    assert watched.used == 0


def test_no_room_in_time_is_said_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others have the room for too long the error is BusyError, not that the picture is damaged."""
    spent = PixelBudget(patience=0.01)
    spent.take(2 * spent.room)
    monkeypatch.setattr(pixel_budget, "BUDGET", spent)
    with pytest.raises(BusyError, match="ask again"):
        GlyphInput().read(png(2000, 1500))
    assert spent.used == 2 * spent.room


def test_threads_that_read_large_pictures_keep_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen threads with a picture of six megapixels each never have more unpacked than there is room for."""
    budget = PixelBudget(room=100 * MIB)
    monkeypatch.setattr(pixel_budget, "BUDGET", budget)
    data, most, read = png(3000, 2000, "RGB"), [], decoded

    def watching(*given: object, **more: object) -> object:
        most.append(budget.used)
        return read(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("firstsight.inputs.glyph.decoded", watching)
    notes: list[object] = []
    threads = [threading.Thread(target=lambda: notes.append(GlyphInput().read(data).notes)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert notes == [()] * 16
    assert max(most) <= 100 * MIB
    assert budget.used == 0


def test_more_is_counted_where_more_turns_out_to_be_needed() -> None:
    """A second picture within one reading is counted without waiting: whoever has room never waits for more."""
    before = BUDGET.used
    with unpacking():
        claim(2 * SMALL)
        with unpacking():
            claim(3 * SMALL)
        claim(SMALL)
        assert BUDGET.used == before + 3 * SMALL
    assert BUDGET.used == before


@pytest.mark.parametrize(("width", "height"), [(4, 60_000), (60_000, 4), (1001, 1), (1, 40_000_000)])
def test_a_picture_too_thin_to_show_anything_is_refused(width: int, height: int) -> None:
    """More than a thousand times as long as wide: no array is so large that its width would fill a row of pixels."""
    for source in (png(width, height, "1"), np.zeros((height, width), np.uint8)):
        for reader in (GlyphInput(), ImageInput()):
            with pytest.raises(InputError, match=r"1,000 times as long as wide.*cut out"):
                reader.read(source)


@pytest.mark.parametrize(("width", "height"), [(60, 60_000), (30_000, 100), (1000, 1), (2, 300)])
def test_a_long_line_is_read(width: int, height: int) -> None:
    """A long thin line of handwriting is a picture as any other."""
    assert GlyphInput().read(png(width, height)).arrays.shape == (1, 1, 48, 48)


def test_a_tile_larger_than_its_picture_is_counted() -> None:
    """A TIFF is unpacked by whole tiles: what they hold counts, however few pixels of them are shown."""
    tiff = io.BytesIO()
    Image.new("L", (64, 64)).save(tiff, "TIFF")
    with Image.open(tiff) as image:
        small = cost_of(image, 100, colour=False)
        tags = image.tag_v2  # type: ignore[attr-defined]
        tags[322] = tags[323] = 4096
        assert cost_of(image, 100, colour=False) >= small + 4096 * 4096
        tags[322] = 1 << 20
        with pytest.raises(InputError, match="tiles"):
            cost_of(image, 100, colour=False)
