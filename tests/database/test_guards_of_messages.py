"""What was told to storefronts stays told, however it is attacked: raw SQL, as the owner of the tables."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from payments.models import DeliveryTry, EndpointSecret, EventDelivery, StorefrontEvent, WebhookEndpoint
from tests.world import make_shop


@pytest.fixture
def delivery(db: None) -> EventDelivery:
    """A message on its way, with one try behind it."""
    now, slug = timezone.now(), make_shop("acme").slug
    endpoint = WebhookEndpoint.objects.create(storefront_id=slug, url="https://shop.example/hooks", created_at=now)
    EndpointSecret.objects.create(endpoint=endpoint, secret="whsec_old", created_at=now, expires_at=now)
    EndpointSecret.objects.create(endpoint=endpoint, secret="whsec_new", created_at=now)
    event = StorefrontEvent.objects.create(storefront_id=slug, type="payment.succeeded", payload={}, created_at=now)
    made = EventDelivery.objects.create(event=event, endpoint=endpoint, tries_left=25, created_at=now)
    DeliveryTry.objects.create(delivery=made, at=now, status=500, milliseconds=7)
    return made


ATTACKS = {
    "change a message": "UPDATE payments_storefrontevent SET payload = '{}'",
    "delete a message": "DELETE FROM payments_storefrontevent",
    "empty the messages": "TRUNCATE payments_storefrontevent CASCADE",
    "change a try": "UPDATE payments_deliverytry SET status = 200",
    "delete a try": "DELETE FROM payments_deliverytry",
    "deliver without saying when": "UPDATE payments_eventdelivery SET state = 'delivered'",
    "an unknown state": "UPDATE payments_eventdelivery SET state = 'lost'",
    "from failed to delivered": "UPDATE payments_eventdelivery SET state = 'failed'; "
    "UPDATE payments_eventdelivery SET state = 'delivered', delivered_at = now()",
    "negative tries": "UPDATE payments_eventdelivery SET tries_left = -1",
    "another secret": "UPDATE payments_endpointsecret SET secret = 'whsec_mine'",
    "a secret that lives again": "UPDATE payments_endpointsecret SET expires_at = now() + interval '1 year' "
    "WHERE secret = 'whsec_old'",
    "two current secrets": "INSERT INTO payments_endpointsecret (endpoint_id, secret, created_at) "
    "SELECT id, 'whsec_two', now() FROM payments_webhookendpoint",
    "disabled without a reason": "UPDATE payments_webhookendpoint SET enabled = false",
    "deleted and in use": "UPDATE payments_webhookendpoint SET deleted_at = now()",
    "a delivery twice": "INSERT INTO payments_eventdelivery (id, event_id, endpoint_id, state, round, tries_left, "
    "created_at) SELECT 'dlv_2', event_id, endpoint_id, 'waiting', 1, 25, now() FROM payments_eventdelivery",
    "a delivery that begins delivered": "INSERT INTO payments_eventdelivery (id, event_id, endpoint_id, state, round, "
    "tries_left, created_at, delivered_at) SELECT 'dlv_2', 'evt_2', endpoint_id, 'delivered', 1, 25, now(), now() "
    "FROM payments_eventdelivery",
}


class TestPostgresql:
    @pytest.mark.parametrize("attack", ATTACKS)
    def test_refuses(self, delivery: EventDelivery, attack: str) -> None:
        with pytest.raises((DatabaseError, IntegrityError)), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ATTACKS[attack])

    def test_lets_a_secret_end_once(self, delivery: EventDelivery) -> None:
        EndpointSecret.objects.filter(secret="whsec_new").update(expires_at=timezone.now())

        assert not EndpointSecret.objects.filter(expires_at=None).exists()
