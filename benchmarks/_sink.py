"""A mail server that takes everything at once and keeps only a count.

`python -m benchmarks._sink PORT`; a line for each QUIT tells how many mails there were.
Python, because it must be everywhere; it costs a mail less than any client does.
"""

import asyncio
import sys

HELLO = b"250-bench\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
YES, GO_ON, BYE = b"250 2.0.0 Ok\r\n", b"354 Go on\r\n", b"221 Bye\r\n"
END = b"\r\n.\r\n"


class Mails(asyncio.Protocol):
    taken = 0

    def __init__(self) -> None:
        self._rest = b""
        self._is_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        answers = []
        while (answer := self._next()) is not None:
            answers.append(answer)
        if answers:
            self._transport.write(b"".join(answers))
        if answers and answers[-1] is BYE:
            self._transport.close()

    def _next(self) -> bytes | None:
        """The answer to the next command or mail; None when it has not come whole."""
        mark = END if self._is_mail else b"\r\n"
        found, mark, rest = self._rest.partition(mark)
        if not mark:
            return None
        self._rest = rest
        if self._is_mail:
            self._is_mail = False
            Mails.taken += 1
            return YES
        word = found[:4].upper()
        if word == b"EHLO":
            return HELLO
        if word == b"DATA":
            self._is_mail = True
            return GO_ON
        return BYE if word == b"QUIT" else YES


async def serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Mails, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
