"""Run the stand-in provider: `python -m sandbox.provider --port 21111 --store provider.sqlite3`."""

import argparse
import logging
import signal
import sqlite3
import sys
import threading
from pathlib import Path
from types import FrameType

from sandbox.provider.app import Provider
from sandbox.provider.scope import Settings
from sandbox.provider.server import Server

_STOP_S = 1.5


def main(argv: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    options = _options(argv)
    logging.basicConfig(
        level=options.log_level.upper(),
        stream=sys.stderr,
        format="%(asctime)s sandbox %(levelname)s %(message)s",
    )
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    if options.webhook_url and not options.webhook_secret:
        return _refuse("Give a --webhook-secret too: the receiver of the webhooks needs it to check signatures.")
    try:
        provider = Provider(Path(options.store), Settings(settlement_delay_days=options.settlement_delay_days))
    except sqlite3.Error as error:
        return _refuse(f"Choose another --store: {options.store} cannot be used as the provider's store ({error}).")
    try:
        server = Server((options.host, options.port), provider.answer)
    except OSError as error:
        provider.world.store.close()
        return _refuse(f"Choose another --port: {options.host}:{options.port} cannot be opened ({error.strerror}).")
    if options.webhook_url:
        provider.announce_to(options.webhook_url, options.webhook_secret)
    _serve(provider, server)
    return 0


def _options(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.provider", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--store", required=True, help="the SQLite file that everything is kept in")
    parser.add_argument("--webhook-url", help="deliver every event to this address")
    parser.add_argument("--webhook-secret", help="sign those deliveries with this whsec_… secret")
    parser.add_argument("--settlement-delay-days", type=int, default=2)
    parser.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error"],
        help="info logs each request",
    )
    return parser.parse_args(argv)


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


def _serve(provider: Provider, server: Server) -> None:
    stopping = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    provider.start()
    listener = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    listener.start()
    stopping.wait()
    server.shutdown()
    listener.join(_STOP_S)
    server.server_close()
    provider.stop()


if __name__ == "__main__":
    sys.exit(main())
