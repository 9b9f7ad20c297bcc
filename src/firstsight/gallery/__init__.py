"""Galleries: enrolled references of identities, bound to one model."""

from firstsight.gallery.gallery import Gallery

__all__ = ["Gallery"]
