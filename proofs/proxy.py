"""A TCP proxy in a thread of its own, to stand before a server and spoil its lines.

    with Proxy(postgres.port) as proxy:
        url = f"postgres://postgres@127.0.0.1:{proxy.port}/portal"
        proxy.down.delay_seconds = 0.5
        proxy.lose_answers(b"COMMIT", times=1)
        proxy.reset()

`up` is what clients send, `down` what the server answers. Everything may be changed
while bytes flow; one piece is what came in one read.
"""

import asyncio
import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PIECE_BYTES = 65_536
POLL_SECONDS = 0.01
START_SECONDS = 10.0
# On close: nothing is flushed, the other end sees "connection reset".
RESET_AT_ONCE = struct.pack("ii", 1, 0)


@dataclass
class Way:
    """What becomes of the bytes that go one way.

    `delay_seconds`: of each piece. `bytes_per_second`: 0 is no limit. `cut_after`: so
    many bytes of each line pass, then it is reset. `is_silent`: pieces are kept back,
    both lines stay open; they go on when it is switched off.
    """

    delay_seconds: float = 0.0
    bytes_per_second: float = 0.0
    cut_after: int | None = None
    is_silent: bool = False


class Cut(Exception):
    """This line is to be reset now."""


class Proxy:
    """Listens on 127.0.0.1 and leads to `target_port` there; a context manager.

    `refuses`: new lines are reset as soon as they are taken.
    """

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        self.up = Way()
        self.down = Way()
        self.refuses = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)
        self._is_listening = threading.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._wanted = b""
        self._times = self._skip = 0
        self._lost = 0

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._is_listening.wait(START_SECONDS):
            raise RuntimeError("the proxy did not start")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)

    def calm(self) -> None:
        """Switch every fault off."""
        self.up, self.down = Way(), Way()
        self.refuses, self._times = False, 0

    def reset(self) -> None:
        """Break every line that is open now."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def lose_answers(self, to: bytes, *, times: int, skip: int = 0) -> None:
        """Pass pieces on that hold these bytes, but reset the line when the answer comes.

        So the server has done it, and the client cannot know. `skip`: so many of them
        are answered first.
        """
        self._wanted, self._times, self._skip = to, times, skip

    @property
    def lost_answers(self) -> int:
        """How many answers were lost so far."""
        return self._lost

    def _run(self) -> None:
        loop = self._loop
        asyncio.set_event_loop(loop)
        server = loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._is_listening.set()
        try:
            loop.run_forever()
        finally:
            server.close()
            self._abort_all()
            tasks = asyncio.all_tasks(loop)
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.close()

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.refuses:
            _abort(writer)
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(
                "127.0.0.1", self.target_port
            )
        except OSError:
            _abort(writer)
            return
        line = _Line(self)
        self._writers |= {writer, far_writer}
        try:
            await asyncio.gather(
                line.pump(reader, far_writer, "up"),
                line.pump(far_reader, writer, "down"),
            )
        except (Cut, OSError):
            _abort(writer)
            _abort(far_writer)
        finally:
            self._writers -= {writer, far_writer}
            writer.close()
            far_writer.close()

    def takes_answer_of(self, piece: bytes) -> bool:
        """Whether the answer to this piece is to be lost; counts it."""
        if self._times < 1 or self._wanted not in piece:
            return False
        if self._skip:
            self._skip -= 1
            return False
        self._times -= 1
        return True

    def note_lost_answer(self) -> None:
        self._lost += 1

    def _abort_all(self) -> None:
        for writer in self._writers:
            _abort(writer)


class _Line:
    """One client's connection and the one that was made for it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._is_answer_lost = False

    async def pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str
    ) -> None:
        """Pass on until the end; raises Cut when the line is to be reset."""
        passed = 0
        while piece := await reader.read(PIECE_BYTES):
            now: Way = getattr(self._proxy, way)
            if way == "up" and self._proxy.takes_answer_of(piece):
                self._is_answer_lost = True
            elif way == "down" and self._is_answer_lost:
                self._proxy.note_lost_answer()
                raise Cut
            await self._hold_up(piece, way)
            room = len(piece) if now.cut_after is None else now.cut_after - passed
            writer.write(piece[: max(room, 0)])
            await writer.drain()
            passed += len(piece)
            if room < len(piece):
                raise Cut
        with suppress(OSError):
            writer.write_eof()

    async def _hold_up(self, piece: bytes, way: str) -> None:
        now: Way = getattr(self._proxy, way)
        seconds = now.delay_seconds
        if now.bytes_per_second:
            seconds += len(piece) / now.bytes_per_second
        await asyncio.sleep(seconds)
        while getattr(self._proxy, way).is_silent:
            await asyncio.sleep(POLL_SECONDS)


def _abort(writer: asyncio.StreamWriter) -> None:
    held: socket.socket = writer.get_extra_info("socket")
    with suppress(OSError):
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
    writer.transport.abort()
