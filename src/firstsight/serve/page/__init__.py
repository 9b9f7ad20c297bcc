"""The page: plain HTML, ES modules and one style sheet, served as they lie here and under a strict policy."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse, StaticFiles

PLACE = Path(__file__).parent
"""The folder that is served under ``/page/``."""

KINDS = (".html", ".css", ".js", ".svg")
"""What is served of it."""

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Its Content-Security-Policy: nothing from elsewhere, nothing inline, and no text ever becomes markup."""

_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-cache",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Page(StaticFiles):
    """The files of the page and nothing else of the folder, each with the policy."""

    def __init__(self) -> None:
        super().__init__(directory=PLACE, html=True)

    async def get_response(self, path: str, scope: Any) -> Response:
        """A file, or the first page for the folder itself."""
        if path not in ("", ".") and ("/" in path or Path(path).suffix not in KINDS):
            raise HTTPException(404)
        found = await super().get_response(path, scope)
        found.headers.update(_HEADERS)
        return found

    def file_response(self, full_path: Any, stat_result: Any, scope: Any, status_code: int = 200) -> Response:
        """A file whose tag is of its content: of the same size and time after an update, it is still another."""
        found = FileResponse(full_path, status_code, stat_result=stat_result)
        found.headers["etag"] = f'"{hashlib.sha256(Path(full_path).read_bytes()).hexdigest()[:32]}"'
        del found.headers["last-modified"]
        return (
            NotModifiedResponse(found.headers) if self.is_not_modified(found.headers, Headers(scope=scope)) else found
        )


__all__ = ["KINDS", "PLACE", "POLICY", "Page"]
