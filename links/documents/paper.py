"""PDF from a Typst template and data. The data is JSON: nothing of it is markup."""

import json
import threading
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import structlog
import typst

from . import xmp

FOLDER = Path(__file__).parent
# Tagged for screen readers, fonts inside, fit for archives.
STANDARD: Final = "a-3a"
SHEET: Final = "sheet"  # the one layout of all our papers; a compiler keeps its fonts
NO_LETTER = "could not be displayed"

log = structlog.get_logger(__name__)
_lock = threading.Lock()  # a compiler is for one thread at a time


def pdf(template: str, data: Mapping[str, Any], at: datetime) -> bytes:
    """`template`: name of a file here without `.typ`. `at`: goes into the file as the
    time of its making, so that the same data give the same bytes.

    `data["e_invoice"]`: XML to put in, empty for none. PDF/A-3a. A document is worth more than its looks: where a letter is in none of our
    fonts it is plain PDF with an empty box, and a logo that is no picture is left out.
    """
    standards = [STANDARD]
    with _lock:
        while True:
            try:
                made = _bytes(template, data, standards, at)
                return xmp.with_e_invoice(made) if data.get("e_invoice") else made
            except xmp.UnknownShape as exc:
                log.error("e_invoice_not_embedded", problem=str(exc))
                data = {**data, "e_invoice": ""}
            except typst.TypstError as exc:
                if standards and NO_LETTER in exc.message:
                    # An e-invoice is one in an archive file alone.
                    standards, lacks = [], "letters"
                    data = {**data, "e_invoice": ""}
                elif data.get("logo") is not None:
                    data, lacks = {**data, "logo": None}, "logo"
                else:
                    raise
                log.warning("document_simplified", template=template, lacks=lacks)


def _bytes(
    template: str, data: Mapping[str, Any], standards: list[Any], at: datetime
) -> bytes:
    made = _compiler(template).compile(
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        format="pdf",
        pdf_standards=standards,
        timestamp=int(at.timestamp()),
    )
    if not isinstance(made, bytes):
        raise TypeError("Typst gave no single file.")
    return made


@cache
def _compiler(template: str) -> typst.Compiler:
    fonts = typst.Fonts(
        include_system_fonts=False,
        include_embedded_fonts=False,
        font_paths=[FOLDER / "fonts"],
    )
    return typst.Compiler(FOLDER / f"{template}.typ", font_paths=fonts)
