import threading

import pytest

from merchant_portal.staff.services import throttle
from merchant_portal.staff.services.throttle import SlidingWindow


class Monotonic:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Monotonic:
    watch = Monotonic()
    monkeypatch.setattr(throttle, "time", watch)
    return watch


def test_lets_the_limit_pass_and_tells_how_long_to_wait(watch: Monotonic) -> None:
    window = SlidingWindow()
    assert [window.take(1, 3) for _ in range(3)] == [0.0, 0.0, 0.0]

    watch.now += 20
    assert window.take(1, 3) == 40.0
    assert window.take(2, 3) == 0.0

    watch.now += 40
    assert window.take(1, 3) == 0.0


def test_a_refused_request_does_not_count(watch: Monotonic) -> None:
    window = SlidingWindow()
    window.take(1, 1)
    for _ in range(10):
        watch.now += 5
        window.take(1, 1)

    watch.now += 10
    assert window.take(1, 1) == 0.0


def test_threads_together_pass_no_more_than_the_limit() -> None:
    window = SlidingWindow()
    passed: list[bool] = []

    def ask() -> None:
        passed.extend(window.take(1, 50) == 0.0 for _ in range(100))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == 50
