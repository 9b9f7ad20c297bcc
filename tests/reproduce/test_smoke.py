"""Every reproduction runs from end to end in its smallest size, on the real data."""

import json

import pytest

from firstsight.reproduce.catalogue import REPRODUCTIONS


@pytest.mark.data
@pytest.mark.parametrize("name", REPRODUCTIONS)
def test_the_smoke_size_of_every_reproduction_ends(name, cli, tmp_path, monkeypatch):
    """Training, measures and record; the figures mean nothing and lie beside the model."""
    monkeypatch.chdir(tmp_path)
    ran = cli("reproduce", name, "--smoke", "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    written = json.loads((tmp_path / "out" / f"{name}.json").read_text())
    assert written == ran.json
    assert (written["state"], written["smoke"]) == ("done", True)
    assert bool(written["figures"]) == bool(REPRODUCTIONS[name].figures)
    assert all(0 <= figure["ours"]["value"] <= 1 for figure in written["figures"])
    assert all((tmp_path / "out" / picture).stat().st_size > 5000 for picture in written["pictures"])
    assert not (tmp_path / "results").exists()
