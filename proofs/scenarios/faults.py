"""Every fault of processes, servers and clocks that takes minutes (`make prove NAME=faults`).

They are the tests marked `full`, with their negative controls; the quick ones run in
`make test-stack`.
"""

import subprocess
import sys

from proofs.shop import ROOT


def main() -> int:
    command = [sys.executable, "-m", "scripts.stack_suite", "-m", "full"]
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
