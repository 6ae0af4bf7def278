"""Start the stand-in provider as a process of its own, for tests and demonstrations."""

import random
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import requests

from sandbox.control import SandboxControl

#: Below the ephemeral ports, which outgoing connections take.
_PORTS = (20_000, 32_000)
_ROOT = Path(__file__).resolve().parent.parent
_STOP_S = 3


class NotReady(Exception):
    """The provider did not come up."""

    def __init__(self, *, url: str, output: str) -> None:
        super().__init__(f"Read the provider's last words and start it again; {url} did not answer: {output.strip()}")
        self.url = url
        self.output = output


def free_port() -> int:
    """Return a loopback port that nobody listens on just now.

    Raises OSError when a hundred random ones are taken.
    """
    for _ in range(100):
        port = random.randrange(*_PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("a hundred ports from 20000 to 32000 are taken: stop what listens there")


@dataclass
class RunningProvider:
    """A provider process and where it listens."""

    process: subprocess.Popen[bytes]
    base_url: str
    store: Path
    log: Path

    @property
    def control(self) -> SandboxControl:
        """Return a new client for its control surface."""
        return SandboxControl(self.base_url)

    def wait_ready(self, *, timeout_s: float = 10) -> "RunningProvider":
        """Return when it answers.

        Raises NotReady when it ended or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        control = self.control
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                control.health()
            except requests.RequestException:
                time.sleep(0.02)
            else:
                return self
        self.stop()
        raise NotReady(url=self.base_url, output=self.log.read_text(errors="replace")[-2000:])

    def stop(self) -> int:
        """End it, by force when it takes too long; return its exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    def kill(self) -> None:
        """End it as a crash would: no warning, nothing tidied up."""
        self.process.kill()
        self.process.wait()


def start(
    *,
    port: int,
    store: Path,
    webhook_url: str | None = None,
    webhook_secret: str | None = None,
    settlement_delay_days: int = 2,
    log_level: str = "warning",
    log: Path | None = None,
) -> RunningProvider:
    """Start a provider on loopback and return; its output goes to `log`, by default beside the store."""
    command = [sys.executable, "-m", "sandbox.provider", "--port", str(port), "--store", str(store.resolve())]
    command += ["--settlement-delay-days", str(settlement_delay_days), "--log-level", log_level]
    if webhook_url is not None:
        command += ["--webhook-url", webhook_url]
    if webhook_secret is not None:
        command += ["--webhook-secret", webhook_secret]
    log = log or store.with_suffix(".log")
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=_ROOT, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
    return RunningProvider(process, f"http://127.0.0.1:{port}", store, log)
