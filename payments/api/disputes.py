"""The endpoints of disputes: what a buyer's bank took back, and what is handed in against it."""

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described, page_example, page_parameters, page_serializer
from operations.api.idempotent import answered, key_of, replay_of
from operations.api.parsers import StrictJSONParser, body_of
from payments import selectors, services
from payments.api import examples, output
from payments.api import representations as show
from payments.api.instructions import common
from payments.api.serializers import LONGEST_BASE64, EvidenceFileInput, EvidenceInput
from payments.errors import UnknownDispute
from payments.states import DisputeState

DISPUTE_FILTERS = {
    "status": queries.choice("state", "in this state", DisputeState.values),
    "payment_order_id": queries.identifier("shares__order__payment_order_id", "about this payment order"),
    "opened_from": queries.moment("opened_at__gte", "opened at this instant or later"),
    "opened_before": queries.moment("opened_at__lt", "opened before this instant"),
}


class Disputes(APIView):
    """`/v1/disputes`."""

    @described(
        name="listDisputes",
        tag="disputes",
        summary="List disputes",
        shows=[Shown(status=200, body=page_serializer(output.DisputeOutput), example=page_example(examples.DISPUTE))],
        parameters=page_parameters(DISPUTE_FILTERS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return the storefront's disputes, newest first."""
        rows = selectors.disputes_of(storefront=storefront_of(request).slug)
        page, _ = queries.page_of(request, rows, filters=DISPUTE_FILTERS)
        waits = show.waits_of_disputes(page.rows)
        return Response(page.body(lambda row: show.dispute(row, waits)))


class Dispute(APIView):
    """`/v1/disputes/{dispute_id}`."""

    @described(
        name="getDispute",
        tag="disputes",
        summary="Get a dispute",
        shows=[Shown(status=200, body=output.DisputeOutput, example=examples.DISPUTE)],
        fails=[UnknownDispute],
    )
    def get(self, request: Request, dispute_id: str) -> Response:
        """Return one dispute, by our id, with what was handed in."""
        queries.no_parameters(request)
        found = selectors.disputes_of(storefront=storefront_of(request).slug).filter(pk=dispute_id).first()
        if found is None:
            raise UnknownDispute(dispute=dispute_id)
        return Response(show.dispute(found, show.waits_of_disputes([found])))


class Evidence(APIView):
    """`/v1/disputes/{dispute_id}/evidence`."""

    @described(
        name="submitEvidence",
        tag="disputes",
        summary="Hand in evidence",
        takes=EvidenceInput,
        example=examples.EVIDENCE,
        key=True,
        shows=[
            Shown(
                status=202,
                body=output.EvidenceOutput,
                example=examples.HANDED_IN,
                means="It is kept, and on its way to the provider.",
            )
        ],
        fails=[
            UnknownDispute,
            services.EvidenceNotWanted,
            services.EvidenceUnderWay,
            services.EvidenceTooLong,
            services.UnknownEvidenceFile,
            services.EvidenceFileRefused,
        ],
    )
    def post(self, request: Request, dispute_id: str) -> Response:
        """Hand in evidence: it is kept at once, and sent to the provider right after."""
        queries.no_parameters(request)
        key = key_of(request)
        data = EvidenceInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        evidence, key_id = services.submit_evidence(
            dispute=dispute_id,
            evidence=data.validated_data["evidence"],
            files=data.validated_data["files"],
            final=data.validated_data["final"],
            **common(request, key),
        )
        return replay_of(key_id=key_id) or answered(
            "evidence", key_id=key_id, status=status.HTTP_202_ACCEPTED, body=show.evidence(evidence)
        )


class FileParser(StrictJSONParser):
    """Takes bodies in which a whole file stands."""

    def longest(self) -> int:
        """Return how many bytes a body may have: a file in base 64, and the JSON around it."""
        return LONGEST_BASE64 + 10_000


class EvidenceFiles(APIView):
    """`/v1/disputes/{dispute_id}/files`."""

    parser_classes = (FileParser,)

    @described(
        name="submitEvidenceFile",
        tag="disputes",
        summary="Hand in a file as evidence",
        takes=EvidenceFileInput,
        example=examples.FILE,
        key=True,
        shows=[
            Shown(
                status=202,
                body=output.EvidenceFileOutput,
                example=examples.KEPT_FILE,
                means="It is kept, and on its way to the provider. Evidence may refer to it by its id at once.",
            )
        ],
        fails=[UnknownDispute, services.EvidenceNotWanted, services.TooManyEvidenceFiles],
    )
    def post(self, request: Request, dispute_id: str) -> Response:
        """Hand in a PDF, JPEG or PNG of at most 5 MB. It counts once evidence that refers to it is handed in."""
        queries.no_parameters(request)
        key = key_of(request)
        data = EvidenceFileInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        file, key_id = services.keep_evidence_file(
            dispute=dispute_id,
            kind=data.validated_data["kind"],
            content=data.validated_data["content"],
            **common(request, key),
        )
        return replay_of(key_id=key_id) or answered(
            "evidence_files", key_id=key_id, status=status.HTTP_202_ACCEPTED, body=show.evidence_file(file)
        )
