from functools import partial

from django.db import models

from ledger.money import MinorMoney
from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import INSTRUCTION, SURPLUS, InstructionState, SurplusState

_ALIVE = models.Q(state__in=["requested", "sending", "unknown"])


class InstructionKind(models.TextChoices):
    CAPTURE = "capture", "take what is reserved, or a part of it"
    VOID = "void", "release what is reserved"
    CLOSE = "close", "close the page"


class Purpose(models.TextChoices):
    """Why a page is closed or a reservation released: it decides what the orders become."""

    CAPTURE = "capture", "the storefront takes the money"
    CANCEL = "cancel", "the storefront called it off"
    EXPIRE = "expire", "its time is over"
    REPLACE = "replace", "the cart changed"
    SUPERSEDE = "supersede", "the checkout is paid, or over, without it"


@with_transitions(INSTRUCTION)
class Instruction(StatefulModel):
    """What we tell the provider to do with an attempt that it has, frozen before it is sent."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "ins"), editable=False)
    attempt = models.ForeignKey("payments.Attempt", on_delete=models.PROTECT, related_name="instructions")
    kind = models.TextField(choices=InstructionKind.choices)
    purpose = models.TextField(choices=Purpose.choices)
    amount_minor = models.BigIntegerField(default=0, help_text="what is captured; zero for the other kinds")
    currency = models.CharField(max_length=3)
    final = models.BooleanField(default=True, help_text="a capture that releases the rest")
    parts = models.JSONField(default=dict, help_text="what is captured of each order, by our id, in minor units")
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request, frozen")
    state = StateField(choices=InstructionState.choices, default=InstructionState.REQUESTED)
    state_since = models.DateTimeField()
    actor = models.TextField()
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    amount = MinorMoney("amount_minor")

    class Meta:
        constraints = [
            # No second instruction starts before the first one's outcome is known.
            models.UniqueConstraint(fields=["attempt"], name="instruction_one_alive", condition=_ALIVE),
            models.CheckConstraint(
                name="instruction_amount_of_captures",
                condition=models.Q(kind="capture", amount_minor__gt=0)
                | (~models.Q(kind="capture") & models.Q(amount_minor=0)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.attempt_id}"


@with_transitions(SURPLUS)
class Surplus(StatefulModel):
    """Money that a buyer paid for what was paid already: nobody's in our books, until it is back with the buyer."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "sur"), editable=False)
    attempt = models.OneToOneField("payments.Attempt", on_delete=models.PROTECT, related_name="surplus")
    charge_ref = models.TextField(unique=True)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    params = models.JSONField(help_text="the request that sends it back, frozen")
    state = StateField(choices=SurplusState.choices, default=SurplusState.BOOKED)
    state_since = models.DateTimeField()
    psp_ref = models.TextField(null=True, unique=True, help_text="the provider's refund")  # noqa: DJ001 - unique
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    amount = MinorMoney("amount_minor")

    class Meta:
        verbose_name_plural = "surpluses"
        constraints = [models.CheckConstraint(name="surplus_amount_positive", condition=models.Q(amount_minor__gt=0))]

    def __str__(self) -> str:
        return self.charge_ref
