import pytest
from pytest_django import Settings

from links.tests.factories import make_user
from merchant_portal.staff.roles import Role

from .checks import PageAt, assert_clean, shoot

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize(
    ("path", "heading"),
    [
        ("/no/such/place/", "This page is not there"),
        ("/admin/business/business/", "Your role does not open this page"),
    ],
)
def test_a_page_that_is_none_leads_back_to_the_admin(
    page_at: PageAt,
    transactional_db: None,
    settings: Settings,
    width: int,
    path: str,
    heading: str,
) -> None:
    settings.STAFF_MFA_REQUIRED = False
    page = page_at(width, make_user(Role.AUDITOR))

    page.goto(path)
    assert page.get_by_role("heading", level=1).inner_text() == heading
    assert_clean(page)
    shoot(page, f"none{path.replace('/', '-')}")
    page.get_by_role("link", name="To the front page").click()

    page.wait_for_url("**/admin/")
