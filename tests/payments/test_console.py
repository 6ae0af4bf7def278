"""The console's pages on refunds that wait and on disputes."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from config.roles import write_roles
from payments.models import DisputeEvidence, Refund, Seller
from tests.payments.dispute_steps import decide, open_dispute
from tests.payments.test_refunds import refund
from tests.world import World

SignIn = Callable[..., Client]


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """Sign a person in, with some permissions."""
    write_roles()

    def signed_in(name: str, *codenames: str) -> Client:
        person, _ = User.objects.get_or_create(username=name, is_staff=True)
        person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client = Client()
        client.force_login(person)
        return client

    return signed_in


def text_of(browser: Client, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


class TestTheRefundPage:
    HANDS = ("view_refund", "change_approval", "view_approval")

    @pytest.fixture(autouse=True)
    def waiting(self, world: World, ann: Seller, settings: Any) -> None:
        settings.REFUND_APPROVAL_LIMIT_MINOR = {"EUR": 0}
        world.sell("cart-1", {"ann": "100.00"})
        refund(world, "40.00")

    def page(self, hand: str = "") -> str:
        found = Refund.objects.get()
        change = reverse("admin:payments_refund_change", args=[found.pk])
        return reverse(f"admin:payments_refund_{hand}", args=[found.pk]) if hand else change

    def test_lets_a_second_person_grant_it(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("anna", *self.HANDS)
        assert "Approve" in text_of(browser, self.page())

        browser.post(self.page("approve"), {"note": "seen the photo"})
        world.settle()

        assert (Refund.objects.get().state, Refund.objects.get().approved_by) == ("succeeded", "user:anna")
        assert "Refund succeeded" in text_of(browser, self.page())

    def test_lets_a_second_person_reject_it(self, sign_in: SignIn) -> None:
        sign_in("anna", *self.HANDS).post(self.page("reject"), {"reason": "not damaged"})

        assert Refund.objects.get().state == "canceled"

    def test_is_no_hand_without_the_permission(self, sign_in: SignIn) -> None:
        answer = sign_in("vera", "view_refund").post(self.page("approve"), {"note": ""})

        assert (answer.status_code, Refund.objects.get().state) == (403, "requested")

    def test_says_that_a_refund_failed_late(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("anna", *self.HANDS)
        browser.post(self.page("approve"), {"note": ""})
        world.settle()
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()

        text = text_of(browser, self.page())

        assert "failed late" in text
        assert "Refund failed late" in text

    def test_and_the_checkouts_say_what_is_asked_when_it_fails_late(self, world: World, sign_in: SignIn) -> None:
        browser = sign_in("anna", *self.HANDS, "view_checkout")
        browser.post(self.page("approve"), {"note": ""})
        world.settle()
        world.provider.end_refund(str(Refund.objects.get().psp_ref), failed=True)
        world.settle()

        checkout = reverse("admin:payments_checkout_change", args=[Refund.objects.get().order.checkout_id])

        for page in (self.page(), checkout):
            assert "of cart-1.ann could not be given back" in text_of(browser, page)


class TestTheDisputePage:
    @pytest.fixture(autouse=True)
    def sold(self, world: World, ann: Seller) -> None:
        world.sell("cart-1", {"ann": "100.00"})

    def test_shows_what_is_at_stake_and_the_books_behind_it(self, world: World, sign_in: SignIn) -> None:
        dispute = decide(world, open_dispute(world), won=False)
        browser = sign_in("vera", "view_dispute")

        text = text_of(browser, reverse("admin:payments_dispute_change", args=[dispute.pk]))

        for expected in (
            "At stake",
            "cart-1.ann",
            "Dispute opened",
            "Dispute fee charged",
            "Dispute lost",
            "needs response",
        ):
            assert expected in text
        assert dispute.pk in text_of(browser, reverse("admin:payments_dispute_changelist"))

    def test_takes_evidence_from_whoever_may(self, world: World, sign_in: SignIn) -> None:
        dispute = open_dispute(world)
        browser = sign_in("oscar", "view_dispute", "change_dispute")
        address = reverse("admin:payments_dispute_hand_in", args=[dispute.pk])
        assert "Tracking number" in text_of(browser, address)

        browser.post(address, {"shipping_tracking_number": "JD014600003RS", "final": "on"})
        world.settle()

        evidence = DisputeEvidence.objects.get()
        assert (evidence.state, evidence.submitted_by) == ("accepted", "user:oscar")
        dispute.refresh_from_db()
        assert dispute.state == "under_review"

    @pytest.mark.parametrize("body", [{"final": "on"}, {"customer_name": "4242424242424242"}])
    def test_keeps_nothing_that_is_wrong(self, world: World, sign_in: SignIn, body: dict[str, str]) -> None:
        dispute = open_dispute(world)
        browser = sign_in("oscar", "view_dispute", "change_dispute")

        answer = browser.post(reverse("admin:payments_dispute_hand_in", args=[dispute.pk]), body)

        assert (answer.status_code, DisputeEvidence.objects.count()) == (200, 0)

    def test_takes_none_from_others(self, world: World, sign_in: SignIn) -> None:
        dispute = open_dispute(world)

        answer = sign_in("vera", "view_dispute").post(
            reverse("admin:payments_dispute_hand_in", args=[dispute.pk]), {"customer_name": "Bea"}
        )

        assert (answer.status_code, DisputeEvidence.objects.count()) == (403, 0)

    def test_is_counted_in_the_sidebar_while_evidence_is_wanted(self, world: World, sign_in: SignIn) -> None:
        open_dispute(world)

        text = text_of(sign_in("vera", "view_dispute"), reverse("admin:index"))

        titles = re.findall(r"<span>([^<]+)</span>\s*<span class=\"[^\"]*\">\s*(\d+)", text)
        assert ("Disputes", "1") in titles


class TestTheSellerPage:
    def test_lets_an_approver_agree_who_bears_lost_disputes(self, ann: Seller, sign_in: SignIn) -> None:
        browser = sign_in("anna", "view_seller", "change_seller")
        address = reverse("admin:payments_seller_agree", args=[ann.pk])
        assert "the seller, as usual" in text_of(browser, address)

        browser.post(address, {"borne_by": "platform", "reason": "a large account"})

        ann.refresh_from_db()
        assert ann.disputes_borne_by == "platform"
        page = text_of(browser, reverse("admin:payments_seller_change", args=[ann.pk]))
        assert "a large account" in page

    @pytest.mark.parametrize("body", [{"borne_by": "nobody", "reason": "because"}, {"borne_by": "platform"}])
    def test_changes_nothing_that_is_wrong_or_unsaid(self, ann: Seller, sign_in: SignIn, body: dict[str, str]) -> None:
        sign_in("anna", "change_seller").post(reverse("admin:payments_seller_agree", args=[ann.pk]), body)

        ann.refresh_from_db()
        assert ann.disputes_borne_by == ""
