"""Evaluation: protocols over a data set and any Embedder."""
