#!/usr/bin/env python
"""Run Counterfoil's management commands."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import OperationalError


def main() -> None:
    """Run the command; a database that does not answer ends it with one sentence instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if "--traceback" in sys.argv:
            raise
        reason = str(error).strip().splitlines()[0]
        sys.exit(f"The database does not answer: start one with `make run`, or set DATABASE_URL. ({reason})")


if __name__ == "__main__":
    main()
