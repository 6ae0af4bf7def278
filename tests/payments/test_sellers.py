"""A seller is made known once, and has one account at the provider whatever goes wrong on the way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from operations import failpoints
from operations.models import AuditEntry, Job
from payments.models import Seller
from payments.services import SellerExists, look_after_accounts, register_seller
from tests.committed import at_once, committed_db, committed_world
from tests.payments.faults import UNCLEAR, rule
from tests.snapshot import nothing_changes
from tests.world import World

__all__ = ["committed_db", "committed_world"]

BODY = {"seller_id": "ann", "name": "Ann", "country": "DE"}


def accounts(world: World) -> list[str]:
    """Return the connected accounts at the provider that carry a reference of ours."""
    return [a["id"] for a in world.provider.ledger()["accounts"] if (a["metadata"] or {}).get("reference")]


class TestRegister:
    def test_opens_one_account_and_remembers_who_asked(self, world: World) -> None:
        ann = world.open_seller("ann")

        assert accounts(world) == [ann.psp_account]
        assert ann.payouts_enabled
        assert AuditEntry.objects.get(subject=f"seller:{ann.pk}").actor == "storefront:acme"

    def test_changes_nothing_the_second_time(self, world: World) -> None:
        world.open_seller("ann")

        with nothing_changes():
            answer = world.shop.post("/v1/sellers", BODY)

        assert answer.status_code == 200
        assert world.work() == 0

    def test_refuses_another_person_under_the_same_id(self, world: World) -> None:
        world.open_seller("ann")

        with nothing_changes(), pytest.raises(SellerExists):
            register_seller(
                storefront="acme", seller_id="ann", name="Eve", country="DE", actor="user:eve", now=timezone.now()
            )

    def test_makes_one_seller_of_ten_requests_at_once(self, committed_world: World) -> None:
        def register() -> tuple[Seller, bool]:
            return register_seller(
                storefront="acme", seller_id="ann", name="Ann", country="DE", actor="user:oscar", now=timezone.now()
            )

        results: list[tuple[Seller, bool]] = at_once([register] * 10)

        assert [created for _, created in results].count(True) == 1
        committed_world.work()
        assert accounts(committed_world) == [Seller.objects.get().psp_account]


class TestTheAccount:
    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_is_opened_once_however_the_answer_was_lost(self, world: World, fault: str) -> None:
        world.provider.plan([rule("account.create", fault)])
        world.open_seller("ann")

        world.work(later=timedelta(minutes=1))

        assert accounts(world) == [Seller.objects.get().psp_account]
        assert Job.objects.get(kind="payments.open_seller_account").state == "done"

    def test_is_opened_once_by_a_process_that_died_before_it_had_stored_it(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", "money_tx:sellers.record_account:before_commit=raise")
        world.open_seller("ann")

        world.work(later=timedelta(minutes=1))

        assert accounts(world) == [Seller.objects.get().psp_account]

    def test_is_looked_for_before_it_is_asked_for_again_under_a_key_that_grew_old(self, world: World) -> None:
        cut = rule("account.create", "cut after")
        world.provider.plan([cut, rule("account.list", "cut before")])
        world.open_seller("ann")
        assert Seller.objects.get().psp_account == ""
        posts = [c for c in world.provider.calls() if c["method"] == "POST"]

        world.work(later=timedelta(hours=21))

        assert accounts(world) == [Seller.objects.get().psp_account]
        assert [c for c in world.provider.calls() if c["method"] == "POST"] == posts

    def test_follows_what_the_provider_allows(self, world: World) -> None:
        ann = world.open_seller("ann")
        world.settle()

        world.provider.set_account(ann.psp_account, capabilities={"transfers": "inactive"})
        world.settle()

        ann.refresh_from_db()
        assert not ann.payouts_enabled

    def test_that_the_provider_refuses_ends_with_a_person(self, world: World) -> None:
        refusal = {"op": "account.create", "action": "error_5xx", "args": {"when": "before", "status": 400}}
        world.provider.plan([refusal])

        world.open_seller("ann")

        letter = Job.objects.get(kind="payments.open_seller_account")
        assert letter.state == "dead"
        assert "AccountRefused" in letter.last_error


class TestLookingAfterAnAccount:
    """The provider tells of an account by a webhook, and by nothing else: what is lost there is asked for."""

    def test_finds_out_that_it_is_paid_out_to_again_though_the_webhook_was_lost(self, world: World) -> None:
        ann = world.open_seller("ann")
        world.settle()
        transfers(world, ann, "inactive")
        world.settle()
        assert not Seller.objects.get().payouts_enabled

        transfers(world, ann, "active")
        world.provider.take_webhooks()
        world.work(later=timedelta(minutes=11))

        assert Seller.objects.get().payouts_enabled
        assert watches() == ["done"]

    def test_goes_on_while_it_is_not_and_ends_when_the_webhook_comes(self, world: World) -> None:
        ann = world.open_seller("ann")
        world.settle()
        transfers(world, ann, "inactive")
        world.settle()
        world.work(later=timedelta(minutes=11))
        assert watches() == ["todo"]

        transfers(world, ann, "active")
        world.settle()

        assert watches() == ["done"]

    def test_finds_out_at_night_that_it_is_not_any_more(self, world: World) -> None:
        ann = world.open_seller("ann")
        world.settle()
        transfers(world, ann, "inactive")
        world.provider.take_webhooks()

        assert [look_after_accounts(now=timezone.now()) for _ in range(2)] == [1, 0]
        world.work()

        assert not Seller.objects.get().payouts_enabled
        assert watches() == ["todo"]
        assert look_after_accounts(now=timezone.now() + timedelta(days=1)) == 0

    def test_asks_each_night_anew(self, world: World) -> None:
        world.open_seller("ann")
        world.settle()
        tonight = timezone.now()

        for night in range(3):
            assert look_after_accounts(now=tonight + timedelta(days=night)) == 1
            world.work(later=timedelta(days=night))

        assert watches() == []

    def test_gives_one_that_nobody_asks_for_its_job_back(self, world: World) -> None:
        ann = world.open_seller("ann")
        world.settle()
        Seller.objects.update(payouts_enabled=False)

        assert look_after_accounts(now=timezone.now()) == 1
        world.work()

        ann.refresh_from_db()
        assert ann.payouts_enabled


def transfers(world: World, seller: Seller, state: str) -> None:
    """Have the provider allow payouts to a seller, or not."""
    world.provider.set_account(seller.psp_account, capabilities={"transfers": state})


def watches() -> list[str]:
    """Return the states of the jobs that look after accounts, the oldest first."""
    return [job.state for job in Job.objects.filter(kind="payments.watch_seller_account").order_by("pk")]
