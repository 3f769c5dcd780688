import pytest

from notifications.services import placeholders
from notifications.services.placeholders import PlaceholderError


def filled(text: str, *, as_html: bool = False, **values: str) -> str:
    return placeholders.fill(placeholders.compile_text(text), values, as_html=as_html)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 7*7 }}",
        "{{name}}",
        "{% load static %}",
        "{0.__class__}",
        "{name.__class__}",
        "{name!r}",
        "${name}",
        "{}",
        "{ name }",
        "%(name)s",
    ],
)
def test_other_template_languages_are_plain_text(text: str) -> None:
    assert filled(text, name="Ada") == text
    placeholders.check(text, allowed=frozenset())


@pytest.mark.parametrize(
    "value", ["{amount}", "{{ 7*7 }}", "{link_url}", "{literal:link_url}", "{?name}"]
)
def test_a_value_that_looks_like_a_placeholder_stays_as_written(value: str) -> None:
    stored = filled("Hello {name}: {amount} at {link_url}", name=value, amount="5")

    shown = placeholders.fill_late(stored, {"link_url": "https://x/"})
    assert shown == f"Hello {value}: 5 at https://x/"


def test_a_literal_late_name_in_double_braces_stays_as_written() -> None:
    stored = filled("{{link_url}} {link_url}")

    assert placeholders.fill_late(stored, {"link_url": "u"}) == "{{link_url}} u"


def test_values_are_escaped_in_html_and_once_only() -> None:
    assert filled("<b>{name}</b>", as_html=True, name="<i>&\"'") == (
        "<b>&lt;i&gt;&amp;&quot;&#x27;</b>"
    )


def test_addresses_are_escaped_in_html() -> None:
    assert placeholders.fill_late("{link_url}", {"link_url": 'a"b'}, as_html=True) == (
        "a&quot;b"
    )


def test_unknown_placeholder_is_refused() -> None:
    with pytest.raises(PlaceholderError, match=r"Unknown placeholder: \{nmae\}"):
        placeholders.check("Hello {nmae}", allowed=frozenset({"name"}))


def test_missing_placeholder_is_refused() -> None:
    with pytest.raises(PlaceholderError, match=r"\{link_url\} is missing"):
        placeholders.check(
            "Hello",
            allowed=frozenset({"link_url"}),
            required=frozenset({"link_url"}),
        )


def test_missing_value_is_refused() -> None:
    with pytest.raises(PlaceholderError, match=r"No value for \{name\}"):
        filled("Hello {name}")


def test_missing_address_is_refused() -> None:
    with pytest.raises(PlaceholderError, match=r"No address for \{link_url\}"):
        placeholders.fill_late("{link_url}", {})


@pytest.mark.parametrize(
    ("due", "expected"), [("Friday", "Pay 5, due Friday."), ("", "Pay 5.")]
)
def test_section_stands_only_where_its_value_does(due: str, expected: str) -> None:
    assert filled("Pay 5{?due}, due {due}{/due}.", due=due) == expected


@pytest.mark.parametrize("text", ["{?due}x", "x{/due}", "{?a}{?b}{/a}{/b}"])
def test_section_that_is_not_closed_is_refused(text: str) -> None:
    with pytest.raises(PlaceholderError):
        placeholders.compile_text(text)
