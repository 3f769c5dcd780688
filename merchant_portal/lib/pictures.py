"""Pictures from outside, known by what is in them and not by their names."""

HEAD_BYTES = 16


def kind_of(data: bytes) -> str:
    """`png`, `jpeg` or `webp`; empty for anything else. Never SVG: that holds script."""
    head = data[:HEAD_BYTES]
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return "png"
    if head.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    return ""
