"""Recipes: TOML files that name the parts of a training run; ``key=value`` changes one setting, checked."""

from __future__ import annotations

import inspect
import math
import tomllib
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from firstsight.errors import UsageError, unknown
from firstsight.files import FILE, expanded, read_file, state_of
from firstsight.inputs import INPUTS
from firstsight.learn.catalogue import (
    ALSO_KNOWN_AS,
    AUGMENTS,
    COMPARISONS,
    ENCODERS,
    LOSSES,
    PROJECTIONS,
    SAMPLERS,
    SIMILARITIES,
)
from firstsight.learn.fitting import check_frozen, check_objective, check_views
from firstsight.learn.settings import DataSettings, ExportSettings, OptimiserSettings, TrainingSettings
from firstsight.spelling import shown

FOLDER = Path(__file__).parent / "recipes"
MAX_BYTES = 1 << 20


_FIXED: dict[str, Callable[..., Any]] = {
    "data": DataSettings,
    "optimiser": OptimiserSettings,
    "training": TrainingSettings,
    "export": ExportSettings,
}
_NAMED: dict[str, Mapping[str, Any]] = {
    "input": INPUTS,
    "encoder": ENCODERS,
    "similarity": SIMILARITIES,
    "comparison": COMPARISONS,
    "loss": LOSSES,
    "sampling": SAMPLERS,
}
_ALSO: dict[str, Mapping[str, Any]] = {"also_comparison": COMPARISONS, "also_loss": LOSSES}
_UNNAMED: dict[str, Mapping[str, Any]] = {
    "augment": AUGMENTS,
    "projection": PROJECTIONS,
}  # a part that has a default: the first
_PARTS = {**_NAMED, **_ALSO, **_UNNAMED}
_SECTIONS = [*_NAMED, *_ALSO, *_UNNAMED, *_FIXED]
_GIVEN = {
    "channels",
    "labels",
    "groups",
    "images",
    "generator",
    "score",
    "same",
    "weight",
    "similarity",
    "network",
    "features",
}
"""Arguments that training fills in itself; a recipe may not."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A checked recipe.

    Attributes:
        name: of the recipe.
        sections: section -> settings; ``name`` in a section names its part.
    """

    name: str
    sections: dict[str, dict[str, Any]]

    def settings(self, section: str) -> dict[str, Any]:
        """A section's settings without the part's name."""
        return {k: v for k, v in self.sections.get(section, {}).items() if k != "name"}

    @property
    def data(self) -> DataSettings:
        """Section ``[data]``."""
        return DataSettings(**self.settings("data"))

    @property
    def optimiser(self) -> OptimiserSettings:
        """Section ``[optimiser]``."""
        return OptimiserSettings(**self.settings("optimiser"))

    @property
    def training(self) -> TrainingSettings:
        """Section ``[training]``."""
        return TrainingSettings(**self.settings("training"))

    @property
    def export(self) -> ExportSettings:
        """Section ``[export]``."""
        return ExportSettings(**self.settings("export"))

    def part(self, section: str) -> Any:
        """What the section's ``name`` stands for."""
        parts = _PARTS[section]
        return parts[self.sections.get(section, {}).get("name", next(iter(parts)))]


def shipped() -> list[str]:
    """Names of the recipes that come with FirstSight."""
    return sorted(p.stem for p in FOLDER.glob("*.toml"))


def load(name: str, changes: Sequence[str] = (), *, instead: Mapping[str, dict[str, Any]] | None = None) -> Recipe:
    """A recipe by its shipped name or its path, with ``section.key=value`` changes.

    Args:
        instead: sections that replace those of the recipe, before the changes.

    Raises:
        UsageError: no such recipe, section, part or key, or a value of the wrong type.
    """
    if "/" in name or name.endswith(".toml"):
        path = expanded(name)
        if state_of(path) != FILE:
            raise UsageError(f"{path} {state_of(path)}; a recipe file, or one of {', '.join(shipped())}, was expected")
    else:
        path = FOLDER / f"{name}.toml"
        if state_of(path) != FILE:
            raise unknown("recipe", name, shipped())
    try:
        sections = tomllib.loads(read_file(path, MAX_BYTES, UsageError).decode())
    except (ValueError, RecursionError) as error:  # of TOML, of UTF-8, of numbers of a thousand digits
        raise UsageError(f"{path} is not a TOML recipe ({error})") from None
    for section, content in sections.items():
        if not isinstance(content, dict):
            raise UsageError(f"{path}: {section} stands outside a section; write it under [training], say")
    return made(path.stem, {**sections, **(instead or {})}, changes)


def made(name: str, sections: Mapping[str, dict[str, Any]], changes: Sequence[str] = ()) -> Recipe:
    """A recipe of sections, with changes.

    Raises:
        UsageError: as :func:`load`.
    """
    changed = {section: dict(content) for section, content in sections.items()}
    for change in sorted(changes, key=lambda change: ".name=" not in change):  # a name first: it clears its section
        _apply(changed, shown(change))
    _check(changed)
    return Recipe(name, changed)


