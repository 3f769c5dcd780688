"""The helper notices what it is there to notice."""

import pytest

from .checks import PageAt, assert_clean

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        ("document.body.setAttribute('style', 'color: red')", "style-src"),
        (
            "document.body.append(Object.assign(document.createElement('script'),"
            " {textContent: 'window.hacked = 1'}))",
            "script-src",
        ),
        ("console.error('something broke')", "something broke"),
        ("document.title = ''", "document-title"),
        (
            "document.querySelector('main').append(Object.assign("
            "document.createElement('canvas'), {width: 3000}))",
            "sideways",
        ),
    ],
)
def test_damage_is_noticed(page_at: PageAt, damage: str, complaint: str) -> None:
    page = page_at(1280)
    page.goto("/accounts/login/")
    assert_clean(page)

    page.evaluate(damage)

    with pytest.raises(AssertionError, match=complaint):
        assert_clean(page)
