"""Samplers: which examples make a batch; one family a file."""
