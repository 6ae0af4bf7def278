"""Errors that several verbs of money in share."""

from operations.errors import DomainError


class UnknownSeller(DomainError):
    """There is no seller {seller_account!r} in this storefront."""

    code = "unknown_seller"


class UnknownPayment(DomainError):
    """There is no payment {payment_id!r} in this storefront."""

    code = "unknown_payment"


class AmountNotRepresentable(DomainError):
    """The provider {psp} takes {currency} only in steps of {step}, and {amount} is none."""

    code = "amount_not_representable"


class AmountTooSmall(DomainError):
    """The provider {psp} charges at least {limit}, and this is {amount}."""

    code = "amount_too_small"


class AmountTooLarge(DomainError):
    """The provider {psp} charges at most {limit}, and this is {amount}."""

    code = "amount_too_large"


class NoProvider(DomainError):
    """No payment provider can take this payment: {reasons}."""

    code = "no_provider"


class UnknownDispute(DomainError):
    """There is no dispute {dispute!r} in this storefront."""

    code = "unknown_dispute"


class ProviderUnclear(DomainError):
    """{what} was sent at {sent_at} and the provider never said what became of it: a person must look."""

    code = "provider_unclear"


class NotKnownYet(DomainError):
    """{what} is not known here yet."""

    code = "not_known_yet"
    retryable = True


class UnknownEvent(DomainError):
    """There is no event {event!r} in this storefront."""

    code = "unknown_event"


class UnknownEndpoint(DomainError):
    """There is no webhook endpoint {endpoint!r} in this storefront."""

    code = "unknown_endpoint"
