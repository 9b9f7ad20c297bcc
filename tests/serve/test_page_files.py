"""The page's files, without a browser: nothing inline or from elsewhere, text never becomes markup, colours are told
apart, and only what belongs to the page is served."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient

from firstsight.serve.page import KINDS, PLACE, POLICY

STYLE = (PLACE / "page.css").read_text()
MARKUP = (PLACE / "index.html").read_text()
MODULES = {file.name: file.read_text() for file in sorted(PLACE.glob("*.js"))}

TEXT, LARGE = 4.5, 3.0
"""Ratios that WCAG 2.2 AA asks of text, and of large text and the edges of controls."""


def schemes() -> dict[str, dict[str, tuple[int, int, int]]]:
    """The colours of both schemes, by the name of their variable."""
    light, dark = STYLE.split("@media (prefers-color-scheme: dark)", 1)
    found = {}
    for name, part in (("light", light), ("dark", dark.split("\n}\n", 1)[0])):
        pairs = re.findall(r"--([a-z-]+): #([0-9a-f]{6});", part)
        found[name] = {key: (int(v[:2], 16), int(v[2:4], 16), int(v[4:], 16)) for key, v in pairs}
    return found


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """The ratio of two colours' luminances, as WCAG 2.2 defines it."""

    def luminance(colour: tuple[int, int, int]) -> float:
        linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("front", "back", "least"),
    [
        *[(front, back, TEXT) for front in ("ink", "dim") for back in ("page", "card", "well", "tint")],
        *[("accent", back, TEXT) for back in ("page", "card", "tint", "well")],
        *[("ink", back, TEXT) for back in ("warn-tint", "bad-tint")],
        ("accent-strong", "card", TEXT),
        ("on-accent", "accent", TEXT),
        ("on-accent", "accent-strong", TEXT),
        ("warn", "warn-tint", TEXT),
        ("bad", "bad-tint", TEXT),
        ("bad", "card", TEXT),
        ("page", "ink", TEXT),
        ("edge", "card", LARGE),
        ("edge", "page", LARGE),
        ("edge", "well", LARGE),
        ("plot-fmr", "card", LARGE),
        ("plot-fnmr", "card", LARGE),
        ("accent", "line", LARGE),
        ("ink", "line", LARGE),
    ],
)
def test_colours_are_told_apart(front: str, back: str, least: float, scheme: str) -> None:
    """What is written or drawn in one colour upon another meets WCAG AA, in light and in dark."""
    colours = schemes()[scheme]
    assert contrast(colours[front], colours[back]) >= least


def test_both_schemes_have_the_same_colours() -> None:
    """A colour of the one is a colour of the other, and every variable that is used is set."""
    both = schemes()
    assert set(both["light"]) == set(both["dark"])
    assert len(both["light"]) > 15
    used = set(re.findall(r"var\(--([a-z-]+)\)", STYLE))
    assert used <= set(re.findall(r"--([a-z-]+):", STYLE))


def test_nothing_is_inline_and_nothing_from_elsewhere() -> None:
    """No style or script in the markup, no address of another host anywhere but the name of SVG."""
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|<script(?![^>]*src=)", MARKUP)
    for name, text in {"index.html": MARKUP, "page.css": STYLE, **MODULES}.items():
        foreign = set(re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}[^\s\"')]*", text))
        assert foreign <= {"http://www.w3.org/2000/svg"}, name
    assert "@import" not in STYLE
    assert "url(" not in STYLE


@pytest.mark.parametrize("name", MODULES)
def test_text_never_becomes_markup(name: str) -> None:
    """No module knows a way from text to markup or to code."""
    ways = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser|setHTML"
    assert not re.search(ways, MODULES[name])
    assert not re.search(r"setAttribute\(\s*[\"']style|style:", MODULES[name])
    assert MODULES[name].startswith("// ")
    assert len(MODULES[name].splitlines()) < 350


def test_every_module_is_reached_and_exists() -> None:
    """Each import leads to a file, and each file is imported or the first."""
    found = {name: set(re.findall(r'from "\./([a-z]+\.js)"', text)) for name, text in MODULES.items()}
    assert set().union(*found.values()) | {"main.js"} == set(MODULES)


def test_only_the_page_is_served_and_under_its_policy(asking: TestClient) -> None:
    """Each file comes with the policy and its type; Python beside it, folders and what is above do not come."""
    front = asking.get("/")
    assert str(front.url).endswith("/page/")
    assert front.text == MARKUP
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
    for file in PLACE.iterdir():
        answer = asking.get(f"/page/{file.name}")
        if file.suffix in KINDS:
            assert answer.status_code == 200
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["content-type"].startswith(types[file.suffix])
            assert answer.headers["x-content-type-options"] == "nosniff"
        else:
            assert answer.status_code == 404
    for path in ("__pycache__/x.html", "..%2fapp.py", "%2e%2e/app.py", "nothing.html"):
        assert asking.get(f"/page/{path}").status_code == 404


def test_the_policy_is_strict() -> None:
    """Nothing is allowed that is not named; nothing inline, no eval, no other host."""
    parts = dict(part.partition(" ")[::2] for part in POLICY.split("; "))
    assert parts["default-src"] == "'none'"
    assert parts["script-src"] == parts["style-src"] == parts["connect-src"] == "'self'"
    assert parts["frame-ancestors"] == parts["base-uri"] == "'none'"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY


def test_a_file_is_asked_for_again_by_its_content(asking: TestClient) -> None:
    """Its tag is a hash of its bytes: after an update, equal size and time do not keep the old page in a browser."""
    first = asking.get("/page/main.js")
    assert first.headers["etag"] == f'"{sha256((PLACE / "main.js").read_bytes()).hexdigest()[:32]}"'
    assert "last-modified" not in first.headers
    assert asking.get("/page/main.js", headers={"if-none-match": first.headers["etag"]}).status_code == 304
    for other in ({"if-none-match": '"0"'}, {"if-modified-since": "Fri, 31 Dec 2100 00:00:00 GMT"}):
        assert asking.get("/page/main.js", headers=other).content == first.content
