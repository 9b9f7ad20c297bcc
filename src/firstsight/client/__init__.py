"""A service from Python."""

from firstsight.client.client import Client

__all__ = ["Client"]
