from pathlib import Path

import pytest

from .. import unfold_overrides
from ..unfold_overrides import Swap, UpstreamChanged

TEMPLATES = Path(__file__).parents[3] / "templates"


def test_committed_templates_are_what_the_installed_unfold_gives() -> None:
    for name, text in unfold_overrides.overrides():
        assert (TEMPLATES / name).read_text() == text, name


def test_a_text_that_is_gone_or_doubled_stops_the_regeneration() -> None:
    swap = Swap("old", "new")

    assert swap.apply("an old text", "a.html") == "an new text"
    with pytest.raises(UpstreamChanged, match="found 0 times"):
        swap.apply("another text", "a.html")
    with pytest.raises(UpstreamChanged):
        swap.apply("old and old", "a.html")
