"""Comparisons: encoder and batch become what a loss sees; one family a file."""
