"""Nothing is sent and no file appears that nobody asked for, whatever of FirstSight is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
EMBED = """
import numpy as np, firstsight, time
a = np.full((60, 60), 255, np.uint8); a[10:50, 28:33] = 0
firstsight.Model.load('glyphs').embed(a); time.sleep(1)
"""
TRAIN = """
import sys, firstsight, time
sys.path.insert(0, {tests!r})
from drawn import SHAPES, TINY, draw_classes
from pathlib import Path
data = draw_classes(Path({work!r}) / 'shapes', SHAPES)
model = firstsight.train('folder', *TINY, data=f'folder:{{data}}', out={work!r} + '/model')
from firstsight import api
api.quantise(model.path, f'folder:{{data}}', out={work!r} + '/int8'); time.sleep(1)
"""
SERVE = """
import threading, time, os, signal
threading.Timer(4, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
from firstsight.cli import main
main(['serve', {work!r} + '/g.db', '--port', '0'])
"""
LATE = """
import onnxruntime, warnings
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter('always')
    import firstsight
    firstsight.Model.load('glyphs').embed(__import__('numpy').eye(60, dtype='uint8') * 255)
print([str(w.message) for w in told])
from firstsight.api.doctor import doctor
print([(c.ok, c.advice) for c in doctor() if c.name == 'usage data'])
"""


def ran(code: str, folder: Path, **more: str) -> tuple[str, list[str]]:
    """What python says, and the files left in a home and temporary folder that were empty; as on no CI."""
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    env = {k: v for k, v in os.environ.items() if k not in ("CI", "ORT_DISABLE_TELEMETRY", "PYTEST_XDIST_WORKER")}
    env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "XDG_CONFIG_HOME": str(home / ".config")}
    env |= {"TMPDIR": str(home), "FIRSTSIGHT_CACHE": str(work / "cache"), "PYTHONPATH": str(SRC), **more}
    words = [sys.executable, "-c", code.format(work=str(work), tests=str(Path(__file__).parent))]
    done = subprocess.run(words, env=env, cwd=home, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout, sorted(str(p.relative_to(home)) for p in home.rglob("*") if p.is_file())


@pytest.mark.parametrize(
    "code",
    ["import firstsight, onnxruntime, time; time.sleep(1)", EMBED, TRAIN, SERVE],
    ids=["import", "embed", "train", "serve"],
)
def test_no_file_appears(code: str, tmp_path: Path) -> None:
    """Importing, embedding, training with export and int8, and serving leave nothing where nobody told them to."""
    assert ran(code, tmp_path)[1] == []


def test_a_switch_that_lets_usage_data_through_is_turned(tmp_path: Path) -> None:
    """Whatever the variable said, FirstSight's use of the runtime sends nothing."""
    assert ran(EMBED, tmp_path, ORT_DISABLE_TELEMETRY="0")[1] == []


def test_a_runtime_that_was_there_before_is_told_once(tmp_path: Path) -> None:
    """Imported before FirstSight and unswitched: one warning, and the doctor says so; with the switch set, neither."""
    warned, looked = ran(LATE, tmp_path / "late")[0].splitlines()
    assert warned.count("imported before firstsight") == 1
    assert "False" in looked
    assert "ORT_DISABLE_TELEMETRY=1" in looked
    warned, looked = ran(LATE, tmp_path / "early", ORT_DISABLE_TELEMETRY="1")[0].splitlines()
    assert (warned, looked) == ("[]", "[(True, '')]")
