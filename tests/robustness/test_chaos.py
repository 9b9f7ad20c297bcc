"""Three minutes of chaos: many processes on one file of galleries, killed at random, lose nothing they acknowledged."""

from __future__ import annotations

import pytest

from scripts import script

SEED, MINUTES = 17, 3


@pytest.mark.slow
def test_nothing_acknowledged_is_lost_in_three_minutes_of_chaos(capsys: pytest.CaptureFixture[str]) -> None:
    """Two services, the command line, backups, several connections of a process and forks act on one file and are
    killed: nothing is lost or comes back, no revoked key is used, nobody hears of a disk I/O error."""
    chaos = script("chaos")
    with capsys.disabled():
        result = chaos.rounds(1000, MINUTES, SEED, say=lambda _: None)
    assert result["faults"] == []
    shown = chaos.table(result)
    few = {name: count for name, count in shown.items() if name in chaos.LEAST and not count}
    assert few == {}
    assert shown["acknowledged writes"] >= 30 * shown["rounds"]
    looks = {name for name, count in result["counts"].items() if name.startswith("looks by") and count}
    assert looks == {f"looks by {way}" for way in (*chaos.WAYS, "a backup", "the end")}
    assert result["counts"]["children forked"]
    assert result["counts"]["connections of another program"]
