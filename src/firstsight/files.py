"""Writing files so that a crash, a full disk or a killed process leaves either the old content or the new."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from firstsight.errors import StorageError


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file's content, durably.

    Raises:
        StorageError: the system refused; what was there before is intact.
    """
    temporary = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path} can't be written ({error.strerror}); what was there before is intact") from None
