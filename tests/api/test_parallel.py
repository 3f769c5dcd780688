"""Fifty at once and killed in the middle: one link, one answer. Real server processes."""

import http.client
import json
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from proofs.cluster import PostgresCluster
from proofs.processes import ChildProcess, free_port

ROOT = Path(__file__).resolve().parents[2]
KEYS = {
    name: f"v1:{name.lower()}-of-this-test-{'0' * 32}"
    for name in ("LINK_TOKEN_KEYS", "FIELD_KEYS", "AUDIT_KEYS")
}
LINK = {
    "currency": "EUR",
    "lines": [{"description": "Chair", "unit_amount_minor": 625}],
}

pytestmark = pytest.mark.stack


class Portal:
    """The product served by gunicorn on its own database."""

    def __init__(self, database_url: str, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self.database_url = database_url
        self.secret = ""

    def env(self, **extra: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "ENV_FILE": "",
            "DATABASE_URL": self.database_url,
            "SECRET_KEY": "secret-key-of-this-test-" + "0" * 40,
            **KEYS,
            "VAR_DIR": str(self.folder),
            "PUBLIC_URL": f"http://127.0.0.1:{self.port}",
            "WEB_BIND": f"127.0.0.1:{self.port}",
            "WEB_THREADS": "8",
            **extra,
        }

    def manage(self, *arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env(),
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def prepare(self) -> None:
        self.manage("migrate", "--verbosity", "0")
        self.secret = self.manage("create_api_key", "test", "--scope", "*")

    @contextmanager
    def serve(self, **extra: str) -> Iterator[None]:
        command = ["-m", "gunicorn", "-c", "python:merchant_portal.gunicorn_conf"]
        server = ChildProcess(
            "web",
            [sys.executable, *command, "merchant_portal.wsgi"],
            log_file=self.folder / "web.log",
            cwd=ROOT,
            env=self.env(DEBUG="true", **extra),
        )
        with server:
            server.wait_for_url(f"http://127.0.0.1:{self.port}/healthz")
            yield

    def request(
        self, method: str, path: str, body: object = None, once: str = ""
    ) -> tuple[int, bytes, bool]:
        """Status, body and whether it was a replay; (0, b"", False) when cut off."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Authorization": f"Bearer {self.secret}",
            "Content-Type": "application/json",
            **({"Idempotency-Key": once} if once else {}),
        }
        raw = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, f"/api/v1/{path}", raw, headers)
            response = connection.getresponse()
            is_replay = response.getheader("Idempotent-Replayed") == "true"
            return response.status, response.read(), is_replay
        except (OSError, http.client.HTTPException):
            return 0, b"", False
        finally:
            connection.close()

    def links(self) -> list[dict[str, Any]]:
        _status, body, _is_replay = self.request("GET", "links")
        found: list[dict[str, Any]] = json.loads(body)["items"]
        return found


@pytest.fixture(params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Portal]:
    if request.param == "sqlite":
        made = Portal(f"sqlite:///{tmp_path}/portal.sqlite3", tmp_path)
        made.prepare()
        yield made
        return
    with PostgresCluster() as cluster:
        made = Portal(cluster.create_database("portal"), tmp_path)
        made.prepare()
        yield made


def test_fifty_at_once_with_one_key_make_one_link(portal: Portal) -> None:
    with portal.serve(), ThreadPoolExecutor(50) as pool:
        answers = list(
            pool.map(lambda _: portal.request("POST", "links", LINK, "k1"), range(50))
        )
        last = portal.request("POST", "links", LINK, "k1")
        links = portal.links()

    statuses = Counter(status for status, _body, _is_replay in answers)
    created = {body for status, body, _is_replay in answers if status == 201}
    firsts = [answer for answer in answers if answer[0] == 201 and not answer[2]]
    assert len(links) == 1
    assert set(statuses) <= {201, 409}
    assert len(firsts) == 1
    assert created == {last[1]}
    assert json.loads(last[1])["id"] == links[0]["id"]


def test_sending_at_once_with_one_key_sends_one_message(portal: Portal) -> None:
    ada = {"name": "Ada", "email": "ada@example.com"}
    with portal.serve(), ThreadPoolExecutor(20) as pool:
        customer = json.loads(portal.request("POST", "customers", ada)[1])["id"]
        body = {**LINK, "customer": customer}
        link = json.loads(portal.request("POST", "links", body)[1])["id"]
        path, asked = f"links/{link}/send", {"channels": ["email"]}
        answers = list(
            pool.map(lambda _: portal.request("POST", path, asked, "s1"), range(20))
        )
        sent = json.loads(portal.request("GET", f"messages?link={link}")[1])["items"]

    assert len(sent) == 1
    assert {status for status, _body, _is_replay in answers} <= {202, 409}
    assert len({body for status, body, _is_replay in answers if status == 202}) == 1


@pytest.mark.parametrize("portal", ["sqlite"], indirect=True)
def test_killed_at_any_point_the_repeat_finds_one_link(portal: Portal) -> None:
    for point, is_done in (
        ("api.after_claim", False),
        ("api.before_commit", False),
        ("api.after_commit", True),
    ):
        with portal.serve(CRASH_POINT=point):
            cut_off = portal.request("POST", "links", LINK, point)
        with portal.serve():
            before = portal.links()
            lapse_leases(portal)
            repeated = portal.request("POST", "links", LINK, point)
            again = portal.request("POST", "links", LINK, point)
            links = portal.links()

        new = [link["id"] for link in links if link not in before]
        made = json.loads(repeated[1])["id"]
        assert cut_off[0] == 0
        assert (repeated[0], repeated[2]) == (201, is_done)
        assert again == (201, repeated[1], True)
        assert new == ([] if is_done else [made])
        assert [link["id"] for link in links].count(made) == 1
    assert len(links) == 3


def lapse_leases(portal: Portal) -> None:
    with sqlite3.connect(portal.folder / "portal.sqlite3", timeout=20) as database:
        database.execute("UPDATE staff_apirequest SET lease_until = '2001-01-01'")
