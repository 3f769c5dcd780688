"""A demo that really runs, before a real browser."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from playwright.sync_api import Browser, Page

from proofs.processes import ChildProcess, free_port

from .checks import assert_clean, watch

START_SECONDS = 240.0  # as in tests.stack.test_demo: the sample story takes a while
SOON_MS = 30_000  # for what a worker does after the click


@dataclass
class Demo:
    url: str
    record: dict[str, Any]
    browser: Browser

    def open(self, width: int) -> Page:
        context = self.browser.new_context(
            base_url=self.url,
            viewport={"width": width, "height": 900},
            reduced_motion="reduce",
        )
        page = context.new_page()
        page.set_default_timeout(SOON_MS)
        watch(page)
        return page

    def signed_in(self, role: str) -> Page:
        user = next(user for user in self.record["users"] if user["role"] == role)
        page = self.open(1280)
        page.goto("/admin/")
        assert_clean(page)
        page.get_by_label("Email").fill(user["email"])
        page.get_by_label("Password").fill(user["password"])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(f"{self.url}/admin/")
        return page

    def move_time_on(self, span: str) -> None:
        subprocess.run(
            [sys.executable, "manage.py", "drain", "--as-of", span],
            cwd=settings.BASE_DIR,
            env={
                "PATH": os.environ["PATH"],
                "ENV_FILE": "",
                "VAR_DIR": str(Path(self.record["database_url"][10:]).parent),
                "DATABASE_URL": self.record["database_url"],
                "PUBLIC_URL": self.url,
            },
            check=True,
            timeout=120,
        )


@contextmanager
def running(browser: Browser, folder: Path, **changes: str) -> Iterator[Demo]:
    """`changes`: of the environment, such as PROVIDERS=fake."""
    port = free_port()
    process = ChildProcess(
        "demo",
        [sys.executable, "-m", "scripts", "demo"],
        log_file=folder / "demo.log",
        env={
            "PATH": os.environ["PATH"],
            "PORT": str(port),
            "VAR_DIR": str(folder / "var"),
            **changes,
        },
        cwd=Path(settings.BASE_DIR),
    )
    with process:
        url = f"http://127.0.0.1:{port}"
        process.wait_for_url(f"{url}/healthz", timeout=START_SECONDS)
        record = json.loads((folder / "var" / "demo.json").read_text())
        yield Demo(url, record, browser)
