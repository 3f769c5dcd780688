"""`make demo` and `make run`: one process group on SQLite, ended by Ctrl-C."""

import ctypes
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, NoReturn

from scripts import environment, tell

PR_SET_PDEATHSIG = 1  # prctl(2)
HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEMO_RECORD = environment.VAR / "demo.json"
SERVER = (
    *("-c", "python:merchant_portal.gunicorn_conf"),
    "merchant_portal.wsgi:application",
)


def demo() -> NoReturn:
    """Sample data in var/demo.sqlite3; nothing leaves the machine.

    PROVIDERS=fake: pay at stand-ins for Stripe, PayPal and Square, too. PROVIDERS=unconnected:
    the same, but their keys are still to be entered in the back-office.
    """
    port = _free_port()
    environment.ensure(dev=False)
    variables = _demo_variables(port)
    if os.environ.get("PROVIDERS") in {"fake", "unconnected"}:
        found = _stand_ins(variables["PUBLIC_URL"])
        if os.environ["PROVIDERS"] == "unconnected":
            found = _without_keys(found)
        variables |= found
    prepare(variables)
    tell.step("Filling in the sample shop; the first time this takes a while …")
    manage(variables, "seed_demo", "--record", str(DEMO_RECORD))
    _print_sign_ins(json.loads(DEMO_RECORD.read_text()))
    _become("gunicorn", *SERVER, variables=variables)


def run() -> NoReturn:
    """The merchant's own data in var/portal.sqlite3 (or DATABASE_URL)."""
    port = _free_port()
    environment.ensure(dev=False)
    variables = {
        "LOG_FILE": str(environment.VAR / "portal.log"),
        **_common_variables(port),
        **os.environ,
    }
    prepare(variables)
    is_said = bool(variables.get("PUBLIC_URL")) or _env_file_says("PUBLIC_URL")
    is_default = is_said or port == DEFAULT_PORT
    elsewhere = "" if is_default else f"PUBLIC_URL=http://{HOST}:{port} "
    tell.step(
        "The first time, make the owner in another terminal:"
        f" {elsewhere}.venv/bin/python manage.py create_owner you@example.com"
    )
    _become("gunicorn", *SERVER, variables=variables)


def stack() -> NoReturn:
    """PostgreSQL, Redis, two web and two worker processes, beat: the grown topology."""
    port = _free_port()
    environment.ensure(dev=False)
    variables = {
        "PUBLIC_URL": f"http://{HOST}:{port}",
        **os.environ,
        "VAR_DIR": str(environment.VAR),
        "WEB_BIND": f"{HOST}:{port}",
        "PYTHONUNBUFFERED": "1",
    }
    _become("scripts.stack", variables=variables)


