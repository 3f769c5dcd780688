"""The control endpoint of the HTTP fakes: `GET /_control` tells, `POST /_control` sets."""

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proofs.fakes.faults import BadSwitch, Switchboard
from proofs.fakes.ledger import Ledger
from proofs.fakes.web import Answer, Request

PATH = "/_control"
MODES = {"off": 0, "on": 1, "twice": 2}


@dataclass
class CallbackPlan:
    """How webhooks go out: `mode` on, off (lost) or twice (both at once), after `delay`."""

    url: str = ""
    mode: str = "on"
    delay_seconds: float = 0.0

    def due_times(self) -> list[float]:
        """When to deliver one event: no, one or two moments (epoch seconds)."""
        return [time.time() + self.delay_seconds] * MODES[self.mode]


class Control:
    """Switches, the callback plan, and `actions` of the fake, all set by name.

    Body: {"webhook": "on"|"off"|"twice", "webhook_delay": 2.5, "webhook_url": "http://…",
    "<switch>": true|false|times|{…}, "<action>": …, "reset": true}. 400 names what is
    not understood; what stood before it in the body has happened.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        faults: Switchboard,
        plan: CallbackPlan,
        actions: Mapping[str, Callable[[Any], None]],
    ) -> None:
        self._ledger = ledger
        self._faults = faults
        self._plan = plan
        self._actions = dict(actions)

    def handle(self, request: Request) -> Answer:
        if request.method == "POST":
            try:
                self._apply(json.loads(request.text))
            except (ValueError, KeyError, TypeError) as exc:
                return Answer(400, {"error": f"{type(exc).__name__}: {exc}"})
        return Answer(200, self.state())

    def state(self) -> dict[str, Any]:
        return {
            "switches": self._faults.state(),
            "webhook": self._plan.mode,
            "webhook_delay": self._plan.delay_seconds,
            "webhook_url": self._plan.url,
            "findings": self._ledger.findings(),
        }

    def _apply(self, wanted: Any) -> None:
        if not isinstance(wanted, dict):
            raise BadSwitch("the body is not a JSON object")
        for name, value in wanted.items():
            self._set(name, value)

    def _set(self, name: str, value: Any) -> None:
        if name == "reset":
            self._faults.clear()
            self._plan.mode, self._plan.delay_seconds = "on", 0.0
        elif name == "webhook":
            if value not in MODES:
                raise BadSwitch(f"webhook: {value!r} is none of {', '.join(MODES)}")
            self._plan.mode = value
        elif name == "webhook_delay":
            seconds = float(value)
            if not math.isfinite(seconds) or seconds < 0:
                raise BadSwitch("webhook_delay: seconds, zero or more")
            self._plan.delay_seconds = seconds
        elif name == "webhook_url":
            self._plan.url = str(value)
        elif name in self._actions:
            self._actions[name](value)
        else:
            self._faults.set(name, value)
