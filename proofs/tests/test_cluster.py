from collections.abc import Iterator

import psycopg
import pytest
import redis

from proofs.cluster import PostgresCluster, RedisServer
from proofs.processes import assert_none_left

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresCluster]:
    with PostgresCluster() as cluster:
        yield cluster


def test_committed_rows_survive_kill_and_stop(postgres: PostgresCluster) -> None:
    url = postgres.create_database("kept")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE row (number int)")
        connection.execute("INSERT INTO row VALUES (7)")

    postgres.kill()
    assert not postgres.process.is_running
    postgres.start()
    postgres.restart()

    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM row").fetchall() == [(7,)]
    postgres.drop_database("kept")


def test_terminates_the_sessions_of_one_database(postgres: PostgresCluster) -> None:
    url = postgres.create_database("cut")
    with psycopg.connect(url) as connection:
        assert postgres.terminate_backends("cut") == 1
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    postgres.drop_database("cut")


def test_fsync_is_a_choice(postgres: PostgresCluster) -> None:
    with PostgresCluster(durable=True, settings={"max_connections": "23"}) as durable:
        assert setting(durable, "fsync") == "on"
        assert setting(durable, "max_connections") == "23"
    assert setting(postgres, "fsync") == "off"
    # Off would lose committed rows on kill -9.
    assert setting(postgres, "synchronous_commit") == "on"


def setting(cluster: PostgresCluster, name: str) -> str:
    with psycopg.connect(cluster.url()) as connection:
        row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_leaves_nothing_behind() -> None:
    with PostgresCluster() as postgres, RedisServer() as server:
        directories = [postgres.directory, server.directory]

    assert_none_left([postgres.process, server.process])
    assert [path.exists() for path in directories] == [False, False]


def test_redis_forgets_when_it_is_killed_and_answers_again() -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url(3)) as client:
        client.set("a", "1")
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.get("a")

        server.start()

        assert client.get("a") is None


def test_a_paused_redis_keeps_callers_waiting() -> None:
    with RedisServer() as server:
        with redis.Redis.from_url(
            server.url(), socket_timeout=0.2, retry=None
        ) as client:
            client.ping()
            server.pause()
            with pytest.raises(redis.TimeoutError):
                client.ping()
        server.resume()
        with redis.Redis.from_url(server.url()) as client:
            assert client.ping()
