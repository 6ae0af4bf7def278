"""A process of ours that may be killed: it makes one request, or does what is due, and ends.

python -m tests.faults.child request PATH KEY < body    (API_KEY in the environment)
python -m tests.faults.child jobs
"""

import os
import sys

import django

django.setup()

from django.test import Client  # noqa: E402 - Django must be set up first
from django.utils import timezone  # noqa: E402

from operations.services import run_due  # noqa: E402


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit code."""
    match arguments:
        case ["request", path, key]:
            headers = {"Authorization": f"Bearer {os.environ['API_KEY']}", "Idempotency-Key": key}
            body = sys.stdin.buffer.read()
            Client().post(path, data=body, content_type="application/json", headers=headers)
        case ["jobs"]:
            run_due(limit=100, now=timezone.now())
        case _:
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
