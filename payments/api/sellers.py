"""The endpoints of sellers: who they are, what they have with us, and their statement of a period."""

from typing import Any

from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ledger.money import UnknownCurrency, exponent
from ledger.reports import Period, PeriodReversed, seller_statement
from ledger.selectors import wallets, wallets_of
from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described, page_example, page_parameters, page_serializer
from operations.api.parsers import body_of
from payments import models, selectors, services
from payments.api import examples, output
from payments.api import representations as show
from payments.api.serializers import SellerInput

FILTERS = {
    "country": queries.identifier("country", "of this country"),
    "payouts_enabled": queries.truth("payouts_enabled", "that may be paid out, or not"),
    **queries.CREATED,
}
EXPANDS: dict[str, tuple[str, ...]] = {"balances": ()}
_DAY = {"type": "string", "format": "date"}
PERIOD = [
    OpenApiParameter("currency", {"type": "string", "pattern": "^[A-Z]{3}$"}, OpenApiParameter.QUERY, required=True),
    OpenApiParameter("from", _DAY, OpenApiParameter.QUERY, required=True, description="The first business day."),
    OpenApiParameter("until", _DAY, OpenApiParameter.QUERY, required=True, description="The last business day."),
]


class Sellers(APIView):
    """`/v1/sellers`."""

    @described(
        name="listSellers",
        tag="sellers",
        summary="List sellers",
        shows=[
            Shown(status=200, body=page_serializer(output.SellerOutput), example=page_example(examples.KNOWN_SELLER))
        ],
        parameters=page_parameters(FILTERS, EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return the storefront's sellers, newest first."""
        rows = selectors.sellers_of(storefront=storefront_of(request).slug)
        page, wanted = queries.page_of(request, rows, filters=FILTERS, expand=EXPANDS)
        if "balances" not in wanted:
            return Response(page.body(show.seller))
        found = wallets_of(sellers=[row.pk for row in page.rows])
        return Response(page.body(lambda row: show.seller(row, found.get(row.pk, []))))

    @described(
        name="registerSeller",
        tag="sellers",
        summary="Register a seller",
        takes=SellerInput,
        example=examples.SELLER,
        shows=[
            Shown(status=201, body=output.SellerOutput, example={**examples.KNOWN_SELLER, "balances": []}),
            Shown(
                status=200,
                body=output.SellerOutput,
                example={**examples.KNOWN_SELLER, "balances": []},
                means="Known already, with the same terms; nothing changed.",
            ),
        ],
        fails=[services.SellerExists, services.TaxUnnamed],
    )
    def post(self, request: Request) -> Response:
        """Make a seller known; the same seller again changes nothing."""
        queries.no_parameters(request)
        data = SellerInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        seller, created = services.register_seller(
            storefront=storefront_of(request).slug,
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(show.seller(seller, []), status=code)


class Seller(APIView):
    """`/v1/sellers/{seller_id}`."""

    @described(
        name="getSeller",
        tag="sellers",
        summary="Get a seller",
        shows=[Shown(status=200, body=output.SellerOutput, example=examples.KNOWN_SELLER)],
    )
    def get(self, request: Request, seller_id: str) -> Response:
        """Return a seller and what we owe them."""
        queries.no_parameters(request)
        seller = _seller(request, seller_id)
        return Response(show.seller(seller, wallets(seller=seller.pk)))


class SellerBalance(APIView):
    """`/v1/sellers/{seller_id}/balance`."""

    @described(
        name="getSellerBalance",
        tag="sellers",
        summary="Get a seller's balance",
        shows=[Shown(status=200, body=output.BalanceOutput, example=examples.BALANCE)],
    )
    def get(self, request: Request, seller_id: str) -> Response:
        """Return a seller's wallets, as the books have them now."""
        queries.no_parameters(request)
        seller = _seller(request, seller_id)
        body: dict[str, Any] = {"seller_id": seller_id}
        body["balances"] = [show.wallet(each) for each in wallets(seller=seller.pk)]
        return Response(body)


class SellerStatement(APIView):
    """`/v1/sellers/{seller_id}/statement`."""

    @described(
        name="getSellerStatement",
        tag="sellers",
        summary="Get a seller's statement",
        shows=[Shown(status=200, body=output.StatementOutput, example=examples.STATEMENT)],
        parameters=PERIOD,
        fails=[queries.BadParameter, PeriodReversed],
    )
    def get(self, request: Request, seller_id: str) -> Response:
        """Return what moved a seller's wallet of one currency between two business days."""
        queries.only(request, "currency", "from", "until")
        currency = queries.required(request, "currency", _currency)
        first, last = (queries.business_day(request, name) for name in ("from", "until"))
        seller = _seller(request, seller_id)
        found = seller_statement(seller=seller.pk, currency=currency, period=Period(since=first, until=last))
        return Response(show.statement(found, seller_id))


def _seller(request: Request, seller_id: str) -> "models.Seller":
    found = selectors.sellers_of(storefront=storefront_of(request).slug).filter(seller_id=seller_id).first()
    if found is None:
        # In a body it is a mistake in the request; here it is the address that leads nowhere.
        raise Http404
    return found


def _currency(text: str) -> str:
    try:
        exponent(text)
    except UnknownCurrency as error:
        raise ValueError("it must be the ISO 4217 code, in capitals, of a currency that can be paid in") from error
    return text
