"""The tables that keep work safe."""

from operations.models.approvals import Approval
from operations.models.audit import AuditEntry, StateChange
from operations.models.jobs import Job
from operations.models.keys import IdempotencyKey
from operations.models.storefronts import ApiKey, Storefront
from operations.models.switches import StopSwitch
from operations.models.tasks import HumanTask

__all__ = [
    "ApiKey",
    "Approval",
    "AuditEntry",
    "HumanTask",
    "IdempotencyKey",
    "Job",
    "StateChange",
    "StopSwitch",
    "Storefront",
]
