"""The names of the Makefile and what each of them runs."""

import sys
from collections.abc import Callable

from scripts import checks, modules, serve, suite, tell

COMMANDS: dict[str, tuple[Callable[[], int], str]] = {
    "demo": (serve.demo, "set up, fill with sample data and serve (PORT=8000)"),
    "run": (serve.run, "set up and serve for real on the built-in database (PORT=)"),
    "test": (suite.test, "set up and test on the built-in database; no service needed"),
    "test-stack": (suite.test_stack, "every test, on PostgreSQL, Redis and processes"),
    "check": (checks.check, "lint, types, import contracts, migrations, locks"),
    "stack": (
        serve.stack,
        "serve the grown topology: PostgreSQL, Redis, workers, beat",
    ),
    "bench": (modules.bench, "benchmarks, one JSON line a figure (NAME=)"),
    "prove": (modules.prove, "a full-size proof (NAME=)"),
    "lock": (checks.lock, "write requirements*.txt anew from requirements*.in"),
}


def main(arguments: list[str]) -> int:
    name = arguments[0] if arguments else "help"
    if name == "help":
        for each, (_run, meaning) in COMMANDS.items():
            print(f"make {each:<12}{meaning}")
        return 0
    if name not in COMMANDS:
        tell.failure(f"There is no {name!r}. Known: {', '.join(COMMANDS)}")
        return 2
    try:
        return COMMANDS[name][0]()
    except tell.Stop as exc:
        tell.failure(str(exc))
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        sys.stdout.flush()
