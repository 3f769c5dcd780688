"""Colours as `#rrggbb`, and what can be read on them."""

# (red, green, blue) weights of relative luminance, WCAG 2.2
WEIGHTS = (0.2126, 0.7152, 0.0722)
READABLE = 4.5


def ink_on(color: str) -> str:
    """White if it can be read on that colour, else black, which then can."""
    return "#ffffff" if contrast(color, "#ffffff") >= READABLE else "#000000"


def contrast(one: str, other: str) -> float:
    """From 1 to 21; black or white always reaches 4.5 against any colour."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [
        p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts
    ]
    return sum(weight * part for weight, part in zip(WEIGHTS, linear, strict=True))
