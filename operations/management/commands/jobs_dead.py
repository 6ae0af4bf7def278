"""`manage.py jobs_dead`: what could not be done, and why."""

import json
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from operations.command_line import actor_of_command
from operations.counts import format_count
from operations.models import Job
from operations.models.jobs import JobState
from operations.selectors import audit_trail
from operations.services import JobMissing, discard_job, replay_job
from operations.texts import TextRefused


class _Decision(NamedTuple):
    name: str
    verb: Callable[..., None]
    words: str


_REPLAY = _Decision("replay", replay_job, "due again")
_DISCARD = _Decision("discard", discard_job, "discarded")


class Command(BaseCommand):
    """List dead letters, look at one, put one back on the table, or give one up."""

    help = (
        "List the dead letters: jobs that were given up, with their last error, while the others flow. --show ID "
        "prints one whole, with its arguments and who decided about it before; --replay ID puts it back on the table, "
        "its attempts counted afresh (it is the same step again: nothing is done twice); --discard ID gives it up "
        "for good. Both need --reason, which the audit trail keeps with the operating system's user; with --dry-run "
        "they only say what they would do. One of the three at a time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        one = parser.add_mutually_exclusive_group()
        one.add_argument("--replay", type=int, metavar="ID", help="put this job back on the table")
        one.add_argument("--discard", type=int, metavar="ID", help="give this dead letter up for good")
        one.add_argument("--show", type=int, metavar="ID", help="print this job whole")
        parser.add_argument("--kind", help="list only jobs of this kind, such as payments.send_refund")
        parser.add_argument("--reason", default="", help="why (needed with --replay and --discard)")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        """List, show, replay or discard."""
        if options["show"] is not None:
            self._show(options["show"], indent=None if options["json"] else 2)
        elif options["replay"] is not None:
            self._decide(_REPLAY, options["replay"], options)
        elif options["discard"] is not None:
            self._decide(_DISCARD, options["discard"], options)
        else:
            self._list(options)

    def _list(self, options: dict[str, Any]) -> None:
        dead = Job.objects.filter(state=JobState.DEAD).order_by("id")
        if options["kind"]:
            dead = dead.filter(kind=options["kind"])
        for job in dead:
            facts = {"id": job.pk, "kind": job.kind, "key": job.key, "attempts": job.attempts, "error": job.last_error}
            self.stdout.write(json.dumps(facts) if options["json"] else "{id}  {kind} {key}: {error}".format(**facts))
        if not options["json"]:
            self.stdout.write(f"{format_count(len(dead), 'dead letter')}.")

    def _show(self, job_id: int, *, indent: int | None) -> None:
        job = Job.objects.filter(pk=job_id).first()
        if job is None:
            raise CommandError(f"There is no job {job_id}.")
        facts = {
            "id": job.pk,
            "kind": job.kind,
            "key": job.key,
            "args": job.args,
            "state": job.state,
            "attempts": job.attempts,
            "created_at": job.created_at.isoformat(),
            "next_at": job.next_at.isoformat(),
            "finished_at": job.finished_at.isoformat() if job.finished_at else None,
            "error": job.last_error,
            "decided": [
                {"at": entry.at.isoformat(), "action": entry.action, "actor": entry.actor, **entry.facts}
                for entry in audit_trail(subject=f"job:{job_id}")
            ],
        }
        self.stdout.write(json.dumps(facts, indent=indent, ensure_ascii=False))

    def _decide(self, decision: _Decision, job_id: int, options: dict[str, Any]) -> None:
        if not options["dry_run"] and not options["reason"]:
            raise CommandError("Say why with --reason.")
        job = Job.objects.filter(pk=job_id, state=JobState.DEAD).first()
        if job is None:
            raise CommandError(str(JobMissing(job_id=job_id)))
        if not options["dry_run"]:
            try:
                decision.verb(job_id=job_id, actor=actor_of_command(), reason=options["reason"], now=timezone.now())
            except (JobMissing, TextRefused) as error:
                raise CommandError(str(error)) from error
        done, words = not options["dry_run"], decision.words
        facts = {"id": job_id, "kind": job.kind, "key": job.key, "decision": decision.name, "done": done}
        said = f"Job {job_id} is {words}." if done else f"Job {job_id} ({job}) would be {words}."
        self.stdout.write(json.dumps(facts) if options["json"] else said)
