"""What the processes that send hold after 30,000 messages, and after 100,000.

A process grows with its first full batches, to the largest that it has seen.
"""

from benchmarks import _mails
from benchmarks._figures import say
from benchmarks._stage import stage
from proofs.processes import free_port

MAILS, ROUNDS, EARLY = 5_000, 20, 6


def main() -> None:
    port = free_port()
    with stage(EMAIL_URL=f"smtp://127.0.0.1:{port}") as open_stage:
        _mails.mail_server(open_stage, port)
        _mails.make_links(MAILS)
        worker = _mails.worker(open_stage)
        held: list[int] = []
        for number in range(1, ROUNDS + 1):
            _mails.make_due(MAILS, f"memory-{number}")
            _mails.send_all()
            held.append(max(_mails.resident_kb(worker)))
        early, late = held[EARLY - 1], held[-1]
        say("memory", f"after {MAILS * ROUNDS} / {MAILS * EARLY}", [late / early], "x")
        for number in (2, EARLY, ROUNDS):
            megabytes = held[number - 1] / 1024
            say("memory", f"after {MAILS * number}", [megabytes], "MB")


if __name__ == "__main__":
    main()
