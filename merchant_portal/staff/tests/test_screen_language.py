"""The back-office speaks what its screens are written in, and never half of another."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("accepted", "spoken"),
    [
        ("de-AT,en;q=0.5", "de"),
        ("pl,fr;q=0.8,en;q=0.5", "fr"),
        ("es-MX", "es"),
        ("pl", "en"),
        ("", "en"),
        ("*", "en"),
    ],
)
def test_speaks_the_first_of_its_own_that_is_asked_for(
    client: Client, accepted: str, spoken: str
) -> None:
    answer = client.get("/admin/login/", headers={"accept-language": accepted})
    answer = client.get(answer["Location"], headers={"accept-language": accepted})

    assert answer["Content-Language"] == spoken
    assert f'lang="{spoken}"' in answer.content.decode()
