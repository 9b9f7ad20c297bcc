"""Text for a terminal: control characters and orders to turn text around are written out, never sent.

A file's name, a model's card or a message of another program may hold what a terminal obeys (ANSI), or what shows text
in another order than it stands in. All that the command line prints goes through :func:`plain`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""What is obeyed or unseen, lines and tabs aside; joiners stay, since Persian and Indic words need them."""


def visible(text: str) -> str:
    r"""A text of one or more lines with such characters as ``\u001b``, which JSON reads as what it was."""
    return _OBEYED.sub(_spelled, text)


def in_line(text: object) -> str:
    """As :func:`visible`, for what is to stay within its line: a path may hold a line break."""
    return visible(str(text)).replace("\n", "\\n").replace("\t", "\\t")


def _spelled(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[n : n + 2].hex()}" for n in range(0, len(units), 2))


class Plain:
    """A text stream that is written to by way of :func:`visible`.

    Args:
        stream: the one below.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        """Write."""
        self.stream.write(visible(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def below(stream: Any) -> Any:
    """The stream that obeys: for what this program itself orders, colours and bars."""
    return stream.stream if isinstance(stream, Plain) else stream


@contextmanager
def plain() -> Iterator[None]:
    """Within it, whatever is printed to standard output and error is made visible."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Plain(below(sys.stdout)), Plain(below(sys.stderr))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
