"""Evidence in the console: a form that reads well, and files that are never shown as pages."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from payments.models import Dispute, DisputeEvidence, EvidenceFile
from tests.console.world import World
from tests.payments.test_evidence_files import PDF, PNG

SignIn = Callable[[str], Client]


@pytest.fixture
def dispute(world: World) -> Dispute:
    """An inquiry of a bank that waits for an answer."""
    return Dispute.objects.get()


def address(dispute: Dispute) -> str:
    return reverse("admin:payments_dispute_hand_in", args=[dispute.pk])


def post(browser: Client, dispute: Dispute, **answers: Any) -> Any:
    return browser.post(address(dispute), answers)


class TestTheForm:
    def test_asks_in_words(self, dispute: Dispute, sign_in: SignIn) -> None:
        text = sign_in("oscar").get(address(dispute)).content.decode()

        assert "Customer&#x27;s purchase IP address" in text
        assert "File: Shipping documentation" in text
        assert 'enctype="multipart/form-data"' in text
        assert "customer purchase ip" not in text.lower()

    def test_keeps_texts_and_files_and_has_them_sent(self, dispute: Dispute, sign_in: SignIn) -> None:
        browser = sign_in("oscar")

        answer = post(
            browser,
            dispute,
            product_description="A lamp.",
            file_receipt=SimpleUploadedFile("../../evil.pdf.exe", PDF, content_type="application/x-dosexec"),
            file_shipping_documentation=SimpleUploadedFile("parcel.png", PNG),
            final="on",
        )

        assert answer.status_code == 302
        evidence = DisputeEvidence.objects.get()
        files = {each.kind: each for each in EvidenceFile.objects.all()}
        assert evidence.params["files"] == {kind: each.pk for kind, each in files.items()}
        assert set(files) == {"receipt", "shipping_documentation"}
        receipt = files["receipt"]
        assert (receipt.media_type, receipt.submitted_by) == ("application/pdf", "user:oscar")
        assert receipt.name == f"receipt-{receipt.pk}.pdf"
        page = browser.get(reverse("admin:payments_dispute_change", args=[quote(dispute.pk)])).content.decode()
        assert receipt.name in page
        assert "evil" not in page
        assert "What was sold, File: Receipt, File: Shipping documentation" in page

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"<script>alert(1)</script>", "is neither a PDF nor a JPEG nor a PNG"),
            (b"", "is empty"),
            (PDF + b"x" * (5 * 1024 * 1024), "is larger than 5 MB"),
        ],
    )
    def test_names_the_field_of_a_bad_file_and_keeps_nothing(
        self, dispute: Dispute, sign_in: SignIn, content: bytes, words: str
    ) -> None:
        answer = post(sign_in("oscar"), dispute, file_receipt=SimpleUploadedFile("receipt.pdf", content), final="on")

        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert not EvidenceFile.objects.exists()

    def test_wants_a_text_or_a_file(self, dispute: Dispute, sign_in: SignIn) -> None:
        answer = post(sign_in("oscar"), dispute, final="on")

        assert "Give at least one text, or a file." in answer.content.decode()

    def test_is_not_for_everybody(self, dispute: Dispute, sign_in: SignIn) -> None:
        assert post(sign_in("augusto"), dispute, product_description="A lamp.").status_code == 403


class TestAFile:
    def test_is_handed_over_as_a_download_that_no_browser_runs(self, dispute: Dispute, sign_in: SignIn) -> None:
        post(sign_in("oscar"), dispute, file_receipt=SimpleUploadedFile("r.pdf", PDF), final="on")
        file = EvidenceFile.objects.get()
        path = reverse("admin:payments_dispute_file", args=[dispute.pk, file.pk])

        answer = sign_in("augusto").get(path)

        assert (answer.status_code, answer.content) == (200, PDF)
        assert answer.headers["Content-Disposition"] == f'attachment; filename="{file.name}"'
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert Client().get(path).status_code == 302
        other = reverse("admin:payments_dispute_file", args=["dsp_other", file.pk])
        assert sign_in("augusto").get(other).status_code == 404
