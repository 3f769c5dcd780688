"""Switches that make a fake misbehave on purpose."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

HANG_SECONDS = 60.0


class BadSwitch(ValueError):
    """A control body names a switch or value that this fake does not have."""


@dataclass
class Fault:
    """One switched-on fault.

    `times` None means until switched off. `path` (prefix), `method` and `to` narrow it.
    `code` is an HTTP or SMTP status where the fault has a choice.
    """

    name: str
    times: int | None = None
    seconds: float = HANG_SECONDS
    path: str = ""
    method: str = ""
    to: str = ""
    code: int = 0
    retry_after: int = 1

    def hits(self, method: str, path: str, to: str) -> bool:
        return (
            self.times != 0
            and path.startswith(self.path)
            and self.method in ("", method)
            and self.to in ("", to)
        )


class Switchboard:
    """The faults of one fake. `names` maps each to the method it strikes ('' = any)."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self._faults: dict[str, Fault] = {}
        self._lock = threading.Lock()

    def knows(self, name: str) -> bool:
        return name in self._names

    def set(self, name: str, value: object) -> None:
        """Switch one fault: true = on, false or 0 = off, a number = that many times.

        An object gives details: {"times": 1, "seconds": 5, "path": "/v1/refunds"}.
        Raises BadSwitch and changes nothing when it is not understood.
        """
        if name not in self._names:
            raise BadSwitch(
                f"no switch {name!r}; there are {', '.join(sorted(self._names))}"
            )
        fault = Fault(name=name, method=self._names[name])
        if isinstance(value, Mapping):
            self._detail(fault, value)
        elif isinstance(value, bool):
            fault.times = None if value else 0
        elif isinstance(value, int) and value >= 0:
            fault.times = value
        else:
            raise BadSwitch(
                f"{name}: {value!r} is neither true, false, a number nor an object"
            )
        with self._lock:
            self._faults[name] = fault

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(
        self,
        names: Iterable[str],
        method: str,
        path: str,
        to: str = "",
        *,
        named: bool = False,
    ) -> Fault | None:
        """The first of the named faults that strikes this call, counted down by one.

        `named` passes over those that were not given a path.
        """
        with self._lock:
            for name in names:
                fault = self._faults.get(name)
                if named and fault and not fault.path:
                    continue
                if fault and fault.hits(method, path, to):
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def state(self) -> dict[str, int | None]:
        """What is switched on: times left, None for until switched off."""
        with self._lock:
            return {n: f.times for n, f in self._faults.items() if f.times != 0}

    @staticmethod
    def _detail(fault: Fault, value: Mapping[str, Any]) -> None:
        kinds: dict[str, tuple[type, ...]] = {
            "times": (int, type(None)),
            "seconds": (int, float),
            "path": (str,),
            "method": (str,),
            "to": (str,),
            "code": (int,),
            "retry_after": (int,),
        }
        for key, given in value.items():
            if key not in kinds or not isinstance(given, kinds[key]):
                raise BadSwitch(f"{fault.name}: {key}={given!r} is not understood")
            setattr(fault, key, given)
