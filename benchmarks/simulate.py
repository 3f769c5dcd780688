"""How long half a year of a sample shop with 1,000 links takes to tell."""

import subprocess
import sys
import time

from benchmarks._figures import say
from benchmarks._stage import stage
from proofs.shop import ROOT

LINKS, MOST_SECONDS = 1_000, 60.0


def main() -> None:
    with stage() as open_stage:
        variables = {**open_stage.variables, "TRAINING_ENABLED": "true"}
        started = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", "simulate", "--links", str(LINKS)],
            cwd=ROOT,
            env=variables,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - started
        say("simulate", f"of {MOST_SECONDS:g} s", [seconds / MOST_SECONDS], "x")
        say("simulate", f"{LINKS} links", [seconds], "s")


if __name__ == "__main__":
    main()
