"""The image and the compose file, read by parsers: there is no engine to ask here."""

import re
import shlex
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from dockerfile_parse import DockerfileParser

from merchant_portal.provider_keys import KEY_SETS, setting_of

ROOT = Path(settings.BASE_DIR)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return loaded


@pytest.fixture(scope="module")
def steps() -> list[dict[str, str]]:
    parser = DockerfileParser(fileobj=BytesIO((ROOT / "Dockerfile").read_bytes()))
    found: list[dict[str, str]] = parser.structure
    return [step for step in found if step["instruction"] != "COMMENT"]


def procfile() -> dict[str, list[str]]:
    lines = (ROOT / "Procfile").read_text().splitlines()
    named = (line.partition(":") for line in lines if line)
    return {name: shlex.split(command) for name, _, command in named}


def documented() -> set[str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {line.lstrip("# ").partition("=")[0] for line in lines if "=" in line}


def test_every_process_of_the_shop_has_its_service(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {
        *("migrate", "web", "worker", "beat"),
        *("postgres", "redis", "mail"),
    }
    assert compose["services"]["worker"]["deploy"]["replicas"] == 2


def test_image_and_compose_run_what_the_procfile_runs(
    compose: dict[str, Any], steps: list[dict[str, str]]
) -> None:
    processes = procfile()
    (image_command,) = [s["value"] for s in steps if s["instruction"] == "CMD"]

    assert yaml.safe_load(image_command) == processes["web"]
    for name in ("worker", "beat"):
        assert compose["services"][name]["command"] == processes[name]
    assert compose["services"]["migrate"]["command"] == processes["release"]


def test_compose_sets_only_variables_that_the_product_knows(
    compose: dict[str, Any],
) -> None:
    assert set(compose["x-portal"]["environment"]) <= documented()


# Said by the image, or for tests and rehearsals alone.
NOT_FOR_CONTAINERS = {
    *("VAR_DIR", "WEB_BIND", "LOG_FILE", "ENV_FILE"),
    *("DEBUG", "CLOCK_OFFSET", "CRASH_POINT"),
}


def test_compose_hands_on_every_other_variable(compose: dict[str, Any]) -> None:
    said = re.findall(
        r"^([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.MULTILINE
    )

    missing = set(said) - set(compose["x-portal"]["environment"])
    assert missing == NOT_FOR_CONTAINERS


@pytest.mark.parametrize("slug", KEY_SETS)
def test_compose_passes_on_every_key_of_a_provider(
    slug: str, compose: dict[str, Any]
) -> None:
    names = [setting_of(slug, name) for name in (*KEY_SETS[slug].fields, "api_base")]

    passed_on = compose["x-portal"]["environment"]
    assert [passed_on.get(name) for name in names] == [f"${{{n}:-}}" for n in names]


def test_no_port_is_open_to_the_network_by_itself(compose: dict[str, Any]) -> None:
    ports = [
        port
        for service in compose["services"].values()
        for port in service.get("ports", [])
    ]

    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_image_copies_what_exists_and_every_app(
    steps: list[dict[str, str]],
) -> None:
    copied = {
        source
        for step in steps
        if step["instruction"] == "COPY" and "--from" not in step["value"]
        for source in step["value"].split()[:-1]
    }

    assert all((ROOT / source).exists() for source in copied)
    assert {app.partition(".")[0] for app in ("merchant_portal", *own_apps())} <= copied


def own_apps() -> list[str]:
    return [app for app in settings.INSTALLED_APPS if (ROOT / app).is_dir()]


def test_the_image_runs_as_nobody_special_and_says_how_it_is(
    steps: list[dict[str, str]],
) -> None:
    order = [step["instruction"] for step in steps]
    users = [step["value"] for step in steps if step["instruction"] == "USER"]

    assert users == ["portal"]
    assert order.index("USER") < order.index("CMD")
    assert "HEALTHCHECK" in order
    assert "ADD" not in order
