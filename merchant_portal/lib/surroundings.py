"""Whether the broker and the clock around this process are as the product needs them."""

import logging
import threading

import redis
from django.conf import settings
from django.db import DatabaseError, connection

from . import clock

BROKER_TIMEOUT_SECONDS = 2
# More than a query takes, less than anything that is due in seconds would notice.
SKEW_SECONDS = 2.0

log = logging.getLogger(__name__)


class Unready(Exception):
    """This part cannot work; the message says why, without names of hosts."""


def check_broker() -> None:
    """Raises Unready when Redis is silent, takes nothing, or throws away what it took."""
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=BROKER_TIMEOUT_SECONDS,
        socket_timeout=BROKER_TIMEOUT_SECONDS,
    )
    try:
        client.ping()
        _check_what_it_keeps(client)
    except (redis.RedisError, OSError) as exc:
        raise Unready(
            "the broker does not answer; messages go out by the sweep"
        ) from exc
    finally:
        client.close()


def _check_what_it_keeps(client: redis.Redis) -> None:
    try:
        policy = client.info("memory")["maxmemory_policy"]
        role = client.info("replication")["role"]
    except (redis.ResponseError, KeyError):
        return  # a user without the right to ask, or a server that does not say
    if policy != "noeviction":
        raise Unready(
            f"the broker drops tasks when it is full (maxmemory-policy {policy});"
            " set noeviction"
        )
    if role != "master":
        raise Unready("the broker is a replica, which takes no tasks")


def check_clock() -> None:
    """Raises Unready when this host's clock and the database's are apart."""
    try:
        skew = clock.skew_seconds()
    except DatabaseError as exc:
        raise Unready("the database does not answer") from exc
    if abs(skew) > SKEW_SECONDS:
        raise Unready(
            f"this host's clock is {abs(skew):.0f} seconds"
            f" {'ahead of' if skew > 0 else 'behind'} the database's"
        )


def look_around() -> None:
    """Log what is wrong around a process that has just started; nothing waits for it."""
    threading.Thread(target=_warn, name="look around", daemon=True).start()


def _warn() -> None:
    checks = [check_clock] if settings.EMBEDDED else [check_broker, check_clock]
    try:
        for check in checks:
            try:
                check()
            except Unready as exc:
                log.error("At the start: %s", exc)
    finally:
        connection.close()
