"""Paths of the server, which are nobody's business elsewhere: answers and errors tell the last part of them at most."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from firstsight.types import Finding, GalleryInfo, ModelInfo, Reference, Verdict

_FOLDERS = re.compile(r"(?<![\w./~'\"-])/(?!/|v1\b|page/)(?:[^\s'\"`;,|<>/]*/)*")
"""The folders of a path that stands bare in a text; what stands in quotes is what somebody sent, and stays."""


def last_part(text: str) -> str:
    """A path or an address of data without its folders: ``folder:/srv/photos:train`` is ``folder:photos:train``."""
    kind, colon, rest = text.partition(":")
    if not kind.startswith(("/", "~")) and colon and rest.startswith(("/", "~")):
        return f"{kind}:{last_part(rest)}"
    return text.rstrip("/").rpartition("/")[2] if text.startswith(("/", "~")) else text


def told_elsewhere(text: str) -> str:
    """A text with the last part of each path in it."""
    return _FOLDERS.sub("", text)


def _judged(verdict: Verdict | None) -> Verdict | None:
    if verdict is None:
        return None
    return dataclasses.replace(
        verdict,
        sentence=told_elsewhere(verdict.sentence),
        reason=told_elsewhere(verdict.reason),
        advice=told_elsewhere(verdict.advice),
        data=last_part(verdict.data),
    )


def outside(result: Any) -> Any:
    """A result as it goes to whoever asks: without the folders that references, models and data lie in."""
    if isinstance(result, list):
        return [outside(one) for one in result]
    if isinstance(result, Reference):
        return dataclasses.replace(result, source=last_part(result.source))
    if isinstance(result, GalleryInfo):
        return dataclasses.replace(result, model=last_part(result.model))
    if isinstance(result, Finding):
        return dataclasses.replace(result, source=last_part(result.source), message=told_elsewhere(result.message))
    if isinstance(result, ModelInfo):
        trained = {k: last_part(v) if isinstance(v, str) else v for k, v in result.trained.items()}
        card = result.card
        for key, value in result.trained.items():
            card = card.replace(f"`{value}`", f"`{trained[key]}`")
        # a path with blanks is known as a whole only where it stands in backquotes
        card = re.sub("`([^`\n]*)`", lambda found: f"`{last_part(found[1])}`", card)
        return dataclasses.replace(result, trained=trained, card=told_elsewhere(card), verdict=_judged(result.verdict))
    return result
