"""Encoders: networks from readings to embeddings, one family a file."""
