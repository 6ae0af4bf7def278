import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from ledger.selectors import wallets_of
from operations.models import ApiKey, Approval, AuditEntry, HumanTask, Job, StopSwitch
from operations.services import BadApiKey, authenticate_storefront, issue_api_key
from payments.models import Checkout, EventDelivery, Surplus, WebhookEndpoint, WebhookEvent
from payouts.models import Batch
from reconciliation.models import Discrepancy
from tests.console.journals import text_of
from tests.console.whole import a_discrepancy
from tests.console.world import World, brl

SignIn = Callable[[str], Client]


def messages_of(browser: Client, page: str) -> str:
    return browser.get(page).content.decode()


def page_of(batch: Batch, hand: str = "change") -> str:
    name = f"admin:payouts_batch_{hand}"
    return reverse(name, args=[batch.pk])


class TestApproveBatch:
    def test_shows_what_is_decided_before_it_is(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()

        page = sign_in("anna").get(page_of(batch, "approve"))

        assert page.status_code == 200
        text = page.content.decode()
        assert "Approve this batch of R$135.45?" in text
        assert "Ann&#x27;s Lamps" in text
        assert "weekly run" in text
        assert Batch.objects.get().state == "proposed"

    def test_has_a_second_person_send_the_payouts(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()

        answer = sign_in("anna").post(page_of(batch, "approve"), {"note": "all delivered"})

        batch.refresh_from_db()
        approval = Approval.objects.get(subject=f"batch:{batch.pk}")
        assert answer["Location"] == page_of(batch)
        assert (batch.state, batch.decided_by) == ("approved", "user:anna")
        assert (approval.state, approval.checker, approval.note) == ("granted", "user:anna", "all delivered")
        assert Job.objects.filter(kind="payouts.send_payout").count() == batch.payouts_count

    def test_is_reached_by_the_links_that_people_follow(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()
        browser = sign_in("anna")
        listed = browser.get(reverse("admin:payouts_batch_changelist")).content.decode()
        [row] = set(re.findall(r'href="(/admin/payouts/batch/bat[^"?]+/change/)', listed))
        [button] = re.findall(r'href="(/admin/payouts/batch/[^"]+/approve/)"', browser.get(row).content.decode())

        browser.post(button, {"note": ""})

        batch.refresh_from_db()
        assert batch.state == "approved"

    def test_acts_once_however_often_it_is_posted(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()
        browser = sign_in("anna")

        browser.post(page_of(batch, "approve"), {"note": ""})
        browser.post(page_of(batch, "approve"), {"note": ""})

        assert "there is nothing left to decide" in messages_of(browser, page_of(batch))
        assert AuditEntry.objects.filter(action="payouts.batch.approved").count() == 1

    @pytest.mark.parametrize("hand", ["approve", "reject"])
    def test_is_not_for_the_maker_even_an_administrator(self, hand: str, world: World, sign_in: SignIn) -> None:
        world.release(world.sale(("Cleo's Clocks", brl(5_000))))
        batch = world.batch(maker="user:admin")
        browser = sign_in("admin")

        page = browser.get(page_of(batch)).content.decode()
        asked = browser.get(page_of(batch, hand)).content.decode()
        browser.post(page_of(batch, hand), {"note": "mine", "reason": "mine"})

        why = "You proposed this batch: a second person must approve or reject it."
        assert why in page
        assert page_of(batch, hand) not in page
        assert why in asked
        assert why in messages_of(browser, page_of(batch))
        batch.refresh_from_db()
        assert batch.state == "proposed"
        assert Approval.objects.get(subject=f"batch:{batch.pk}").state == "requested"

    def test_says_so_when_payouts_are_stopped(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()
        StopSwitch.objects.filter(name="payouts").update(stopped=True, reason="the books are not proved")
        browser = sign_in("anna")

        browser.post(page_of(batch, "approve"), {"note": ""})

        assert "the books are not proved" in messages_of(browser, page_of(batch))
        assert Batch.objects.get().state == "proposed"


class TestRejectBatch:
    def test_makes_the_money_available_again(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()
        seller = batch.payouts.order_by("pk")[0]

        sign_in("anna").post(page_of(batch, "reject"), {"reason": "a delivery is disputed"})

        batch.refresh_from_db()
        wallet = wallets_of(sellers=[seller.seller_id])[seller.seller_id][0]
        assert batch.state == "canceled"
        assert wallet.available == seller.amount
        assert Approval.objects.get(subject=f"batch:{batch.pk}").note == "a delivery is disputed"

    def test_needs_a_reason(self, world: World, sign_in: SignIn) -> None:
        batch = Batch.objects.get()

        answer = sign_in("anna").post(page_of(batch, "reject"), {"reason": " "})

        assert answer.status_code == 200
        assert Batch.objects.get().state == "proposed"


class TestWords:
    @pytest.mark.bad_input("B35")
    @pytest.mark.parametrize(("hand", "field"), [("reject", "reason"), ("approve", "note")])
    def test_with_a_card_number_are_refused_at_their_field(
        self, world: World, sign_in: SignIn, hand: str, field: str
    ) -> None:
        batch = Batch.objects.get()

        answer = sign_in("anna").post(page_of(batch, hand), {field: "Cleo paid with 4242 4242 4242 4242"})

        assert answer.status_code == 200
        assert answer.context["form"].errors == {
            field: ["This looks like a card number, which is never kept here."],
        }
        assert Batch.objects.get().state == "proposed"

    @pytest.mark.bad_input("B25")
    @pytest.mark.parametrize("text", ["first\x85second", "first\u2028second", "a \x1b[31mred one"])
    def test_with_a_control_character_are_refused_too(self, world: World, sign_in: SignIn, text: str) -> None:
        answer = sign_in("anna").post(page_of(Batch.objects.get(), "reject"), {"reason": text})

        assert answer.context["form"].errors == {"reason": ["This holds a control character."]}
        assert Batch.objects.get().state == "proposed"

    def test_may_have_several_lines(self, world: World, sign_in: SignIn) -> None:
        sign_in("anna").post(page_of(Batch.objects.get(), "reject"), {"reason": "first\r\nsecond"})

        assert Batch.objects.get().state == "canceled"


class TestProposeBatch:
    def test_reserves_what_is_available(self, world: World, sign_in: SignIn) -> None:
        world.release(world.sale(("Cleo's Clocks", brl(5_000))))
        browser = sign_in("oscar")

        browser.post(reverse("admin:payouts_batch_propose"), {"currency": "BRL", "reason": "Cleo asked"})

        batch = Batch.objects.get(proposed_by="user:oscar", payouts_count=1)
        assert batch.total == brl(4_500)
        assert Approval.objects.get(subject=f"batch:{batch.pk}").reason == "Cleo asked"

    def test_says_so_when_there_is_nothing(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")

        browser.post(reverse("admin:payouts_batch_propose"), {"currency": "BRL", "reason": "once more"})

        assert "No seller has BRL to be paid out" in messages_of(browser, reverse("admin:payouts_batch_changelist"))
        assert Batch.objects.count() == 1


class TestReplayJob:
    def test_puts_a_dead_letter_back_with_its_reason(self, world: World, sign_in: SignIn) -> None:
        job = Job.objects.get(state="dead")

        sign_in("oscar").post(reverse("admin:operations_job_replay", args=[job.pk]), {"reason": "provider is back"})

        job.refresh_from_db()
        told = AuditEntry.objects.get(action="operations.job.replayed")
        assert (job.state, job.attempts) == ("todo", 0)
        assert (told.actor, told.facts["reason"]) == ("user:oscar", "provider is back")

    def test_leaves_a_living_job_alone(self, world: World, sign_in: SignIn) -> None:
        job = Job.objects.get(state="dead")
        browser = sign_in("oscar")
        address = reverse("admin:operations_job_replay", args=[job.pk])

        browser.post(address, {"reason": "first"})
        browser.post(address, {"reason": "second"})

        assert AuditEntry.objects.filter(action="operations.job.replayed").count() == 1


class TestReplayEvent:
    @pytest.fixture
    def ignored(self, world: World) -> Callable[[str], WebhookEvent]:
        """Keep an event of some type, on which nothing depended when it came."""

        def keep(type: str) -> WebhookEvent:
            facts = {"object_id": "cs_1", "payload": "{}", "state": "ignored", "received_at": world.now}
            return WebhookEvent.objects.create(psp="stripe", event_id="evt_old", type=type, **facts)

        return keep

    def test_acts_on_what_was_kept_before_anything_depended_on_its_type(
        self, sign_in: SignIn, ignored: Callable[[str], WebhookEvent]
    ) -> None:
        event = ignored("checkout.session.completed")
        browser, address = sign_in("oscar"), reverse("admin:payments_webhookevent_replay", args=[event.pk])
        assert address in messages_of(browser, reverse("admin:payments_webhookevent_change", args=[event.pk]))

        browser.post(address, {"reason": "there is a handler now"})

        assert Job.objects.filter(kind="payments.handle_event", args__webhook=event.pk, state="todo").exists()

    def test_is_not_offered_of_what_nothing_depends_on(
        self, sign_in: SignIn, ignored: Callable[[str], WebhookEvent]
    ) -> None:
        event = ignored("payment_intent.created")
        browser, address = sign_in("oscar"), reverse("admin:payments_webhookevent_replay", args=[event.pk])
        assert address not in messages_of(browser, reverse("admin:payments_webhookevent_change", args=[event.pk]))

        answer = browser.post(address, {"reason": "all the same"}, follow=True)

        assert "Nothing here depends on events of this type." in answer.content.decode()
        assert not Job.objects.filter(kind="payments.handle_event", args__webhook=event.pk).exists()


class TestDiscrepancy:
    def test_is_assigned(self, world: World, sign_in: SignIn) -> None:
        found = a_discrepancy()

        sign_in("oscar").post(reverse("admin:reconciliation_discrepancy_assign", args=[found.pk]), {"owner": "vera"})

        found = Discrepancy.objects.get(pk=found.pk)
        assert (found.state, found.owner) == ("assigned", "vera")

    def test_is_assigned_only_to_somebody_who_signs_in(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("oscar")
        User.objects.filter(username="augusto").update(is_active=False)
        address = reverse("admin:reconciliation_discrepancy_assign", args=[a_discrepancy().pk])

        for nobody in ("victor", "augusto"):
            answer = browser.post(address, {"owner": nobody})
            assert f"Nobody signs in as {nobody}." in answer.content.decode()

        assert Discrepancy.objects.get(pk=a_discrepancy().pk).state == "open"

    def test_says_on_its_page_who_can_fix_it(self, world: World, sign_in: SignIn) -> None:
        page = sign_in("vera").get(reverse("admin:reconciliation_discrepancy_change", args=[a_discrepancy().pk]))

        assert "manual known; finance fixes it by hand" in text_of(page)

    def test_is_resolved_with_a_note(self, world: World, sign_in: SignIn) -> None:
        found = a_discrepancy()
        address = reverse("admin:reconciliation_discrepancy_resolve", args=[found.pk])

        sign_in("oscar").post(address, {"reason": "the provider corrected it"})

        found = Discrepancy.objects.get(pk=found.pk)
        assert (found.state, found.note) == ("resolved", "the provider corrected it")


class TestStopSwitch:
    def test_is_pulled_and_released_with_reasons(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("anna")

        browser.post(reverse("admin:operations_stopswitch_pull", args=["payouts"]), {"reason": "bank holiday"})
        pulled = StopSwitch.objects.get(name="payouts")
        browser.post(reverse("admin:operations_stopswitch_release", args=["payouts"]), {"reason": "it is over"})
        released = StopSwitch.objects.get(name="payouts")

        assert (pulled.stopped, pulled.reason, pulled.changed_by) == (True, "bank holiday", "user:anna")
        assert (released.stopped, released.reason) == (False, "it is over")

    def test_cannot_be_invented(self, world: World, sign_in: SignIn) -> None:
        address = reverse("admin:operations_stopswitch_pull", args=["sunlight"])

        answer = sign_in("anna").post(address, {"reason": "too bright"})

        assert answer.status_code == 404
        assert not StopSwitch.objects.filter(name="sunlight").exists()


class TestRevokeApiKey:
    def test_makes_the_key_worthless(self, world: World, sign_in: SignIn) -> None:
        secret = issue_api_key(slug="demo", label="leaked", actor="system:test", now=world.now)
        key = ApiKey.objects.get(label="leaked")

        sign_in("admin").post(reverse("admin:operations_apikey_revoke", args=[key.pk]))

        with pytest.raises(BadApiKey):
            authenticate_storefront(secret=secret, now=world.now)


class TestSendAgain:
    def test_sends_a_message_to_its_endpoint_once_more(self, world: World, sign_in: SignIn) -> None:
        delivery = EventDelivery.objects.order_by("pk")[0]
        address = reverse("admin:payments_eventdelivery_resend", args=[delivery.pk])

        page = sign_in("oscar").get(address).content.decode()
        sign_in("oscar").post(address, {"reason": "they lost it"})

        delivery.refresh_from_db()
        assert delivery.event_id in page
        assert (delivery.state, delivery.round, delivery.tries_left) == ("waiting", 2, 25)
        assert Job.objects.filter(kind="payments.deliver_event", key=f"{delivery.pk}:2").exists()
        entry = AuditEntry.objects.get(action="payments.event.resent")
        assert (entry.actor, entry.facts["reason"]) == ("user:oscar", "they lost it")

    def test_is_refused_for_an_endpoint_that_is_not_in_use(self, world: World, sign_in: SignIn) -> None:
        delivery = EventDelivery.objects.order_by("pk")[0]
        WebhookEndpoint.objects.update(enabled=False, disabled_reason="it answered 410 Gone")
        browser = sign_in("oscar")

        browser.post(reverse("admin:payments_eventdelivery_resend", args=[delivery.pk]), {"reason": "please"})

        delivery.refresh_from_db()
        assert delivery.state == "delivered"
        page = browser.get(reverse("admin:payments_webhookendpoint_change", args=[delivery.endpoint_id]))
        assert "Nothing is sent to this endpoint: it answered 410 Gone." in page.content.decode()


class TestPermission:
    """Each hand is for the role that has it; the page answers 403 to everybody else, and nothing happens."""

    HANDS: tuple[tuple[str, type[Model] | None, set[str]], ...] = (
        ("admin:payouts_batch_approve", Batch, {"anna"}),
        ("admin:payouts_batch_reject", Batch, {"anna"}),
        ("admin:payouts_batch_propose", None, {"oscar"}),
        ("admin:operations_job_replay", Job, {"oscar"}),
        ("admin:operations_humantask_close", HumanTask, {"oscar"}),
        ("admin:payments_surplus_send_again", Surplus, {"oscar"}),
        ("admin:payments_checkout_let_pass", Checkout, {"anna"}),
        ("admin:payments_checkout_refuse", Checkout, {"anna"}),
        ("admin:payments_eventdelivery_resend", EventDelivery, {"oscar"}),
        ("admin:reconciliation_discrepancy_assign", Discrepancy, {"oscar"}),
        ("admin:reconciliation_discrepancy_resolve", Discrepancy, {"oscar"}),
        ("admin:operations_stopswitch_pull", StopSwitch, {"oscar", "anna"}),
        ("admin:operations_stopswitch_release", StopSwitch, {"anna"}),
        ("admin:operations_apikey_revoke", ApiKey, set()),
    )

    def test_is_asked_of_every_role(self, world: World, sign_in: SignIn, subtests: pytest.Subtests) -> None:
        browsers = {name: sign_in(name) for name in ("vera", "oscar", "anna", "augusto")}
        for hand, model, allowed in self.HANDS:
            with subtests.test(hand=hand):
                address = reverse(hand, args=[model._default_manager.all()[0].pk] if model else [])

                answers = {name: browser.get(address).status_code for name, browser in browsers.items()}
                posted = {browsers[name].post(address, {}).status_code for name in browsers.keys() - allowed}

                assert {name for name, status in answers.items() if status == 200} == allowed
                assert posted == {403}
