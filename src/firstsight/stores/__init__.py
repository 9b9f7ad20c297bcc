"""Stores: durable places for references."""
