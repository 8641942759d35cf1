"""Files with code, as editors of all systems write them: byte order marks, Python's coding lines, line ends of Windows."""

from __future__ import annotations

import codecs
import io
import tokenize
from pathlib import Path

# UTF-16 is what `>` of Windows PowerShell 5 writes. The mark of UTF-32 begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_source(path: Path) -> str:
    """Raises OSError; ValueError where the file is not in the encoding that it says, or that Python does not know."""
    return decoded_source(path.read_bytes(), is_python=path.suffix.lower() == ".py")


def decoded_source(content: bytes, *, is_python: bool) -> str:
    """Without the mark, with line feeds. A mark goes before a coding line; without either it is UTF-8."""
    encoding = next((name for mark, name in _MARKS if content.startswith(mark)), "utf-8")
    if is_python and encoding in {"utf-8", "utf-8-sig"}:
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        except SyntaxError as error:  # an encoding that there is not, or a line that is not in it
            raise ValueError(str(error)) from error
    return content.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")
