"""The front door for verbs: what other rooms may ask of `operations`."""

from operations.alerts import Alert, Reading, read_alerts, review_alerts
from operations.approvals import AlreadyDecided, ApprovalMissing, NotASecondPerson
from operations.approvals import grant as grant_approval
from operations.approvals import reject as reject_approval
from operations.approvals import request as request_approval
from operations.approvals import withdraw as withdraw_approval
from operations.audit import record as record_audit
from operations.errors import DomainError
from operations.idempotency import forget as forget_keys
from operations.jobs.queue import enqueue, enqueue_again, requeue, wake, withdraw
from operations.jobs.worker import JobMissing, NotBegun, TryLater, run_due, run_job
from operations.jobs.worker import discard as discard_job
from operations.jobs.worker import replay as replay_job
from operations.questions import TaskMissing
from operations.questions import ask as ask_person
from operations.questions import close as close_task
from operations.questions import settle as settle_task
from operations.rates import forget as forget_buckets
from operations.storefronts import BadApiKey
from operations.storefronts import authenticate as authenticate_storefront
from operations.storefronts import hold as hold_storefront
from operations.storefronts import issue_key as issue_api_key
from operations.storefronts import register as register_storefront
from operations.storefronts import revoke as revoke_api_key
from operations.switches import Stopped, require_running
from operations.switches import release as release_switch
from operations.switches import stop as pull_switch

__all__ = [
    "Alert",
    "AlreadyDecided",
    "ApprovalMissing",
    "BadApiKey",
    "DomainError",
    "JobMissing",
    "NotASecondPerson",
    "NotBegun",
    "Reading",
    "Stopped",
    "TaskMissing",
    "TryLater",
    "ask_person",
    "authenticate_storefront",
    "close_task",
    "discard_job",
    "enqueue",
    "enqueue_again",
    "forget_buckets",
    "forget_keys",
    "grant_approval",
    "hold_storefront",
    "issue_api_key",
    "pull_switch",
    "read_alerts",
    "record_audit",
    "register_storefront",
    "reject_approval",
    "release_switch",
    "replay_job",
    "request_approval",
    "requeue",
    "require_running",
    "review_alerts",
    "revoke_api_key",
    "run_due",
    "run_job",
    "settle_task",
    "wake",
    "withdraw",
    "withdraw_approval",
]
