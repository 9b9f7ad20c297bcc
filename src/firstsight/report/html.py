"""Self-contained HTML: pictures and plots as data inside the page, styles for light and dark, phone and desk."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from firstsight.errors import UsageError
from firstsight.files import write_atomically
from firstsight.types import PixelArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def picture(pixels: PixelArray) -> str:
    """A reading ``(c, h, w)`` uint8 as a PNG data address."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def svg(figure: Figure) -> str:
    """A figure as inline SVG, with the same bytes for the same figure."""
    import matplotlib as mpl

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "firstsight", "svg.fonttype": "none"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def write(template: str, path: Path, **content: Any) -> None:
    """Render a template of this folder and write it whole or not at all.

    Raises:
        UsageError: the packages that draw are not installed.
        StorageError: the file can't be written.
    """
    try:
        import jinja2
        import matplotlib as mpl  # noqa: F401  plots are drawn before this is called with them
    except ImportError as error:
        raise UsageError(f"pages need {error.name}, which is not installed; pip install 'firstsight[report]'") from None
    folder = Path(__file__).parent / "templates"
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters["svg"] = svg
    environment.filters["picture"] = picture
    environment.filters["percent"] = lambda v: f"{100 * v:.1f} %"
    write_atomically(path, environment.get_template(template).render(**content).encode())
