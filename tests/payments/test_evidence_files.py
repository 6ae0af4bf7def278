"""Files as evidence: checked by their content, kept here, uploaded once, and referred to."""

import base64
import hashlib
from typing import Any

import pytest
import requests

from operations import failpoints
from operations.edges import money_tx
from operations.lifecycle import move
from operations.models import AuditEntry
from payments.models import Dispute, DisputeEvidence, EvidenceFile, Seller
from payments.services.evidence_files import MOST_BYTES
from tests.api.problems import assert_problem
from tests.database.attacks import attack
from tests.payments.dispute_steps import days, decide, hand_in, open_dispute
from tests.payments.faults import DONE, UNCLEAR, rule
from tests.snapshot import nothing_changes
from tests.world import Shop, World

PDF = b"%PDF-1.7\n1 0 obj <<>> endobj\ntrailer <<>>\n%%EOF\n"
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20 + b"\xff\xd9"
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNkYAAAAAYAAjCB0C8AAAAASUVORK5CYII=")
SOON = days(1) / 1440


def upload(
    world: World,
    dispute: Dispute,
    content: bytes = PDF,
    *,
    kind: str = "receipt",
    key: str = "f1",
    by: Shop | None = None,
) -> Any:
    """Hand in a file through the API."""
    body = {"kind": kind, "content": base64.b64encode(content).decode()}
    return (by or world.shop).post(f"/v1/disputes/{dispute.pk}/files", body, key=key)


def at_the_provider(world: World) -> list[dict[str, Any]]:
    """Return the evidence files that the provider has."""
    found: list[dict[str, Any]] = provider_says(world, "/v1/files?purpose=dispute_evidence")["data"]
    return found


def provider_says(world: World, path: str) -> Any:
    """Return what the provider answers to whoever has its key."""
    headers = {"Authorization": "Bearer sk_test_sandbox"}
    return requests.get(world.provider.base_url + path, headers=headers, timeout=10).json()


