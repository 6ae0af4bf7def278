"""The endpoints of events and of where they are sent."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from operations.addresses import AddressRefused
from operations.api import queries
from operations.api.authentication import storefront_of
from operations.api.described import Shown, described, expand_parameter, page_example, page_parameters, page_serializer
from operations.api.idempotent import answered, fingerprint_of, key_of, replay_of
from operations.api.parsers import body_of
from payments import selectors, services
from payments.api import examples, output
from payments.api import representations as show
from payments.api.endpoint_inputs import EndpointChange, EndpointInput, ResendInput, RotationInput
from payments.errors import UnknownEndpoint, UnknownEvent
from payments.event_catalogue import EVENT_TYPES
from payments.states import EventDeliveryState

EVENT_FILTERS = {"type": queries.choice("type", "of this type", list(EVENT_TYPES)), **queries.CREATED}
EVENT_EXPANDS = {"deliveries": ("deliveries__tries",)}
ENDPOINT_FILTERS = {"enabled": queries.truth("enabled", "that are in use, or not")}
DELIVERY_FILTERS = {"status": queries.choice("state", "in this state", EventDeliveryState.values), **queries.CREATED}


class Events(APIView):
    """`/v1/events`."""

    @described(
        name="listEvents",
        tag="events",
        summary="List events",
        shows=[Shown(status=200, body=page_serializer(output.EventOutput), example=page_example(examples.EVENT))],
        parameters=page_parameters(EVENT_FILTERS, EVENT_EXPANDS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return what happened to the storefront's objects, newest first, whether an endpoint was told or not."""
        rows = selectors.events_of(storefront=storefront_of(request).slug)
        page, wanted = queries.page_of(request, rows, filters=EVENT_FILTERS, expand=EVENT_EXPANDS)
        return Response(page.body(lambda row: show.event(row, wanted)))


class Event(APIView):
    """`/v1/events/{event_id}`."""

    @described(
        name="getEvent",
        tag="events",
        summary="Get an event",
        shows=[Shown(status=200, body=output.EventOutput, example=examples.EVENT)],
        parameters=expand_parameter(EVENT_EXPANDS),
        fails=[queries.BadParameter, UnknownEvent],
    )
    def get(self, request: Request, event_id: str) -> Response:
        """Return one event, with each delivery and its tries on demand."""
        wanted = queries.expansions(request, EVENT_EXPANDS)
        rows = selectors.events_of(storefront=storefront_of(request).slug).filter(pk=event_id)
        found = queries.fetching(rows, wanted, EVENT_EXPANDS).first()
        if found is None:
            raise UnknownEvent(event=event_id)
        return Response(show.event(found, wanted))


class EventResend(APIView):
    """`/v1/events/{event_id}/resend`."""

    @described(
        name="resendEvent",
        tag="events",
        summary="Send an event again",
        takes=ResendInput,
        example={"endpoint_id": examples.KNOWN_ENDPOINT["id"]},
        key=True,
        shows=[Shown(status=202, body=output.EventOutput, example=examples.EVENT, means="It is on its way.")],
        fails=[UnknownEvent, services.NothingToSend],
    )
    def post(self, request: Request, event_id: str) -> Response:
        """Send an event again, to one endpoint or to each that wants it. It keeps its webhook-id."""
        queries.no_parameters(request)
        key = key_of(request)
        data = ResendInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        event, key_id = services.resend_event(
            storefront=storefront_of(request).slug,
            event=event_id,
            endpoint=data.validated_data.get("endpoint_id"),
            key=key,
            fingerprint=fingerprint_of(request),
            actor=storefront_of(request).actor,
            now=timezone.now(),
        )
        return replay_of(key_id=key_id) or answered(
            "events", key_id=key_id, status=status.HTTP_202_ACCEPTED, body=show.event(event)
        )


