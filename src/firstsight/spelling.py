"""The spelling of names and of file names: composed Unicode, no blanks around it, no bytes that are not UTF-8."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable


def spelled(name: str) -> str:
    """The one spelling of a name, of an identity as of a class: composed Unicode (NFC), without blanks around it.

    Example:
        >>> spelled(" Jose\\u0301 ") == "Jos\\u00e9"
        True
    """
    return name.strip() if name.isascii() else unicodedata.normalize("NFC", name).strip()


def shown(name: str) -> str:
    """A file name as text that can be written anywhere: bytes of it that are not UTF-8 are spelled out.

    Example:
        >>> shown("caf\\udce9.png")
        'caf\\\\udce9.png'
    """
    return name if name.isascii() else name.encode("utf-8", "backslashreplace").decode()


def unshown(name: str) -> str:
    """The file name that is shown so; what is spelled out in it are bytes again.

    Example:
        >>> unshown(shown("caf\\udce9.png")) == "caf\\udce9.png"
        True
    """
    return re.sub(r"\\udc([89a-f][0-9a-f])", lambda found: chr(0xDC00 + int(found[1], 16)), name)


def spelled_classes(qualified: Iterable[str]) -> frozenset[str]:
    """Classes with the kind of their data set, as a model of any version recorded them, in today's spelling.

    Example:
        >>> spelled_classes(["own: alice"])
        frozenset({'own:alice'})
    """
    named = (name.partition(":") for name in qualified)
    return frozenset(f"{kind}:{spelled(label)}" for kind, _, label in named)
