"""A store and the model whose embeddings it holds, made, opened and closed together."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from firstsight.errors import GalleryError, ModelError, SpellingError, UsageError, count
from firstsight.legible import fault
from firstsight.model import SHIPPED, Model
from firstsight.spelling import shown
from firstsight.stores.sqlite import SqliteStore
from firstsight.types import Contract, Store


class Bound:
    """A durable store, bound to one model; :class:`firstsight.Gallery` is one.

    Args:
        store: where references live.
        model: whose embeddings they are; None loads the recorded one when it is first needed.
        address: of the store.
    """

    _bound: Model | None = None  # the model that told the store what its vectors are

    def __init__(self, store: Store, model: Model | None, address: str | Path = "") -> None:
        self.store = store
        self.address = address
        self._model = model
        if model is not None:
            store.expect(lambda: model.lengths)

    def __repr__(self) -> str:
        try:
            people, made_by = self.store.identities(), Path(self.store.contract.model).name
        except Exception:  # noqa: BLE001  one that was closed or dropped can be printed too
            return f"<{type(self).__name__} {self.address}: closed>"
        references = count(sum(person.references for person in people), "reference", "references")
        enrolled = f"{references} of {count(len(people), 'identity', 'identities')}"
        return f"<{type(self).__name__} {self.address}: model {made_by}, {enrolled}>"

    @classmethod
    def create(cls, address: str | Path, model: Model | str | Path, *, keep_sources: bool = False) -> Self:
        """A new, empty gallery.

        Args:
            address: a file, with ``#name`` for one of several galleries in it.
            model: a loaded model, a shipped name or a directory. It should be calibrated: without, nothing is decided.
            keep_sources: keep the image of each reference in the store, so that the gallery can be rebuilt for
                another model without the files.

        Raises:
            GalleryError: it exists already, or the file cannot be a gallery.
            ModelError: the model cannot be loaded.
        """
        why = fault(str(address).partition("#")[2])
        if why is not None:
            raise SpellingError(f"{str(address)!a} names no gallery ({why}); write it in letters of one language")
        loaded = model if isinstance(model, Model) else Model.load(model)
        return cls(SqliteStore(str(address), create=contract_of(loaded, keep_sources)), loaded, address)

    @classmethod
    def open(cls, address: str | Path, model: Model | str | Path | None = None) -> Self:
        """An existing gallery, with the model it was made by (or the same model at another place).

        Without ``model``, the one it was made by is loaded when a picture is to be embedded or compared: what only
        lists, renames or removes needs none.

        Raises:
            GalleryError: there is no such gallery, or the model is not the one it was made by.
        """
        store = SqliteStore(str(address))
        try:
            opened = cls(store, None, address)
            if model is not None:
                opened._bind(model if isinstance(model, Model) else Model.load(model))
        except BaseException:
            store.close()
            raise
        return opened

    @property
    def model(self) -> Model:
        """Whose embeddings are enrolled.

        Raises:
            ModelError: it is not where it was.
            GalleryError: another one is there.
        """
        if self._model is None:
            try:
                return self._bind(Model.load(self.store.contract.model))
            except (ModelError, UsageError) as error:
                raise ModelError(
                    f"{error}; if the model of {self.address} has moved, say where it is with --model"
                ) from None
        return self._model

    def _bind(self, model: Model) -> Model:
        if model is self._bound:
            return model
        made_by = self.store.contract
        if model.fingerprint != made_by.fingerprint:
            raise GalleryError(
                f"{self.address} was made by model {made_by.fingerprint} ({made_by.model}), {model.path} is "
                f"{model.fingerprint}: their embeddings do not compare; use that model, or firstsight gallery rebuild"
            )
        self._model = model
        self._bound = model
        self.store.expect(lambda: model.lengths)
        return model

    def close(self) -> None:
        """Release the store."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def contract_of(model: Model, keep_sources: bool) -> Contract:
    """What a gallery of this model records of it."""
    shipped = model.path.parent == SHIPPED
    place = model.path.name if shipped else shown(str(model.path.resolve()))
    return Contract(place, model.fingerprint, model.dim, keep_sources, lambda: model.lengths)
