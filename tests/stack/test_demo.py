"""`make demo` as a process: what it prints, how it ends, what it keeps."""

import json
import os
import re
import signal
import socket
import sqlite3
import stat
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from proofs import http
from proofs.processes import ChildProcess, free_port, port_answers

pytestmark = pytest.mark.stack

READY_SECONDS = 240.0  # the first start makes half a year of sample data; alone 25 s
END_SECONDS = 5.0
LEASE_SECONDS = 60.0
Start = Callable[..., ChildProcess]


@pytest.fixture(scope="module")
def var(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """State shared by the tests of this file: static files are collected once."""
    return tmp_path_factory.mktemp("demo") / "var"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def start(var: Path, port: int, tmp_path: Path) -> Iterator[Start]:
    """Starts the demo and waits until it answers; ends it after the test."""
    started: list[ChildProcess] = []

    def begin(providers: str = "") -> ChildProcess:
        demo = ChildProcess(
            "demo",
            [sys.executable, "-m", "scripts", "demo"],
            log_file=tmp_path / f"demo{len(started)}.log",
            env={
                "PATH": os.environ["PATH"],
                "PORT": str(port),
                "VAR_DIR": str(var),
                # what a developer may have in the shell, and the demo must not use
                "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nowhere",
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "EMAIL_URL": "smtp://127.0.0.1:1",
                "STRIPE_SECRET_KEY": "sk_live_never",
                "PROVIDERS": providers,
            },
            cwd=Path(settings.BASE_DIR),
        )
        started.append(demo)
        demo.start()
        demo.wait_for_url(f"http://127.0.0.1:{port}/healthz", timeout=READY_SECONDS)
        return demo

    yield begin
    for demo in started:
        demo.kill()


class Visitor:
    """A browser without scripts: keeps cookies, fills in forms."""

    def __init__(self, base: str) -> None:
        self.base = base
        self._jar = CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(self._jar)
        )

    def get(self, path: str) -> tuple[str, str]:
        """Where it ended after redirects, and the page."""
        with self._opener.open(self.base + path, timeout=20) as answer:
            return answer.geturl(), answer.read().decode()

    def post(self, path: str, **fields: str) -> tuple[str, str]:
        address, page = self.get(path)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        body = {"csrfmiddlewaretoken": token.group(1), **fields}
        request = urllib.request.Request(  # noqa: S310 - our own address
            address,
            urllib.parse.urlencode(body).encode(),
            headers={"Referer": address},
        )
        with self._opener.open(request, timeout=20) as answer:
            return answer.geturl(), answer.read().decode()


def record(var: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((var / "demo.json").read_text())
    return found


def reset_mails(var: Path) -> list[str]:
    """The states of the mails that set a password anew."""
    with sqlite3.connect(f"file:{var / 'demo.sqlite3'}?mode=ro", uri=True) as database:
        rows = database.execute(
            "SELECT state FROM notifications_message WHERE kind = 'password_reset'"
        ).fetchall()
    return [state for (state,) in rows]


def processor_seconds(pid: int) -> float:
    """What a process and its ended children have used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_paid(link: str, key: dict[str, str]) -> bool:
    return bool(http.get(link, key).data["status"] == "paid")


def test_prints_sign_ins_that_work_and_ends_by_ctrl_c(
    start: Start, var: Path, port: int
) -> None:
    demo = start()
    said = demo.log_text()
    found = record(var)

    assert found["url"] == f"http://127.0.0.1:{port}"
    assert found["database_url"] == f"sqlite:///{var / 'demo.sqlite3'}"
    assert found["api_key"].startswith("mp_")
    assert [user["role"] for user in found["users"]] == [
        "owner",
        "manager",
        "agent",
        "finance",
        "auditor",
    ]
    for user in found["users"]:
        assert re.search(rf"{user['email']} +{user['password']}", said)
    for name in ("demo.json", "demo.sqlite3", "keys.json"):
        assert stat.S_IMODE((var / name).stat().st_mode) == 0o600

    owner = found["users"][0]
    address, _page = Visitor(found["url"]).post(
        "/admin/", login=owner["email"], password=owner["password"]
    )
    assert address == f"{found['url']}/admin/"

    os.killpg(demo.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
    demo.wait(timeout=END_SECONDS)
    wait_until(lambda: demo.group_pids() == [], END_SECONDS)
    assert "Traceback" not in demo.log_text()


def test_a_second_start_is_quick_and_keeps_the_sign_ins(
    start: Start, var: Path
) -> None:
    start().terminate()
    before = record(var)

    demo = start()

    # of the processor, so that a busy machine decides less; alone it takes 4 s, busy
    # up to 11, and filling in the sample shop again would take 20 more
    assert sum(processor_seconds(pid) for pid in demo.group_pids()) < 16
    assert {**record(var), "url": ""} == {**before, "url": ""}
    assert demo.terminate(timeout=END_SECONDS) == 0


def test_readiness_sees_the_embedded_worker(start: Start, port: int) -> None:
    start()

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as got:
        body = json.load(got)

    assert body["status"] == "ok"
    assert body["checks"]["broker"] == "ok"


def test_the_worker_ends_when_its_master_is_killed(start: Start, port: int) -> None:
    demo = start()

    demo.signal(signal.SIGKILL, pid=demo.pid)

    wait_until(lambda: demo.group_pids() == [], END_SECONDS)
    assert not port_answers(port)


def test_kill_9_and_restart_lose_no_message(start: Start, var: Path, port: int) -> None:
    demo = start()
    owner = record(var)["users"][0]
    before = len(reset_mails(var))

    Visitor(f"http://127.0.0.1:{port}").post(
        "/accounts/password/reset/", email=owner["email"]
    )
    demo.kill()
    assert len(reset_mails(var)) == before + 1

    start()
    wait_until(
        lambda: reset_mails(var) == ["captured"] * (before + 1), LEASE_SECONDS + 30
    )


def test_a_taken_port_does_not_disturb_who_has_it(
    start: Start, port: int, tmp_path: Path, var: Path
) -> None:
    start()
    second = ChildProcess(
        "second",
        [sys.executable, "-m", "scripts", "demo"],
        log_file=tmp_path / "second.log",
        env={"PATH": os.environ["PATH"], "PORT": str(port), "VAR_DIR": str(var)},
        cwd=Path(settings.BASE_DIR),
    )

    assert second.start().wait(timeout=30) == 1

    assert "is taken by another program" in second.log_text()
    with socket.create_connection(("127.0.0.1", port), timeout=5):
        pass


def test_is_paid_at_the_stand_ins_which_end_with_it(start: Start, var: Path) -> None:
    demo = start(providers="fake")
    found = record(var)
    for slug in ("stripe", "paypal", "square"):
        key = {"Authorization": f"Bearer {found['api_key']}"}
        line = {"description": "Cake", "unit_amount_minor": 1250}
        made = http.post(
            f"{found['url']}/api/v1/links",
            body=json.dumps({"currency": "EUR", "lines": [line]}).encode(),
            headers={**key, "Content-Type": "application/json"},
        )
        away = http.post(f"{made.data['url']}pay/{slug}/")
        assert away.location.startswith("http://127.0.0.1:")
        back = http.post(away.location, {"outcome": "pay"})
        assert http.get(back.location).status == 200  # PayPal is captured by its visit

        link = f"{found['url']}/api/v1/links/{made.data['id']}"
        wait_until(partial(is_paid, link, key), 20.0)

    os.killpg(demo.pid, signal.SIGINT)
    demo.wait(timeout=END_SECONDS)
    wait_until(lambda: demo.group_pids() == [], END_SECONDS)
