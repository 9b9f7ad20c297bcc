"""Self-contained HTML: pictures and plots as data inside the page, styles for light and dark, phone and desk."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from firstsight.errors import UsageError
from firstsight.files import write_atomically
from firstsight.report import wording
from firstsight.types import PixelArray

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

TEMPLATES = Path(__file__).parent / "templates"
MAX_SIDE = 96
"""Pixels of the longer side of a picture in a page: a page holds hundreds."""


def picture(pixels: PixelArray) -> str:
    """A reading ``(c, h, w)`` uint8 as the data address of a PNG, or of a JPEG where that is smaller (colour only)."""
    image = Image.fromarray(pixels[0] if len(pixels) == 1 else np.ascontiguousarray(pixels.transpose(1, 2, 0)))
    image.thumbnail((MAX_SIDE, MAX_SIDE))
    made = _encoded(image, "PNG", optimize=True)
    if image.mode == "RGB":
        made = min(made, _encoded(image, "JPEG", quality=82, optimize=True), key=len)
    return made


def _encoded(image: Image.Image, kind: str, **how: Any) -> str:
    buffer = io.BytesIO()
    image.save(buffer, kind, **how)
    return f"data:image/{kind.lower()};base64," + base64.b64encode(buffer.getvalue()).decode()


def svg(figure: Figure, alt: str = "") -> str:
    """A figure as inline SVG, with the same bytes for the same figure.

    Its ink follows the page's theme, its identifiers are its own among the plots of a page, and it refers to nothing
    outside.

    Args:
        figure: drawn with the colours of :mod:`firstsight.report.plots`.
        alt: what it shows, for those who do not see it.
    """
    import matplotlib as mpl

    from firstsight.report.plots import CARD, GENUINE, IMPOSTOR, INK, LINE

    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "firstsight", "svg.fonttype": "none"}), warnings.catch_warnings():
        # The browser has fonts for scripts that matplotlib's own lacks.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        warnings.filterwarnings("ignore", r"Matplotlib currently does not support .* natively", UserWarning)
        figure.savefig(buffer, format="svg")
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style[^>]*>.*?</style>|<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(r' xmlns(:\w+)?="[^"]*"| version="1.1"', "", text, count=3)
    turned = {INK: "plot-ink", CARD: "card", GENUINE: "genuine", IMPOSTOR: "impostor", LINE: "line-plot"}
    for colour, name in turned.items():
        text = re.sub(rf"(?<=[:\s]){colour}\b", f"var(--{name}, {colour})", text)
    used = set(re.findall(r'(?:url\(|href=")#([\w.-]+)', text))
    mark = hashlib.sha256(text.encode()).hexdigest()[:8]
    text = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{mark}-{m[1]}"' if m[1] in used else "", text)
    text = re.sub(r'(url\(|href=")#', rf"\g<1>#{mark}-", text)
    text = re.sub(r"\n\s*", "\n", text)
    return text.replace("<svg", f'<svg role="img" aria-label="{html.escape(alt)}"', 1)


def breakable(label: str) -> Markup:
    """A label as HTML that may be broken after a slash, dash, dot or underscore and before digits, not within words."""
    from markupsafe import Markup

    parts = re.split(r"(?<=[/._-])(?=\w)|(?<=[^\W\d])(?=\d)", label)
    return Markup("<wbr>").join(parts)


def script(name: str) -> tuple[str, str]:
    """A script of the templates' folder, and the source expression by which the page's policy lets in only it."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    return text, f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


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
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["svg"] = svg
    environment.filters["picture"] = picture
    environment.filters["breakable"] = breakable
    environment.filters["percent"] = lambda v: f"{100 * v:.1f} %"
    environment.filters["named"] = wording.named
    environment.globals.update(
        number=wording.number,
        title=wording.title,
        hint=wording.hint,
        is_cost=wording.is_cost,
        is_rate=wording.is_rate,
    )
    write_atomically(path, environment.get_template(template).render(**content).encode())
