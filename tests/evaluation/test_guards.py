"""What would flatter is refused."""

from __future__ import annotations

import pytest

import firstsight
from firstsight.datasets.dataset import DataSet, refuse_overlap
from firstsight.errors import DataError, ModelError, UsageError
from firstsight.evaluation.protocols import Settings, settle
from firstsight.types import Example


def data(name: str, labels: str, also: frozenset[str] = frozenset()) -> DataSet:
    """A data set of one example a label."""
    return DataSet(name, tuple(Example(c, lambda: b"", f"{name}{c}") for c in labels), also=also)


def test_a_manifest_of_the_trained_folder_is_refused() -> None:
    """Classes of one's own data are the same classes, whether a folder or a manifest names them."""
    trained = data("folder:/p:train", "ab").class_names
    with pytest.raises(DataError, match="shares 1 class"):
        refuse_overlap("training", data("manifest:/p.csv", "bc"), trained, "use others")
    refuse_overlap("training", data("manifest:/p.csv", "cd"), trained, "use others")


def test_examples_under_other_labels_are_refused() -> None:
    """A set that holds known classes under labels of its own (Lake's runs) still shares them."""
    with pytest.raises(DataError):
        refuse_overlap("training", data("omniglot:runs", "x", frozenset({"omniglot:a"})), frozenset({"omniglot:a"}), "")


def test_the_shipped_threshold_is_not_changed_in_place() -> None:
    """Calibrating a shipped model by its name is refused, since galleries rely on its threshold."""
    with pytest.raises(ModelError, match="copy"):
        firstsight.calibrate("glyphs", "mnist5k", fmr=0.05)


@pytest.mark.parametrize(
    ("protocol", "setting"),
    [("verification", "ways"), ("verification", "tasks"), ("within", "shots"), ("omniglot-lake-20way", "across")],
)
def test_settings_a_protocol_does_not_have_are_refused(protocol: str, setting: str) -> None:
    """A setting that would be ignored is refused, not swallowed."""
    address = None if protocol.startswith("omniglot") else "icons:test"
    with pytest.raises(UsageError, match=setting):
        settle(protocol, address, Settings(), frozenset({setting}))


def test_a_fixed_setting_is_not_changed() -> None:
    """A named protocol keeps its numbers."""
    with pytest.raises(UsageError, match="fixes ways to 20"):
        settle("icons-20way", None, Settings(ways=5), frozenset({"ways"}))