def exported_as(settings: Mapping[str, Any], changes: Sequence[str]) -> dict[str, Any]:
    """Section ``[export]`` with ``export.key=value`` changes, checked.

    Args:
        settings: the section as it was.
        changes: to it; of no other section.

    Raises:
        UsageError: another section, or a key or value that ``[export]`` does not take.
    """
    sections = {"export": dict(settings)}
    for change in changes:
        if not change.startswith("export."):
            raise UsageError(f"{change!r} came, but only export.key=value can change once a model is trained")
        _apply(sections, change)
    _check_keys("export", sections["export"], ExportSettings)
    return sections["export"]


def part_of(section: str, content: Mapping[str, Any]) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The part that a section of a model's settings names, and what it is called with, checked as in a recipe.

    Raises:
        UsageError: there is no such part or key, or a value is of another type or beyond its bounds.
    """
    settings, parts = dict(content), _PARTS[section]
    name = str(settings.pop("name", ""))
    if name not in parts:
        raise unknown(section, name, parts)
    _check_keys(section, settings, parts[name])
    return parts[name], settings


def _apply(sections: dict[str, dict[str, Any]], change: str) -> None:
    key, equals, text = change.partition("=")
    section, dot, field = key.partition(".")
    if not equals or not dot or not field:
        raise UsageError(f"{change!r} came, section.key=value was expected, such as training.steps=500")
    if section not in _SECTIONS:
        raise unknown("section", section, _SECTIONS)
    content = sections.setdefault(section, {})
    value = _value(text)
    if field == "name" and content.get("name") != value:
        content.clear()  # another part has other settings
    content[field] = value


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"v = {text}")["v"]
    except (ValueError, RecursionError):
        return text


def _check(sections: dict[str, dict[str, Any]]) -> None:
    for section in sections:
        if section not in _SECTIONS:
            raise unknown("section", section, _SECTIONS)
    also = any(section in sections for section in _ALSO)
    for section, parts in _UNNAMED.items():
        content = sections.get(section, {})
        name = content.get("name", next(iter(parts)))
        if name not in parts:
            raise unknown(section, str(name), parts)
        _check_keys(section, content, parts[name])
    for section, parts in {**_NAMED, **(_ALSO if also else {})}.items():
        content = sections.get(section, {})
        if "name" not in content:
            together = "; a second objective is a comparison and a loss" if section in _ALSO else ""
            raise UsageError(
                f"the recipe names no {section}; add [{section}] with name = one of {', '.join(parts)}{together}"
            )
        if not isinstance(content["name"], str) or content["name"] not in parts:
            meant = ALSO_KNOWN_AS.get(str(content["name"])) if parts is LOSSES else None
            raise unknown(section, str(content["name"]), parts, meant)
        part = parts[content["name"]]
        _check_keys(section, content, getattr(part, "function", part))
    for section, function in _FIXED.items():
        _check_keys(section, sections.get(section, {}), function)
    check_views(sections)
    check_objective(sections, "comparison", "loss")
    check_frozen(sections)
    if also:
        check_objective(sections, "also_comparison", "also_loss")
    elif "also" in sections.get("training", {}):
        raise UsageError(
            "training.also weighs a second objective, and the recipe names none; add also_comparison and also_loss"
        )


def _check_keys(section: str, content: dict[str, Any], function: Callable[..., Any]) -> None:
    """Check names, types and bounds against the signature of the part they configure."""
    target = function.__init__ if inspect.isclass(function) else function
    hints = typing.get_type_hints(target, include_extras=True)
    parameters = inspect.signature(function).parameters
    allowed = {
        k: hints.get(k, Any)
        for k, p in parameters.items()
        if (k not in _GIVEN or section in _FIXED)
        and not (section == "encoder" and k == "size")
        and not (section == "sampling" and k == "seed")
        and not (section in ("comparison", "also_comparison") and k in ("dim", "classes", "coarse"))
        and not (section == "similarity" and k == "dim")
    }
    if section == "input" and "channels" in parameters:
        allowed["channels"] = hints["channels"]
    for key, value in content.items():
        if key == "name" and section in _PARTS:
            continue
        if key not in allowed:
            raise unknown(f"setting of {section}", key, allowed or ["none"])
        content[key] = _typed(f"{section}.{key}", value, allowed[key])


def _typed(key: str, value: Any, hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        plain, bounds = get_args(hint)
        value = _typed(key, value, plain)
        if not bounds.hold(value):
            raise UsageError(f"{key} is {value}, {bounds} was expected")
        return value
    if get_origin(hint) is list:
        if not isinstance(value, list):
            raise UsageError(f"{key} is {value!r}, a list such as [1.0, 0.5] was expected")
        return [_typed(key, one, get_args(hint)[0]) for one in value]
    if get_origin(hint) is Literal:
        if not any(value == known and type(value) is type(known) for known in get_args(hint)):
            raise UsageError(f"{key} is {value!r}, one of {', '.join(map(str, get_args(hint)))} was expected")
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wrong = not isinstance(value, hint) or (hint is not bool and isinstance(value, bool))
    if hint in (int, float, str, bool) and wrong:
        kinds = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        raise UsageError(f"{key} is {value!r}, {kinds[hint]} was expected")
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError(f"{key} is {value}, a finite number was expected")
    return value
