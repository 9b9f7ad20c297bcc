"""The galleries of the served file, opened when they are first asked for, and again when they are others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from firstsight.errors import GalleryError, MissingError, ModelError, StaleError, StorageError
from firstsight.gallery import Gallery
from firstsight.model import Encode, Model
from firstsight.serve.batching import Batcher
from firstsight.stores.listing import galleries_of
from firstsight.types import GalleryInfo

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Opened:
    """One gallery on two connections, with one copy of its templates: who asks waits for no write to reach the disk."""

    reader: Gallery
    writer: Gallery


class Galleries:
    """All galleries of a file.

    Args:
        file: the store's.
        model: of the gallery it was started with; others load what they were made by.
        lanes: runs of one encoder at the same time.
        seen: told how many readings were embedded together.
    """

    def __init__(
        self, file: str, model: Model, *, lanes: int = 1, seen: Callable[[int], object] = lambda _: None
    ) -> None:
        self.file = file
        self._lanes, self._seen = lanes, seen
        self._lock = threading.Lock()
        self._opened: dict[str, _Opened] = {}
        self._models: dict[str, Model] = {}
        self._places: set[str] = set()
        self.model = self._batched(model)

    def reading(self, name: str, ask: Callable[[Gallery], T]) -> T:
        """Ask a gallery something.

        Raises:
            MissingError: there is no such gallery.
            StorageError: it can't be opened.
        """
        return self._ask(name, lambda opened: ask(opened.reader))

    def writing(self, name: str, change: Callable[[Gallery], T]) -> T:
        """Change a gallery; as :meth:`reading`."""
        return self._ask(name, lambda opened: change(opened.writer))

    def listed(self) -> list[GalleryInfo]:
        """All galleries there are now."""
        return galleries_of(self.file)

    def places(self) -> list[str]:
        """Where the models lie that were loaded or looked for, the longest first."""
        return sorted(self._places, key=len, reverse=True)

    def forget(self, name: str) -> None:
        """Close a gallery that is no more."""
        with self._lock:
            opened = self._opened.pop(name, None)
        if opened is not None:
            opened.reader.close()
            opened.writer.close()

    def close(self) -> None:
        """Close all."""
        for name in list(self._opened):
            self.forget(name)

    def _ask(self, name: str, ask: Callable[[_Opened], T]) -> T:
        try:
            return ask(self._open(name))
        except StaleError:  # nothing was done: it was rebuilt or dropped meanwhile
            self.forget(name)
            return ask(self._open(name))

    def _open(self, name: str) -> _Opened:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._both(name)
            return self._opened[name]

    def _both(self, name: str) -> _Opened:
        address = f"{self.file}#{name}"
        try:
            with Gallery.open(address) as found:
                contract = found.store.contract
                self._places.add(contract.model)
            if contract.fingerprint not in self._models:
                self._batched(Model.load(contract.model))
            reader = Gallery.open(address, self._models[contract.fingerprint])
            return _Opened(reader, reader.beside())
        except MissingError:
            raise
        except (GalleryError, ModelError) as error:  # whoever asks can't mend it
            raise StorageError(str(error)) from None

    def _batched(self, model: Model) -> Model:
        encode: Encode = Batcher(model.run, lanes=self._lanes, seen=self._seen)
        twin = Model(model.path, model.spec, model.calibration, encode=encode)
        self._models[model.fingerprint] = twin
        self._places.add(str(model.path))
        return twin
