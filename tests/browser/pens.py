"""Symbols that no alphabet has, and a hand that draws them with the mouse, never twice alike."""

from __future__ import annotations

import math
import random

from playwright.sync_api import Page

Stroke = list[tuple[float, float]]

SYMBOLS: dict[str, list[Stroke]] = {
    "kite with a tail": [
        [(0.5, 0.1), (0.78, 0.38), (0.5, 0.7), (0.22, 0.38), (0.5, 0.1)],
        [(0.5, 0.7), (0.4, 0.8), (0.55, 0.88), (0.45, 0.96)],
    ],
    "comb": [
        [(0.12, 0.3), (0.88, 0.3)],
        [(0.18, 0.3), (0.18, 0.75)],
        [(0.4, 0.3), (0.4, 0.75)],
        [(0.62, 0.3), (0.62, 0.75)],
        [(0.84, 0.3), (0.84, 0.75)],
    ],
    "anchor": [
        [(0.5, 0.12), (0.5, 0.86)],
        [(0.16, 0.58), (0.3, 0.78), (0.5, 0.86), (0.7, 0.78), (0.84, 0.58)],
        [(0.34, 0.3), (0.66, 0.3)],
    ],
    "snail": [
        [(0.5 + (0.4 - 0.012 * t) * math.cos(t / 3.2), 0.5 + (0.4 - 0.012 * t) * math.sin(t / 3.2)) for t in range(29)]
    ],
}


def draw(page: Page, symbol: str, seed: int, scale: float = 0.8) -> None:
    """Draw a symbol on the first sheet of the page, at this scale, somewhat off its middle, by a trembling hand."""
    hand = random.Random(f"{symbol} {seed}")
    sheet = page.locator("canvas.sheet").first
    sheet.scroll_into_view_if_needed()
    box = sheet.bounding_box()
    assert box is not None
    dx, dy = hand.uniform(-0.05, 0.05), hand.uniform(-0.05, 0.05)
    for stroke in SYMBOLS[symbol]:
        for number, (x, y) in enumerate(stroke):
            px = 0.5 + (x - 0.5) * scale + dx + hand.uniform(-0.012, 0.012)
            py = 0.5 + (y - 0.5) * scale + dy + hand.uniform(-0.012, 0.012)
            page.mouse.move(box["x"] + px * box["width"], box["y"] + py * box["height"], steps=1 if number == 0 else 5)
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def enroll(page: Page, symbol: str, seed: int, scale: float = 0.8) -> None:
    """Draw a symbol in the view Draw and enroll it by its name."""
    draw(page, symbol, seed, scale)
    page.get_by_label("Name", exact=True).fill(symbol)
    page.get_by_role("button", name="Enroll it").click()
    page.locator(".strip .who", has_text=symbol).wait_for()
