"""What the API reads of a storefront's webhook endpoints and their messages."""

from operations.api.serializers import IdentifierField, StrictCharField, StrictSerializer
from payments.api.serializers import EventTypesField, TruthField, WholeNumberField


class EndpointInput(StrictSerializer):
    """Where a storefront wants to be told, and of which events; no types means all."""

    url = StrictCharField(max_length=2000)
    description = StrictCharField(max_length=200, required=False, default="", allow_blank=True)
    event_types = EventTypesField(required=False, default=list)


class EndpointChange(StrictSerializer):
    """What is to be changed of an endpoint."""

    url = StrictCharField(max_length=2000, required=False)
    description = StrictCharField(max_length=200, required=False, allow_blank=True)
    event_types = EventTypesField(required=False)
    enabled = TruthField(required=False)


class RotationInput(StrictSerializer):
    """How long the old secret signs beside the new one."""

    overlap_hours = WholeNumberField(max_value=7 * 24, required=False, default=24)


class ResendInput(StrictSerializer):
    """Where an event is to be sent again; without an endpoint, to each that wants it."""

    endpoint_id = IdentifierField(required=False)
