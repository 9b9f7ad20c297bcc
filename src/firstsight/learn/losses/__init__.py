"""Losses: plain functions of a comparison, one family a file."""