class Endpoints(APIView):
    """`/v1/webhook-endpoints`."""

    @described(
        name="listEndpoints",
        tag="webhook-endpoints",
        summary="List webhook endpoints",
        shows=[
            Shown(
                status=200, body=page_serializer(output.EndpointOutput), example=page_example(examples.KNOWN_ENDPOINT)
            )
        ],
        parameters=page_parameters(ENDPOINT_FILTERS),
        fails=[queries.BadParameter],
    )
    def get(self, request: Request) -> Response:
        """Return where the storefront wants to be told, newest first."""
        rows = selectors.endpoints_of(storefront=storefront_of(request).slug)
        page, _ = queries.page_of(request, rows, filters=ENDPOINT_FILTERS)
        return Response(page.body(show.endpoint))

    @described(
        name="createEndpoint",
        tag="webhook-endpoints",
        summary="Create a webhook endpoint",
        takes=EndpointInput,
        example=examples.ENDPOINT,
        key=True,
        shows=[
            Shown(status=201, body=output.EndpointWithSecretOutput, example=examples.SECRET, means="Keep the secret.")
        ],
        fails=[AddressRefused, services.UnknownEventTypes, services.TooManyEndpoints, services.EndpointGone],
    )
    def post(self, request: Request) -> Response:
        """Note where the storefront wants to be told; the secret is shown in this answer only."""
        queries.no_parameters(request)
        key = key_of(request)
        data = EndpointInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        endpoint, secret, key_id = services.create_endpoint(
            storefront=storefront_of(request).slug,
            key=key,
            fingerprint=fingerprint_of(request),
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        return replay_of(key_id=key_id) or answered(
            "endpoints", key_id=key_id, status=status.HTTP_201_CREATED, body=show.endpoint(endpoint, secret=secret)
        )


class Endpoint(APIView):
    """`/v1/webhook-endpoints/{endpoint_id}`."""

    @described(
        name="getEndpoint",
        tag="webhook-endpoints",
        summary="Get a webhook endpoint",
        shows=[Shown(status=200, body=output.EndpointOutput, example=examples.KNOWN_ENDPOINT)],
        fails=[UnknownEndpoint],
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Return one endpoint, without its secret."""
        queries.no_parameters(request)
        found = selectors.one_endpoint(storefront=storefront_of(request).slug, endpoint=endpoint_id)
        return Response(show.endpoint(found))

    @described(
        name="updateEndpoint",
        tag="webhook-endpoints",
        summary="Change a webhook endpoint",
        takes=EndpointChange,
        example={"enabled": True},
        shows=[Shown(status=200, body=output.EndpointOutput, example=examples.KNOWN_ENDPOINT)],
        fails=[UnknownEndpoint, AddressRefused, services.UnknownEventTypes],
    )
    def patch(self, request: Request, endpoint_id: str) -> Response:
        """Change what the body names, and nothing else."""
        queries.no_parameters(request)
        data = EndpointChange(data=body_of(request))
        data.is_valid(raise_exception=True)
        found = services.update_endpoint(
            storefront=storefront_of(request).slug,
            endpoint=endpoint_id,
            actor=storefront_of(request).actor,
            now=timezone.now(),
            **data.validated_data,
        )
        return Response(show.endpoint(found))

    @described(
        name="deleteEndpoint",
        tag="webhook-endpoints",
        summary="Delete a webhook endpoint",
        shows=[Shown(status=204, body=None, means="Nothing is sent to it any more.")],
        fails=[UnknownEndpoint],
    )
    def delete(self, request: Request, endpoint_id: str) -> Response:
        """Send nothing to an endpoint any more."""
        queries.no_parameters(request)
        services.delete_endpoint(
            storefront=storefront_of(request).slug,
            endpoint=endpoint_id,
            actor=storefront_of(request).actor,
            now=timezone.now(),
        )
        return Response(status=status.HTTP_204_NO_CONTENT)


class EndpointSecret(APIView):
    """`/v1/webhook-endpoints/{endpoint_id}/rotate-secret`."""

    @described(
        name="rotateEndpointSecret",
        tag="webhook-endpoints",
        summary="Rotate an endpoint's secret",
        takes=RotationInput,
        example={"overlap_hours": 24},
        key=True,
        shows=[
            Shown(status=201, body=output.EndpointWithSecretOutput, example=examples.SECRET, means="Keep the secret.")
        ],
        fails=[UnknownEndpoint],
    )
    def post(self, request: Request, endpoint_id: str) -> Response:
        """Make a new secret. For the overlap messages bear the signatures of both, so that none is refused."""
        queries.no_parameters(request)
        key = key_of(request)
        data = RotationInput(data=body_of(request))
        data.is_valid(raise_exception=True)
        endpoint, secret, key_id = services.rotate_secret(
            storefront=storefront_of(request).slug,
            endpoint=endpoint_id,
            overlap=timedelta(hours=data.validated_data["overlap_hours"]),
            key=key,
            fingerprint=fingerprint_of(request),
            actor=storefront_of(request).actor,
            now=timezone.now(),
        )
        body: dict[str, Any] = show.endpoint(endpoint, secret=secret)
        return replay_of(key_id=key_id) or answered(
            "endpoints", key_id=key_id, status=status.HTTP_201_CREATED, body=body
        )


class EndpointDeliveries(APIView):
    """`/v1/webhook-endpoints/{endpoint_id}/deliveries`."""

    @described(
        name="listEndpointDeliveries",
        tag="webhook-endpoints",
        summary="List what an endpoint was sent",
        shows=[
            Shown(status=200, body=page_serializer(output.DeliveryLogOutput), example=page_example(examples.DELIVERY))
        ],
        parameters=page_parameters(DELIVERY_FILTERS),
        fails=[queries.BadParameter, UnknownEndpoint],
    )
    def get(self, request: Request, endpoint_id: str) -> Response:
        """Return the endpoint's delivery log, newest first: each try with its status, its time and its answer."""
        rows = selectors.deliveries_to(storefront=storefront_of(request).slug, endpoint=endpoint_id)
        page, _ = queries.page_of(request, rows, filters=DELIVERY_FILTERS)
        return Response(page.body(show.delivery))
