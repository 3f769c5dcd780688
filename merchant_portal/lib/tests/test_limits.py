from typing import Any

import pytest

from merchant_portal.lib import limits
from merchant_portal.lib.limits import RateLimit, client_network


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [1000.0]
    monkeypatch.setattr("merchant_portal.lib.limits.time.monotonic", lambda: at[0])
    return at


def test_counts_each_key_for_itself(moment: list[float]) -> None:
    limit = RateLimit(2)

    assert [limit.exceeded("a") for _ in range(3)] == [False, False, True]
    assert limit.exceeded("b") is False


def test_a_new_window_starts_from_nothing(moment: list[float]) -> None:
    limit = RateLimit(1, seconds=60)
    limit.exceeded("a")
    assert limit.exceeded("a")

    moment[0] += 60

    assert limit.exceeded("a") is False


def test_zero_means_no_limit(moment: list[float]) -> None:
    limit = RateLimit(0)

    assert not any(limit.exceeded("a") for _ in range(100))
    assert not RateLimit(1).exceeded("a", limit=0)


def test_memory_stays_bounded(
    moment: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_KEYS", 10)
    limit = RateLimit(1)

    for number in range(100):
        limit.exceeded(str(number))

    assert len(limit._counts) <= 10


@pytest.mark.parametrize(
    ("meta", "network"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, "192.0.2.7"),
        ({"REMOTE_ADDR": "2001:db8::1"}, "2001:db8::/64"),
        ({"REMOTE_ADDR": "2001:db8::ffff:1"}, "2001:db8::/64"),
        ({"REMOTE_ADDR": ""}, "unknown"),
        ({}, "unknown"),
        (
            {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "198.51.100.1"},
            "192.0.2.7",
        ),
    ],
)
def test_names_who_asks(meta: dict[str, str], network: str) -> None:
    assert client_network(meta) == network


def test_believes_only_what_the_operators_own_proxy_wrote(settings: Any) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    meta = {
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_X_FORWARDED_FOR": "203.0.113.9, 198.51.100.1",
    }

    assert client_network(meta) == "198.51.100.1"
    assert client_network({"REMOTE_ADDR": "192.0.2.7"}) == "192.0.2.7"
