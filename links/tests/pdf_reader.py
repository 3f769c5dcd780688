"""What a PDF says, as its reader sees it."""

import re
import unicodedata

import pypdfium2


def words(content: bytes) -> str:
    """The text of all pages, spaces and no-break spaces alike."""
    document = pypdfium2.PdfDocument(content)
    text = " ".join(page.get_textpage().get_text_range() for page in document)
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text))
