from functools import partial

from django.db import models

from operations.ids import new_id
from operations.lifecycle import StateField, StatefulModel, with_transitions
from payments.states import EVIDENCE_FILE, EvidenceFileState


class EvidenceKind(models.TextChoices):
    """What a file shows, by the provider's names."""

    CANCELLATION_POLICY = "cancellation_policy", "Cancellation policy, as shown to the customer"
    CUSTOMER_COMMUNICATION = "customer_communication", "Communication with the customer"
    CUSTOMER_SIGNATURE = "customer_signature", "Customer's signature"
    DUPLICATE_CHARGE_DOCUMENTATION = "duplicate_charge_documentation", "Documentation of the other charge"
    RECEIPT = "receipt", "Receipt"
    REFUND_POLICY = "refund_policy", "Refund policy, as shown to the customer"
    SERVICE_DOCUMENTATION = "service_documentation", "Documentation of the service"
    SHIPPING_DOCUMENTATION = "shipping_documentation", "Shipping documentation"
    UNCATEGORIZED_FILE = "uncategorized_file", "Anything else"


@with_transitions(EVIDENCE_FILE)
class EvidenceFile(StatefulModel):
    """A file that was handed in for a dispute. It is kept here, sent by itself, and then referred to in evidence."""

    id = models.CharField(primary_key=True, max_length=40, default=partial(new_id, "evf"), editable=False)
    dispute = models.ForeignKey("payments.Dispute", on_delete=models.PROTECT, related_name="files")
    kind = models.TextField(choices=EvidenceKind.choices, help_text="what it shows")
    name = models.TextField(unique=True, help_text="ours; what it was called elsewhere is not kept")
    media_type = models.TextField(help_text="by its content")
    size = models.PositiveIntegerField(help_text="in bytes")
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    psp_key = models.TextField(unique=True, help_text="our idempotency key at the provider")
    psp_ref = models.TextField(null=True, unique=True, help_text="the provider's file")  # noqa: DJ001 - unique
    state = StateField(choices=EvidenceFileState.choices, default=EvidenceFileState.REQUESTED)
    last_error = models.TextField(blank=True)
    submitted_by = models.TextField()
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="evidence_file_of_a_taken_type",
                condition=models.Q(media_type__in=["application/pdf", "image/jpeg", "image/png"]),
            ),
            models.CheckConstraint(
                name="evidence_file_within_size", condition=models.Q(size__gt=0, size__lte=5 * 1024 * 1024)
            ),
            models.CheckConstraint(
                name="evidence_file_accepted_with_a_reference",
                condition=~models.Q(state="accepted") | models.Q(psp_ref__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name
