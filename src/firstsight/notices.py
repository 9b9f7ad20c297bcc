"""Notices: sentences that a person should see beside a result, on standard error or where a program sends its log."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_logger = logging.getLogger("firstsight")


def tell(sentence: str) -> None:
    """Tell a person; without a log of the program's own, Python writes it on standard error."""
    _logger.warning("note: %s", sentence)


class _OnStandardError(logging.Handler):
    """Writes on what standard error is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        print(record.getMessage(), file=sys.stderr)


@contextmanager
def on_standard_error() -> Iterator[None]:
    """Write notices on standard error, and there only, as a command does."""
    handler, before = _OnStandardError(), _logger.propagate
    _logger.addHandler(handler)
    _logger.propagate = False
    try:
        yield
    finally:
        _logger.removeHandler(handler)
        _logger.propagate = before
