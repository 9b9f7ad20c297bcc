"""The page: plain HTML, ES modules and one style sheet, served as they lie here."""

from pathlib import Path

PLACE = Path(__file__).parent
"""The folder that is served under ``/page/``."""
