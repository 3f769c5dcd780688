"""What owners type becomes words, and never a tag that they typed."""

import html
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications import checks, kinds
from notifications.services import layouts, mail_frame, markup, placeholders, shipped
from notifications.services.placeholders import PlaceholderError

EVERY = [
    (kind.name, language)
    for kind in kinds.all_kinds()
    if not kind.is_given
    for language in checks.languages_of(kind)
]
ALLOWED = {"strong": set(), "a": {"href", "style"}, "br": set()}
LINK_STYLE = "color:#1d4ed8"


class Tags(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "every tag is closed in its turn"


def tags_in(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Tags()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser.found


SIGNS = st.sampled_from(
    [
        "**",
        "[",
        "](",
        ")",
        "{link_url}",
        "https://a.example",
        "javascript:alert(1)",
        "<",
        "<script>",
        "onclick=x",
        '"',
        "'",
        "&",
        "|",
        "{?note}",
        "{/note}",
        "{note}",
        "{",
        "}",
        "mpmark0end",
        "&lt;",
        "data:text/html,",
        "//evil.example",
        "*",
        "\n",
        "\n\n",
    ]
)
TYPED = st.lists(st.one_of(SIGNS, st.text(max_size=6)), max_size=14).map("".join)


@given(TYPED)
def test_no_typed_text_gives_a_tag_or_attribute_of_its_own(typed: str) -> None:
    for name, attributes in tags_in(markup.html_of(typed)):
        assert set(attributes) == ALLOWED[name]
        if name == "a":
            assert attributes["style"] == LINK_STYLE
            assert markup.is_address(attributes["href"] or "")


@given(TYPED)
def test_a_mail_has_no_tag_that_its_frame_does_not_write(typed: str) -> None:
    made = mail_frame.html_of("reminder", "en", typed)
    known = mail_frame.html_of("reminder", "en", EVERYTHING)

    names = {name for name, _attributes in tags_in_mail(made)}
    attributes = {(name, one) for name, found in tags_in_mail(made) for one in found}
    assert names <= {name for name, _a in tags_in_mail(known)}
    assert attributes <= {(n, one) for n, found in tags_in_mail(known) for one in found}


def tags_in_mail(text: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = HTMLParser()
    found: list[tuple[str, dict[str, str | None]]] = []
    parser.handle_starttag = lambda tag, attrs: found.append((tag, dict(attrs)))  # type: ignore[method-assign]
    parser.handle_startendtag = parser.handle_starttag  # type: ignore[method-assign]
    parser.feed(text)
    return found


EVERYTHING = (
    "Hello **you**,\nthanks\n{note}\n\n{note}\n\nOpen | **{balance}**\nDue | {due_date}\n\n"
    "[Pay]({link_url})\n\nSee [us](https://a.example)."
)


@given(TYPED)
def test_what_is_filled_in_is_plain_text(value: str) -> None:
    body = "**{note}** [x]({link_url}) {note}\n\n{note}\n\nNote | {note}"
    made = placeholders.compile_text(mail_frame.html_of("reminder", "en", body))
    values = dict.fromkeys(placeholders.names(made), "") | {"note": value}

    filled = placeholders.fill(made, values, as_html=True)
    plain = placeholders.fill(made, values | {"note": "x" if value.strip() else ""})

    assert [tag for tag, _a in tags_in_mail(filled)] == [
        tag for tag, _a in tags_in_mail(plain)
    ]


@pytest.mark.parametrize(
    ("typed", "made"),
    [
        ("a < b & c", "a &lt; b &amp; c"),
        ("**bold** words", "<strong>bold</strong> words"),
        ("one\ntwo", "one<br />two"),
        (
            "[shop](https://shop.example/a?b=1&c=2)",
            '<a href="https://shop.example/a?b=1&amp;c=2" style="color:#1d4ed8">shop</a>',
        ),
        ("[x](javascript:alert(1))", "[x](javascript:alert(1))"),
        ("[x](JavaScript:alert`1`)", "[x](JavaScript:alert`1`)"),
        ("[x](data:text/html,hi)", "[x](data:text/html,hi)"),
        ("[x](//evil.example)", "[x](//evil.example)"),
        ("[x]({note})", "[x]({note})"),
        ("[x](https://{note}/)", "[x](https://{note}/)"),
        ("[x]({link_url}{note})", "[x]({link_url}{note})"),
        (
            '[x](https://a.example/"onclick="x)',
            "[x](https://a.example/&quot;onclick=&quot;x)",
        ),
        ("{?note}**half{/note}**", "{?note}**half{/note}**"),
        ("**{?note}whole{/note}**", "<strong>{?note}whole{/note}</strong>"),
        (
            "[**bold**](https://a.example)",
            '<a href="https://a.example" style="color:#1d4ed8"><strong>bold</strong></a>',
        ),
    ],
)
def test_signs(typed: str, made: str) -> None:
    assert markup.html_of(typed) == made


def test_paragraphs_are_told_apart() -> None:
    blocks = markup.blocks_of(
        f"{EVERYTHING}\n\n{{?surplus}}Too much: {{surplus}}{{/surplus}}"
    )

    assert [(block.kind, block.only_with) for block in blocks] == [
        ("words", ""),
        ("words", "note"),
        ("table", ""),
        ("button", ""),
        ("words", ""),
        ("words", "surplus"),
    ]
    assert [(row.label, row.name, row.is_sum) for row in blocks[2].rows] == [
        ("Open", "balance", True),
        ("Due", "due_date", False),
    ]


def test_plain_text_says_the_same() -> None:
    assert markup.text_of(EVERYTHING) == (
        "Hello you,\nthanks\n{note}\n\n{?note}{note}{/note}\n\n"
        "{?balance}Open: {balance}\n{/balance}{?due_date}Due: {due_date}\n{/due_date}"
        "\n\nPay:\n{link_url}\n\nSee us (https://a.example)."
    )


class Given(dict[str, str]):
    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> str:
        return f"<{name}>"


@pytest.mark.parametrize(("kind", "language"), EVERY)
def test_words_of_the_product_make_the_mail_of_the_product(
    kind: str, language: str
) -> None:
    """What an owner begins with is what is sent: only the styles of a side note go."""
    body = shipped.words(kind, "email", language).body
    real = layouts.layout(kind, "email", language)
    made = placeholders.compile_text(mail_frame.html_of(kind, language, body))

    def words(parts: placeholders.Parts) -> list[str]:
        parser, found = HTMLParser(), []
        parser.handle_data = lambda data: found.extend(data.split())  # type: ignore[method-assign]
        parser.feed(placeholders.fill(parts, Given(), as_html=True))
        return found

    assert words(made) == words(real.html)
    assert placeholders.names(made) == placeholders.names(real.html)
    text = placeholders.compile_text(mail_frame.text_of(kind, language, body))
    assert placeholders.names(text) == placeholders.names(real.text)


def test_every_language_says_what_to_do_where_the_button_fails() -> None:
    for language in layouts.languages():
        assert len(mail_frame.if_button_fails(language)) > 10
    said = {mail_frame.if_button_fails(language) for language in layouts.languages()}
    assert len(said) == len(layouts.languages())


def test_a_mark_that_somebody_typed_is_text() -> None:
    made = mail_frame.html_of("reminder", "en", "mpmark0end and mpmark1end\n\n<b>x</b>")

    assert "mpmark0end and mpmark1end" in made
    assert html.escape("<b>x</b>") in made


@pytest.mark.parametrize("half", ["{?note}a", "a{/note}", "{?note}a\n\nb{/note}"])
def test_half_a_section_is_told(half: str) -> None:
    if "\n\n" in half:
        assert not all(map(markup.is_balanced, markup.pieces_of(half)))
        return
    with pytest.raises(PlaceholderError):
        placeholders.compile_text(half)