def manage(variables: dict[str, str], *arguments: str) -> None:
    """Run a management command; what it says goes to the terminal when it fails."""
    done = subprocess.run(
        [environment.PYTHON, "manage.py", *arguments],
        cwd=environment.ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        lines = said.splitlines()
        if "Traceback (most recent call last):" in said and "Improperly" in lines[-1]:
            said = lines[-1].split(": ", 1)[-1]  # the sentence for the operator
        tell.stop(said, f"(manage.py {arguments[0]} ended with {done.returncode})")


def _env_file_says(name: str) -> bool:
    """Whether .env, which the product itself reads, gives the variable a value."""
    place = environment.ROOT / os.environ.get("ENV_FILE", ".env")
    if not place.is_file():
        return False
    said = (line.partition("=") for line in place.read_text().splitlines())
    return any(key.strip() == name and value.strip() for key, _sign, value in said)


def _common_variables(port: int) -> dict[str, str]:
    return {
        "VAR_DIR": str(environment.VAR),
        "WEB_BIND": f"{HOST}:{port}",
        "LOG_FORMAT": "plain",
        "PYTHONUNBUFFERED": "1",
    }


def _demo_variables(port: int) -> dict[str, str]:
    """The shell's environment, with everything overruled that could reach outside."""
    variables = {
        **os.environ,
        **_common_variables(port),
        "ENV_FILE": "",
        "DATABASE_URL": f"sqlite:///{environment.VAR / 'demo.sqlite3'}",
        "REDIS_URL": "",
        "PUBLIC_URL": f"http://{HOST}:{port}",
        "STAFF_MFA_REQUIRED": "false",
        "TRAINING_ENABLED": "true",
        "EMAIL_URL": "",
        "TWILIO_ACCOUNT_SID": "",
        "TWILIO_AUTH_TOKEN": "",
        "TWILIO_FROM": "",
        "TWILIO_WHATSAPP_FROM": "",
        "LOG_FILE": str(environment.VAR / "demo.log"),
    }
    return variables | _blank_keys()


def _blank_keys() -> dict[str, str]:
    """Those of providers that could move real money, as the product itself tells."""
    said = subprocess.check_output(
        [environment.PYTHON, "-m", "merchant_portal.provider_keys"],
        cwd=environment.ROOT,
    )
    blank: dict[str, str] = json.loads(said)
    return blank


def _stand_ins(public_url: str) -> dict[str, str]:
    """Start fakes of the providers, which end with this process; how to reach them."""
    folder = environment.VAR / "fakes"
    folder.mkdir(mode=0o700, exist_ok=True)
    process = subprocess.Popen(
        [environment.PYTHON, "-m", "scripts.fakes", str(folder), public_url],
        cwd=environment.ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        tell.stop("The stand-ins for the providers did not start.", "See above why.")
    found: dict[str, str] = json.loads(line)
    return found


def _without_keys(found: dict[str, str]) -> dict[str, str]:
    """Only where the stand-ins are; what to enter is kept beside their books."""
    where = {name for name in found if name.endswith(("_API_BASE", "_CA_FILE"))}
    given = {name: value for name, value in found.items() if name not in where}
    path = environment.VAR / "fakes" / "keys.json"
    path.write_text(json.dumps(given, indent=1))
    tell.step(f"The keys to enter in the back-office are in {os.path.relpath(path)}.")
    return {**dict.fromkeys(given, ""), **{name: found[name] for name in where}}


def _free_port() -> int:
    """The port to serve on, known to be free; said before anything slow is done."""
    text = os.environ.get("PORT") or str(DEFAULT_PORT)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        tell.stop(f"PORT={text} is not a port number.", "Example: make demo PORT=8001")
    port = int(text)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except PermissionError:
            tell.stop(
                f"Port {port} is reserved for the system's administrator.",
                "Choose one above 1023: make demo PORT=8001",
            )
        except OSError as exc:
            tell.stop(
                f"Port {port} of {HOST} is taken by another program ({exc.strerror}).",
                f"End that program, or choose another port: make demo PORT={port + 1}",
            )
    return port


def prepare(variables: dict[str, str]) -> None:
    os.umask(0o077)  # databases, logs and keys are for this user's eyes
    stamp = _static_stamp()
    if not stamp.exists():
        tell.step("Collecting styles and scripts into var/static/ …")
        manage(variables, "collectstatic", "--noinput", "--clear", "--verbosity", "0")
        for old in environment.VAR.glob("static-*"):
            old.unlink()
        stamp.touch()
    tell.step("Bringing the database up to date …")
    manage(variables, "migrate", "--noinput", "--verbosity", "0")


def _static_stamp() -> Path:
    """A file that exists while var/static/ is what the sources would give."""
    digest = hashlib.sha256(environment.RUNTIME_LOCK.read_bytes())
    digest.update((environment.ROOT / "merchant_portal/settings.py").read_bytes())
    for folder in (environment.ROOT, *environment.ROOT.iterdir()):
        if folder == environment.VAR:
            continue
        for path in sorted((folder / "static").glob("**/*")):
            seen = path.stat()
            digest.update(f"{path}:{seen.st_size}:{seen.st_mtime_ns}".encode())
    return environment.VAR / f"static-{digest.hexdigest()[:16]}"


def _print_sign_ins(record: dict[str, Any]) -> None:
    print(f"\nSign in at {record['url']}/admin/ as one of:", flush=True)
    for user in record["users"]:
        print(f"  {user['role']:<9}{user['email']:<24}{user['password']}")
    print(f"API key: {record['api_key']}")
    print(f"(all of it in {os.path.relpath(DEMO_RECORD)})\n", flush=True)


def _become(module: str, *arguments: str, variables: dict[str, str]) -> NoReturn:
    """Replace this process by a module of .venv: signals reach it without a detour."""
    command = [str(environment.PYTHON), "-m", module, *arguments]
    os.chdir(environment.ROOT)
    if "MAKELEVEL" in os.environ:
        end_with_parent()
    sys.stdout.flush()
    os.execve(command[0], command, variables)


def end_with_parent() -> None:
    """Have Linux end the server when make dies, even by kill -9: no orphan on the port."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
