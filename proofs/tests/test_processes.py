import os
import signal
import sys
import time
from pathlib import Path

import pytest

from proofs.processes import (
    ChildProcess,
    ProcessError,
    assert_none_left,
    descendants,
    free_port,
    port_answers,
)

SAYS_READY = "import time; print('ready 7', flush=True); time.sleep(60)"
IGNORES_TERM = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('ready', flush=True); time.sleep(60)"
)
HAS_A_CHILD = (
    "import subprocess, sys, time;"
    " subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    " print('ready', flush=True); time.sleep(60)"
)


def child(script: str, tmp_path: Path, name: str = "child") -> ChildProcess:
    return ChildProcess(
        name, [sys.executable, "-c", script], log_file=tmp_path / f"{name}.log"
    )


def test_waits_for_a_line_and_ends_on_terminate(tmp_path: Path) -> None:
    process = child(SAYS_READY, tmp_path)

    with process:
        assert process.wait_for_line(r"ready (\d+)")[1] == "7"
        assert process.is_running

    assert process.returncode == -signal.SIGTERM
    assert_none_left([process])


def test_kills_what_does_not_listen_to_terminate(tmp_path: Path) -> None:
    process = child(IGNORES_TERM, tmp_path).start()
    process.wait_for_line("ready")

    assert process.terminate(timeout=0.2) == -signal.SIGKILL
    assert_none_left([process])


def test_kill_takes_the_whole_group(tmp_path: Path) -> None:
    process = child(HAS_A_CHILD, tmp_path).start()
    process.wait_for_line("ready")
    assert process.group_pids() == [process.pid, *descendants(process.pid)]
    assert len(process.group_pids()) == 2

    process.kill()

    assert_none_left([process])


def test_names_the_process_that_is_left(tmp_path: Path) -> None:
    process = child(HAS_A_CHILD, tmp_path, "leaky").start()
    process.wait_for_line("ready")
    process.signal(signal.SIGKILL)

    with pytest.raises(AssertionError, match="leaky"):
        assert_none_left([process], timeout=0.1)

    process.terminate()
    assert_none_left([process])


def test_says_what_the_log_holds_when_a_process_ends_early(tmp_path: Path) -> None:
    process = child("raise SystemExit('no database')", tmp_path).start()

    with pytest.raises(ProcessError, match=r"ended with 1(.|\n)*no database"):
        process.wait_for_line("ready", timeout=20)


def test_gives_up_at_the_deadline(tmp_path: Path) -> None:
    port = free_port()

    with (
        child("import time; time.sleep(60)", tmp_path) as process,
        pytest.raises(ProcessError, match=f"port {port} does not answer"),
    ):
        process.wait_for_port(port, timeout=0.2)


def test_reads_only_the_log_of_the_present_run(tmp_path: Path) -> None:
    process = child("import os; print('run', os.getpid(), flush=True)", tmp_path)
    process.start()
    process.wait(timeout=20)
    first = process.log_text()

    process.start()
    process.wait(timeout=20)

    assert first.startswith("run ")
    assert process.log_text().startswith("run ")
    assert first not in process.log_text()


def test_gives_the_environment_and_nothing_more(tmp_path: Path) -> None:
    process = ChildProcess(
        "env",
        [sys.executable, "-c", "import os; print(sorted(os.environ))"],
        log_file=tmp_path / "env.log",
        env={"ONE": "1", "LC_CTYPE": "C.UTF-8"},
    ).start()

    process.wait(timeout=20)

    assert process.log_text() == "['LC_CTYPE', 'ONE']\n"


def test_a_paused_process_stands_still(tmp_path: Path) -> None:
    ticks = "import time\nwhile True: print('tick', flush=True); time.sleep(0.01)"
    with child(ticks, tmp_path) as process:
        process.wait_for_line("tick")
        process.pause()
        time.sleep(0.05)
        seen = process.log_text()
        time.sleep(0.1)
        assert process.log_text() == seen

        process.resume()
        process.wait_for_line("tick")
        deadline = time.monotonic() + 10
        while process.log_text() == seen and time.monotonic() < deadline:
            time.sleep(0.02)
        assert process.log_text() != seen


def test_refuses_to_signal_a_stranger(tmp_path: Path) -> None:
    with (
        child(SAYS_READY, tmp_path) as process,
        pytest.raises(ProcessError, match="does not belong"),
    ):
        process.signal(signal.SIGTERM, pid=os.getpid())


def test_a_free_port_is_free() -> None:
    assert not port_answers(free_port())
