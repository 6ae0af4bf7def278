"""`manage.py jobs_dead`: what could not be done, and why."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.models import Job
from operations.models.jobs import JobState
from operations.services import JobMissing, replay_job


class Command(BaseCommand):
    """List dead letters, or put one back on the table."""

    help = "List the jobs that were given up, with their last error; --replay ID --reason WHY does one again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        parser.add_argument("--replay", type=int, metavar="ID", help="put this job back on the table")
        parser.add_argument("--reason", default="", help="why it may succeed now (needed with --replay)")

    def handle(self, *args: Any, **options: Any) -> None:
        """List or replay."""
        if options["replay"] is not None:
            self._replay(options["replay"], options["reason"])
            return
        dead = Job.objects.filter(state=JobState.DEAD).order_by("id")
        for job in dead:
            facts = {"id": job.pk, "kind": job.kind, "key": job.key, "attempts": job.attempts, "error": job.last_error}
            self.stdout.write(json.dumps(facts) if options["json"] else "{id}  {kind} {key}: {error}".format(**facts))
        if not options["json"]:
            self.stdout.write(f"{len(dead)} dead letters.")

    def _replay(self, job_id: int, reason: str) -> None:
        if not reason:
            raise CommandError("Say with --reason why the job may succeed now.")
        try:
            replay_job(job_id=job_id, actor="system:command", reason=reason, now=timezone.now())
        except JobMissing as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Job {job_id} is due again.")
