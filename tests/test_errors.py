"""What people and programs see when the database fails in a place no view foresees."""

from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError
from django.test import Client
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(client: Client, settings: Settings) -> Client:
    """Sends a session's cookie and gets errors as answers, as a browser does."""
    client.raise_request_exception = False
    client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    return client


def break_sessions(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def broken(_self: Any) -> Any:
        raise error

    monkeypatch.setattr(SessionStore, "load", broken)


def test_pages_say_later_without_a_database(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_sessions(monkeypatch, OperationalError("at db.example"))

    answer = visitor.get("/admin/")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert answer["Cache-Control"] == "no-store"
    text = answer.content.decode()
    assert "Please try again in a moment" in text
    assert "<script" not in text
    assert "Traceback" not in text
    assert "db.example" not in text


def test_the_api_says_it_as_a_problem(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_sessions(monkeypatch, OperationalError("at db.example"))

    answer = visitor.get("/api/v1/links")

    assert answer.status_code == 503
    assert answer["Content-Type"] == "application/problem+json"
    assert answer["Retry-After"] == "5"
    assert answer.json()["type"].endswith("#unavailable")
    assert b"db.example" not in answer.content


def test_a_fault_of_ours_stays_a_500(
    visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    break_sessions(monkeypatch, ValueError("at db.example"))

    answer = visitor.get("/admin/")

    assert answer.status_code == 500
    assert b"db.example" not in answer.content
