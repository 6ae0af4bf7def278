"""A database of django-hordak's beside ours on the same server."""

import os
import subprocess
import sys

from benchmarks.server import Server

_SEED = "import django; django.setup(); from benchmarks.hordak_work import seed; seed()"


def prepare(server: Server) -> None:
    """Make the database, with its accounts; clients find it through HORDAK_DATABASE_URL."""
    server.execute("DROP DATABASE IF EXISTS bench_hordak WITH (FORCE)", "CREATE DATABASE bench_hordak")
    os.environ["HORDAK_DATABASE_URL"] = server.url.replace("/bench?", "/bench_hordak?")
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "benchmarks.hordak_settings"}
    for argv in (["-m", "django", "migrate", "-v", "0"], ["-c", _SEED]):
        subprocess.run([sys.executable, *argv], check=True, env=environment)
