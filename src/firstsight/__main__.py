"""``python -m firstsight``."""

import sys

from firstsight.cli import main

sys.exit(main())
