"""Forms (multipart/form-data): the names and contents of their parts, of which there may be some dozens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import python_multipart as multipart
from python_multipart.exceptions import FormParserError

from firstsight.errors import InputError
from firstsight.serve.answers import Refusal


def parts_of(data: bytes, boundary: bytes, *, most: int) -> list[tuple[str, bytes]]:
    """Names and contents of the parts of a form.

    Args:
        data: the body.
        boundary: between the parts.
        most: parts.

    Raises:
        Refusal: it is none, or ends before its end (400), or has more than it may (413).
    """
    found: list[tuple[str, bytes]] = []
    words: dict[str, bytearray] = {"field": bytearray(), "value": bytearray()}
    disposition, content, ended = b"", bytearray(), False

    def adding(to: str) -> Callable[[bytes, int, int], None]:
        return lambda came, start, end: words[to].extend(came[start:end])

    def begin() -> None:
        nonlocal disposition
        disposition = b""
        if len(found) >= most:
            raise Refusal(413, InputError(f"a form of more than {most} parts came; send fewer at once"))

    def header() -> None:
        nonlocal disposition
        if bytes(words["field"]).lower() == b"content-disposition":
            disposition = bytes(words["value"])
        for word in words.values():
            word.clear()

    def part() -> None:
        _, options = multipart.multipart.parse_options_header(disposition)
        found.append((options.get(b"name", b"").decode("utf-8", "replace"), bytes(content)))
        content.clear()

    def end() -> None:
        nonlocal ended
        ended = True

    callbacks: Any = {
        "on_part_begin": begin,
        "on_header_field": adding("field"),
        "on_header_value": adding("value"),
        "on_header_end": header,
        "on_part_data": lambda came, start, stop: content.extend(came[start:stop]),
        "on_part_end": part,
        "on_end": end,
    }
    try:
        parser = multipart.MultipartParser(boundary, callbacks)
        parser.write(data)
        parser.finalize()
    except FormParserError as error:
        raise Refusal(400, InputError(f"the body is not a form ({error}); send multipart/form-data")) from None
    if not ended:
        raise Refusal(400, InputError("the form ends before its last boundary: the upload was cut; send it again"))
    return found
