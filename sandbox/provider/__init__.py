"""A stand-in payment provider that speaks Stripe's wire format from a process and a store of its own."""
