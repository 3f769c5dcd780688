"""MJML to HTML, when a template changes and not when a message is sent."""

import re
from pathlib import Path

from mjml import mjml2html

from . import layouts

_INCLUDE = re.compile(r'[ \t]*<mj-include path="([a-z_.-]+)" />\n')
_BETWEEN_BOXES = re.compile(
    r"(?<=>)(?=<(?:/?(?:table|tbody|tr|head|body)|td|div|style)\b)"
)
# Where a line may end unseen; a mail of short lines need not be encoded.


def sources() -> list[Path]:
    """Every MJML file that becomes a mail; `_shared` holds pieces of them."""
    return sorted(
        path
        for path in layouts.folder().glob("*/*.mjml")
        if not path.parent.name.startswith("_")
    )


def compiled(source: Path) -> str:
    """The HTML of one MJML file, its placeholders untouched."""
    return compiled_text(source.read_text(encoding="utf-8"))


def compiled_text(mjml: str) -> str:
    """The HTML of MJML that may include what is in `_shared`."""
    shared = layouts.folder() / "_shared"

    def piece(match: re.Match[str]) -> str:
        return (shared / match[1]).read_text(encoding="utf-8")

    whole = _INCLUDE.sub(piece, mjml)
    html = mjml2html(whole, disable_comments=True, fonts={})
    return _BETWEEN_BOXES.sub("\n", html) + "\n"
