"""How the product logs: JSON for machines, one plain line for a person at a terminal."""

import logging
import re
from typing import Any

import structlog

SHARED_PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
FILE_BYTES = 10_000_000
# Whoever has the address of a payment link may see and pay it: it is in no log.
_SECRET_PATH = re.compile(r"/(p|owed|unsubscribe)/[^/\s?#\"'<>\\]+")
_TOKEN_ELSEWHERE = re.compile(r"(?i:(?<=/)|(?<=%2f))[0-9A-Za-z]{22}(?![0-9A-Za-z])")
# of an address that was typed or cut wrongly


_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# They would forge lines, or take over the terminal of who reads them.


def masked(line: str) -> str:
    """The line without the tokens in its addresses, wherever they came from."""
    return _TOKEN_ELSEWHERE.sub("…", _SECRET_PATH.sub(r"/\1/…", line))


def visible(line: str) -> str:
    """The line with its control characters written out, so that it stays one line."""
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], line)


class Json(structlog.stdlib.ProcessorFormatter):
    """All that is known of the record, as one JSON object on one line."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class OneLine(logging.Formatter):
    """Level, time and message; the traceback stays in the JSON file."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        if isinstance(record.msg, dict):  # a structlog event
            message = str(record.msg.get("event", ""))
        if record.exc_info and record.exc_info[0] is not None:
            message = f"{message} ({record.exc_info[0].__name__})"
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname}: {message}"
        return masked(visible(line))


def configuration(level: str, console: str, file: str) -> dict[str, Any]:
    """A dictConfig. `console`: json or plain; `file`: a path for all of it as JSON, or ""."""
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED_PROCESSORS,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handlers: dict[str, Any] = {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": console,
            "level": "WARNING" if console == "plain" else "NOTSET",
        }
    }
    if file:
        handlers["file"] = {
            "class": "logging.handlers.RotatingFileHandler",
            "filename": file,
            "maxBytes": FILE_BYTES,
            "backupCount": 3,
            "delay": True,
            "formatter": "json",
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": Json,
                "processor": structlog.processors.JSONRenderer(),
                "foreign_pre_chain": SHARED_PROCESSORS,
            },
            "plain": {"()": OneLine},
        },
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level},
        "loggers": {
            # Django's own handlers mail and print; ours do.
            "django": {"handlers": [], "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "gunicorn.error": {"handlers": [], "propagate": True},
            # These log bodies, secrets or one line for each poll.
            "httpx": {"level": "WARNING"},
            "stripe": {"level": "WARNING"},
            "twilio": {"level": "WARNING"},
            "celery.redirected": {"level": "WARNING"},
            "celery.beat": {"level": "WARNING"},
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
        },
    }
