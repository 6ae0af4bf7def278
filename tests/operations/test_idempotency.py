"""Idempotency keys: claimed once, resumed after a crash, answered for ever after (or for a day)."""

from datetime import datetime, timedelta
from functools import partial

import pytest
from django.utils import timezone

from operations import idempotency
from operations.edges import NotInTransaction, money_tx
from operations.idempotency import Claim, KeyReused, RequestInProgress, fingerprint
from operations.models import IdempotencyKey
from tests.committed import at_once, committed_db

__all__ = ["committed_db"]


def claim(*, key: str = "k", scope: str = "storefront:acme", body: str = "a", now: datetime | None = None) -> Claim:
    with money_tx("test"):
        return idempotency.claim(scope=scope, key=key, fingerprint=body, now=now or timezone.now())


def answer(claimed: Claim) -> None:
    with money_tx("test"):
        idempotency.bind(key_id=claimed.key_id, subject="chk_1")
        idempotency.answer(key_id=claimed.key_id, status=201, body={"id": "chk_1"})


@pytest.mark.django_db
class TestClaim:
    def test_takes_a_key_that_nobody_has(self) -> None:
        claimed = claim()

        assert (claimed.fresh, claimed.answered, claimed.subject) == (True, False, "")

    def test_must_be_in_the_transaction_that_writes_the_intent(self) -> None:
        with pytest.raises(NotInTransaction):
            idempotency.claim(scope="s", key="k", fingerprint="a", now=timezone.now())

    def test_is_refused_for_another_request(self) -> None:
        claim(body="a")

        with pytest.raises(KeyReused):
            claim(body="b")

    def test_is_refused_for_another_request_even_when_the_first_was_answered(self) -> None:
        answer(claim(body="a"))

        with pytest.raises(KeyReused):
            claim(body="b")

    def test_waits_while_the_first_holder_lives(self) -> None:
        claim()

        with pytest.raises(RequestInProgress):
            claim()

    def test_returns_the_stored_answer(self) -> None:
        answer(claim())

        again = claim()

        assert (again.fresh, again.response_status, again.response_body) == (False, 201, {"id": "chk_1"})

    def test_hands_a_dead_holders_key_over_once(self) -> None:
        first = claim()
        with money_tx("test"):
            idempotency.bind(key_id=first.key_id, subject="chk_1")
        IdempotencyKey.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

        taken = claim()

        assert (taken.fresh, taken.answered, taken.subject) == (False, False, "chk_1")
        with pytest.raises(RequestInProgress):
            claim()

    def test_judges_a_lease_by_the_databases_clock_alone(self) -> None:
        claim()

        with pytest.raises(RequestInProgress):
            claim(now=timezone.now() + timedelta(hours=2))

    def test_hands_a_key_over_at_once_that_was_let_go(self) -> None:
        first = claim()
        with money_tx("test"):
            idempotency.let_go(key_id=first.key_id)

        assert not claim().fresh

    @pytest.mark.bad_input("B28")
    def test_keeps_clients_apart(self) -> None:
        answer(claim(scope="storefront:acme"))

        assert claim(scope="storefront:bolt").fresh

    def test_forgets_an_answered_key_after_its_life(self) -> None:
        answer(claim())

        assert not claim(now=timezone.now() + timedelta(hours=23)).fresh
        assert claim(now=timezone.now() + timedelta(hours=25), body="b").fresh

    def test_never_forgets_a_key_that_was_not_answered(self) -> None:
        first = claim()
        with money_tx("test"):
            idempotency.let_go(key_id=first.key_id)

        with pytest.raises(KeyReused):
            claim(now=timezone.now() + timedelta(days=30), body="b")

    def test_keeps_no_forgotten_key_for_good(self) -> None:
        now = timezone.now()
        answer(claim(key="of yesterday", now=now - timedelta(hours=25)))
        answer(claim(key="of today", now=now - timedelta(hours=23)))
        claim(key="never answered", now=now - timedelta(days=9))

        assert idempotency.forget(now=now) == 1

        assert set(IdempotencyKey.objects.values_list("key", flat=True)) == {"of today", "never answered"}

    def test_leaves_no_key_behind_when_the_intent_fails(self) -> None:
        def fail_halfway() -> None:
            with money_tx("test"):
                idempotency.claim(scope="storefront:acme", key="k", fingerprint="a", now=timezone.now())
                raise LookupError

        with pytest.raises(LookupError):
            fail_halfway()

        assert claim(body="b").fresh


class TestARace:
    @pytest.mark.bad_input("B27")
    def test_is_won_by_one_of_twenty_at_once(self, committed_db: None) -> None:
        results = at_once([partial(claim)] * 20)

        fresh = [found for found in results if isinstance(found, Claim)]
        assert [found.fresh for found in fresh] == [True]
        assert sum(isinstance(found, RequestInProgress) for found in results) == 19


class TestFingerprint:
    def test_is_the_same_for_the_same_request_however_it_was_written(self) -> None:
        one = fingerprint(method="POST", path="/v1/payments", body={"a": "1", "b": ["ü"]})

        assert one == fingerprint(method="POST", path="/v1/payments", body={"b": ["ü"], "a": "1"})

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("PUT", "/v1/payments", {"a": "1"}),
            ("POST", "/v1/refunds", {"a": "1"}),
            ("POST", "/v1/payments", {"a": "2"}),
            ("POST", "/v1/payments", {"a": 1}),
            ("POST", "/v1/payments", {"a": "1", "b": None}),
            ("POST", "/v1/payments", [{"a": "1"}]),
        ],
    )
    def test_is_another_for_another_request(self, method: str, path: str, body: object) -> None:
        one = fingerprint(method="POST", path="/v1/payments", body={"a": "1"})

        assert one != fingerprint(method=method, path=path, body=body)
