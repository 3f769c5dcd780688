import pytest
from django.test import Client

from merchant_portal.lib.colors import contrast


@pytest.mark.parametrize(
    ("color", "text"),
    [
        ("1f4fd8", "#ffffff"),
        ("ffd400", "#000000"),
        ("777777", "#000000"),
        ("000000", "#ffffff"),
    ],
)
def test_writes_readable_text_on_the_merchants_colour(
    client: Client, color: str, text: str
) -> None:
    response = client.get(f"/brand/theme-{color}.css")

    assert response.content.decode() == (
        f":root{{--brand:#{color};--on-brand:{text}}}\n"
    )
    assert response.headers["Content-Type"] == "text/css"
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    full = {"#ffffff": "#ffffff", "#000000": "#000000"}[text]
    assert contrast(f"#{color}", full) >= 4.5


def test_every_colour_has_a_readable_text() -> None:
    for red in range(0, 256, 17):
        for green in range(0, 256, 17):
            for blue in range(0, 256, 17):
                color = f"#{red:02x}{green:02x}{blue:02x}"
                best = max(contrast(color, "#ffffff"), contrast(color, "#000000"))
                assert best >= 4.5


@pytest.mark.parametrize("color", ["1f4fd", "1F4FD8", "zzzzzz", "1f4fd8}body{x:y"])
def test_takes_only_a_colour(client: Client, color: str) -> None:
    assert client.get(f"/brand/theme-{color}.css").status_code == 404