class TestAFile:
    @pytest.mark.parametrize(
        ("content", "media_type", "ending"),
        [(PDF, "application/pdf", "pdf"), (JPEG, "image/jpeg", "jpg"), (PNG, "image/png", "png")],
    )
    def test_is_what_its_content_says_and_has_a_name_of_ours(
        self, world: World, sold: Seller, content: bytes, media_type: str, ending: str
    ) -> None:
        dispute = open_dispute(world)

        answer = upload(world, dispute, content)

        row = EvidenceFile.objects.get()
        assert answer.status_code == 202, answer.content
        assert answer.json() == {
            "id": row.pk,
            "kind": "receipt",
            "name": f"receipt-{row.pk}.{ending}",
            "media_type": media_type,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "status": "requested",
            "failure_reason": "",
            "created_at": row.created_at.isoformat(),
        }
        assert bytes(row.content) == content
        [entry] = AuditEntry.objects.filter(action="payments.dispute.file")
        assert (entry.actor, entry.subject) == ("storefront:acme", f"dispute:{dispute.pk}")

    def test_is_uploaded_under_its_name(self, world: World, sold: Seller) -> None:
        upload(world, open_dispute(world))
        world.work()

        row = EvidenceFile.objects.get()
        [found] = at_the_provider(world)
        assert (found["id"], found["filename"], found["size"]) == (row.psp_ref, row.name, len(PDF))
        assert (found["type"], found["purpose"], row.state) == ("pdf", "dispute_evidence", "accepted")
        content = requests.get(found["url"], headers={"Authorization": "Bearer sk_test_sandbox"}, timeout=10).content
        assert content == PDF

    def test_counts_once_evidence_refers_to_it(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        receipt = upload(world, dispute).json()["id"]
        parcel = upload(world, dispute, PNG, kind="shipping_documentation", key="f2").json()["id"]

        answer = hand_in(world, dispute, files=[receipt, parcel])
        world.work()
        world.settle()
        world.work(later=SOON)

        assert (answer.status_code, answer.json()["files"]) == (202, sorted([receipt, parcel]))
        shown = world.shop.get(f"/v1/disputes/{dispute.pk}").json()
        assert shown["status"] == "under_review"
        assert [(each["kind"], each["status"]) for each in shown["files"]] == [
            ("receipt", "accepted"),
            ("shipping_documentation", "accepted"),
        ]
        refs = {each.kind: each.psp_ref for each in EvidenceFile.objects.all()}
        told = provider_says(world, f"/v1/disputes/{dispute.psp_ref}")
        assert {kind: told["evidence"][kind] for kind in refs} == refs

    def test_may_be_all_the_evidence_that_there_is(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        file = upload(world, dispute).json()["id"]

        answer = world.shop.post(f"/v1/disputes/{dispute.pk}/evidence", {"files": [file]}, key="e1")
        world.work(later=SOON)
        world.work(later=SOON)

        assert answer.status_code == 202
        assert DisputeEvidence.objects.get().state == "accepted"

    def test_is_waited_for_by_the_evidence(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        world.provider.plan([rule("file.create", "cut before", times=1)])
        file = upload(world, dispute).json()["id"]
        hand_in(world, dispute, files=[file])
        world.work()
        assert (EvidenceFile.objects.get().state, DisputeEvidence.objects.get().state) == ("unknown", "requested")

        world.work(later=SOON)
        world.work(later=SOON)

        assert (EvidenceFile.objects.get().state, DisputeEvidence.objects.get().state) == ("accepted", "accepted")

    def test_that_the_provider_refuses_takes_the_evidence_with_it(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        file = upload(world, dispute).json()["id"]
        hand_in(world, dispute, files=[file])
        with money_tx("test"):
            row = EvidenceFile.objects.get(pk=file)
            move(row, "send", actor="system:test", now=row.created_at)
            move(row, "refuse", actor="psp:stripe", now=row.created_at, reason="invalid_file_type", last_error="no PDF")
        world.work(later=SOON)

        evidence = DisputeEvidence.objects.get()
        assert (evidence.state, evidence.last_error) == ("refused", "the provider refused a file that it refers to")
        assert_problem(hand_in(world, dispute, key="e2", files=[file]), 422, "unknown_evidence_file", field="files")

    def test_is_the_same_under_the_same_key(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        first, again = upload(world, dispute), upload(world, dispute)

        assert (again.status_code, again.json()) == (202, first.json())
        assert EvidenceFile.objects.count() == 1
        assert_problem(upload(world, dispute, PNG), 422, "idempotency_key_reused")

    def test_is_answered_under_the_same_key_as_the_first_time(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        first = upload(world, dispute)
        world.settle()

        again = upload(world, dispute)

        assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
        assert EvidenceFile.objects.get().state == "accepted" != first.json()["status"]

    @pytest.mark.parametrize("fault", UNCLEAR)
    def test_gets_there_once_however_the_answer_was_lost(self, world: World, sold: Seller, fault: str) -> None:
        dispute = open_dispute(world)
        world.provider.plan([rule("file.create", fault, times=1)])
        upload(world, dispute)

        world.work()
        assert EvidenceFile.objects.get().state == "unknown"
        world.work(later=SOON)

        assert EvidenceFile.objects.get().state == "accepted"
        assert len(at_the_provider(world)) == 1

    @pytest.mark.parametrize("fault", DONE)
    def test_that_was_uploaded_is_found_by_its_name_and_not_sent_again(
        self, world: World, sold: Seller, fault: str
    ) -> None:
        dispute = open_dispute(world)
        world.provider.plan([rule("file.create", fault)])
        upload(world, dispute)
        world.work()
        sent = len(world.provider.calls())

        world.work(later=SOON)

        assert [call for call in world.provider.calls()[sent:] if call["method"] == "POST"] == []
        assert EvidenceFile.objects.get().psp_ref == at_the_provider(world)[0]["id"]

    def test_survives_a_crash_between_the_beats(
        self, world: World, sold: Seller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload(world, open_dispute(world))
        failpoints.reset()
        monkeypatch.setenv("COUNTERFOIL_FAILPOINTS", "psp.call:file.upload:after_response=raise")
        world.work()
        assert EvidenceFile.objects.get().state == "sending"

        world.work(later=SOON)

        assert (EvidenceFile.objects.get().state, len(at_the_provider(world))) == ("accepted", 1)


class TestABadFile:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "is empty"),
            (b"%PDF-1.7\n" + b"x" * MOST_BYTES, "larger than 5 MB"),
            (b"<html><script>alert(1)</script>", "neither a PDF nor a JPEG nor a PNG"),
            (b"GIF89a" + PDF, "neither a PDF nor a JPEG nor a PNG"),
            (b"MZ\x90\x00" + PDF, "neither a PDF nor a JPEG nor a PNG"),
            (b" " + PDF, "neither a PDF nor a JPEG nor a PNG"),
            (b"%PDF-1.7\n<html>", "does not end as one"),
            (PNG[:-8], "does not end as one"),
            (JPEG[:-2], "does not end as one"),
        ],
    )
    def test_is_refused_by_name_and_changes_nothing(
        self, world: World, sold: Seller, content: bytes, words: str
    ) -> None:
        dispute = open_dispute(world)

        with nothing_changes():
            answer = upload(world, dispute, content)

        body = assert_problem(answer, 422, "invalid", field="content")
        assert words in str(body["errors"])

    @pytest.mark.parametrize(
        ("body", "field"),
        [
            ({"kind": "receipt"}, "content"),
            ({"kind": "receipt", "content": 1}, "content"),
            ({"kind": "receipt", "content": "not base 64!"}, "content"),
            ({"kind": "receipt", "content": "ÄÖÜ"}, "content"),
            ({"kind": "virus", "content": "JVBERi0="}, "kind"),
            ({"kind": ["receipt"], "content": "JVBERi0="}, "kind"),
            ({"content": "JVBERi0="}, "kind"),
            ({"kind": "receipt", "content": "JVBERi0=", "name": "../../receipt.pdf.exe"}, "name"),
        ],
    )
    def test_is_refused_for_what_stands_around_it(
        self, world: World, sold: Seller, body: dict[str, Any], field: str
    ) -> None:
        dispute = open_dispute(world)

        with nothing_changes():
            answer = world.shop.post(f"/v1/disputes/{dispute.pk}/files", body, key="f1")

        assert_problem(answer, 422, "invalid", field=field)

    def test_is_refused_before_it_fills_the_memory(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        assert_problem(upload(world, dispute, PDF + b"x" * 6_000_000), 413, "body_too_large")

    def test_of_the_largest_size_is_taken(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        content = PDF[:-6] + b"x" * (MOST_BYTES - len(PDF)) + PDF[-6:]

        assert upload(world, dispute, content).status_code == 202
        world.work()

        assert (EvidenceFile.objects.get().state, EvidenceFile.objects.get().size) == ("accepted", MOST_BYTES)

    def test_is_one_too_many(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        for number in range(20):
            assert upload(world, dispute, key=f"f{number}").status_code == 202

        assert_problem(upload(world, dispute, key="f20"), 409, "too_many_evidence_files")

    def test_is_not_taken_for_another_storefronts_dispute_or_a_decided_one(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        assert_problem(upload(world, dispute, by=world.other_shop), 404, "unknown_dispute")

        assert_problem(upload(world, decide(world, dispute, won=True)), 409, "evidence_not_wanted")

    def test_of_another_dispute_cannot_be_referred_to(self, world: World, sold: Seller) -> None:
        first = open_dispute(world)
        file = upload(world, first).json()["id"]
        world.sell("cart-2", {"ann": "50.00"})
        second = open_dispute(world)

        assert_problem(hand_in(world, second, files=[file]), 422, "unknown_evidence_file", field="files")
        assert_problem(hand_in(world, second, files=["evf_nope"]), 422, "unknown_evidence_file", field="files")

    def test_of_a_kind_that_is_there_already_cannot_be_referred_to(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)
        files = [upload(world, dispute, key=key).json()["id"] for key in ("f1", "f2")]

        assert_problem(hand_in(world, dispute, files=files), 422, "evidence_file_refused", field="files")

    def test_is_no_evidence_where_there_is_none(self, world: World, sold: Seller) -> None:
        dispute = open_dispute(world)

        answer = world.shop.post(f"/v1/disputes/{dispute.pk}/evidence", {"files": []}, key="e1")

        assert_problem(answer, 422, "invalid", field="evidence")


class TestPostgresql:
    @pytest.mark.parametrize(
        ("statement", "match"),
        [
            ("UPDATE payments_evidencefile SET content = '\\x00'", "is frozen"),
            ("UPDATE payments_evidencefile SET kind = 'refund_policy'", "is frozen"),
            ("UPDATE payments_evidencefile SET psp_ref = 'file_other'", "is frozen"),
            ("UPDATE payments_evidencefile SET state = 'requested'", "cannot move"),
            ("DELETE FROM payments_evidencefile", "what is written there stays"),
            ("SET CONSTRAINTS ALL IMMEDIATE; TRUNCATE payments_evidencefile", "what is written there stays"),
            (
                "INSERT INTO payments_evidencefile (id, dispute_id, kind, name, media_type, size, sha256, content,"
                " psp_key, state, last_error, submitted_by, created_at) SELECT 'evf_2', dispute_id, kind, 'x.pdf',"
                " media_type, size, sha256, '\\x00', 'k', 'requested', '', 'attacker', now()"
                " FROM payments_evidencefile",
                "is not what it says it is",
            ),
            (
                "INSERT INTO payments_evidencefile (id, dispute_id, kind, name, media_type, size, sha256, content,"
                " psp_key, state, last_error, submitted_by, created_at) SELECT 'evf_2', dispute_id, kind, 'x.exe',"
                " 'application/x-dosexec', size, sha256, content, 'k', 'requested', '', 'attacker', now()"
                " FROM payments_evidencefile",
                "evidence_file_of_a_taken_type",
            ),
        ],
    )
    def test_refuses_to_change_a_file(self, world: World, sold: Seller, statement: str, match: str) -> None:
        upload(world, open_dispute(world))
        world.work()

        attack(statement, match=match)
