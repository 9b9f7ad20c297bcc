"""The log: a JSON object a line, never with an image, an embedding, an identity or a score."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

from firstsight.stores.events import stamp
from firstsight.terminal import visible

logger = logging.getLogger("firstsight.serve")


class Lines(logging.Formatter):
    """A record as one line of JSON: when, how grave, what happened, and the record's ``fields``."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = stamp(datetime.fromtimestamp(record.created, UTC))
        line: dict[str, object] = {"at": at, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return visible(json.dumps(line, ensure_ascii=False, default=str))


def begin() -> None:
    """Write the log of this process, and what the server below has to say, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Lines())
    for name, level in (("firstsight.serve", logging.INFO), ("uvicorn", logging.WARNING)):
        one = logging.getLogger(name)
        one.handlers, one.propagate = [handler], False
        one.setLevel(level)
