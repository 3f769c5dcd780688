"""How often a key may ask; kept in this process, because losing it harms nobody."""

import threading
import time
from collections import deque

WINDOW_SECONDS = 60.0


class SlidingWindow:
    """At most `limit` passes in any WINDOW_SECONDS for each name; safe for threads."""

    def __init__(self) -> None:
        self._passes: dict[int, deque[float]] = {}
        self._lock = threading.Lock()

    def take(self, name: int, limit: int) -> float:
        """Seconds to wait before the next pass; 0.0 lets this one pass and counts it."""
        now = time.monotonic()
        with self._lock:
            passes = self._passes.setdefault(name, deque())
            while passes and passes[0] <= now - WINDOW_SECONDS:
                passes.popleft()
            if len(passes) >= limit:
                return passes[0] + WINDOW_SECONDS - now
            passes.append(now)
            return 0.0

    def clear(self) -> None:
        """Forget everything; for tests."""
        with self._lock:
            self._passes.clear()
