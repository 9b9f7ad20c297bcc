"""Reproductions: published figures, how each was obtained, and the same obtained here.

A reproduction is a recipe and a record (:mod:`firstsight.reproduce.catalogue`). Nothing here knows a network: training
is handed in by :mod:`firstsight.api`.
"""
