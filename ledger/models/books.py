"""The tables of the books. Rows are written by the posting function only, and never changed."""

from decimal import Decimal

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from ledger.chart import AccountType
from ledger.exchanges import Exchange as Facts
from ledger.exchanges import RateSnapshot
from ledger.money import MinorMoney


class Account(models.Model):
    """One account of the chart in one currency, opened by its first posting."""

    code = models.TextField()
    currency = models.CharField(max_length=3)
    type = models.TextField(choices=[(kind.value, kind.value) for kind in AccountType])
    guarded = models.BooleanField(help_text="its balance is stored, and the database refuses to let it go below zero")
    held = models.BooleanField(help_text="each of its items is a hold, which resolves exactly once")
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code", "currency"], name="account_unique_code_currency"),
            # What a line's composite foreign key points at: its currency is its account's.
            models.UniqueConstraint(fields=["id", "currency"], name="account_unique_id_currency"),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"


class Balance(models.Model):
    """The stored balance of a guarded account, on its normal side, with all that posting needs of the account."""

    account = models.OneToOneField(Account, on_delete=models.PROTECT, primary_key=True)
    code = models.TextField(help_text="its account's")
    currency = models.CharField(max_length=3, help_text="its account's")
    sign = models.SmallIntegerField(help_text="what a debit of one does to it: 1 or -1")
    balance_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(name="balance_not_negative", condition=models.Q(balance_minor__gte=0)),
            models.UniqueConstraint(fields=["currency", "code"], name="balance_unique_currency_code"),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}: {self.balance_minor}"


class Hold(models.Model):
    """Money set aside under one item of an account, until what it waits for comes to pass, once."""

    # Never used by itself: PostgreSQL knows a hold by its account and item.
    pk = models.CompositePrimaryKey("account_id", "item")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="holds", db_index=False)
    item = models.TextField()
    held_minor = models.BigIntegerField(help_text="what is left of it, on the account's normal side")

    class Meta:
        constraints = [
            models.CheckConstraint(name="hold_not_negative", condition=models.Q(held_minor__gte=0)),
            # Under no item everything is one hold, and nothing tells when it was resolved.
            models.CheckConstraint(name="hold_has_an_item", condition=~models.Q(item="")),
        ]

    def __str__(self) -> str:
        return f"{self.account_id} {self.item}: {self.held_minor}"


class JournalEntry(models.Model):
    """One business event in the books: a balanced set of lines, written once."""

    recipe = models.TextField()
    reference = models.TextField(help_text="the provider's object id, or our own")
    subject = models.TextField(blank=True, help_text="what it is about, as kind:id")
    description = models.TextField(blank=True)
    actor = models.TextField()
    business_date = models.DateField(help_text="the open day it was booked into")
    value_date = models.DateField(help_text="the day the money moved in the outside world")
    line_count = models.SmallIntegerField(help_text="fixed when the entry is written")
    digest = models.BinaryField(help_text="of its lines, to tell a repetition from a contradiction")
    recorded_at = models.DateTimeField()
    txid = models.BigIntegerField(help_text="the number of the transaction that wrote it")

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [models.UniqueConstraint(fields=["recipe", "reference"], name="entry_unique_recipe_reference")]
        indexes = [
            models.Index(fields=["subject"], name="entry_by_subject", condition=~models.Q(subject="")),
            # Days follow ids, so a few pages of ranges find a day; a tree would cost every posting.
            BrinIndex(fields=["business_date"], name="entry_by_business_date", pages_per_range=16, autosummarize=True),
        ]

    def __str__(self) -> str:
        return f"Entry {self.pk}: {self.recipe.replace('_', ' ')}"


class JournalLine(models.Model):
    """One debit (positive) or credit (negative) on one account. The table is partitioned by business date."""

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="lines", db_constraint=False)
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(help_text="debit positive, credit negative")
    item = models.TextField(blank=True, help_text="the open item it belongs to")
    balance_after_minor = models.BigIntegerField(null=True, help_text="of a guarded account, on its normal side")
    business_date = models.DateField(help_text="its entry's")
    value_date = models.DateField(help_text="its entry's")
    recorded_at = models.DateTimeField(help_text="its entry's")
    txid = models.BigIntegerField(help_text="its entry's")

    amount = MinorMoney("amount_minor")

    class Meta:
        # Made by ledger/sql/tables.sql, with its keys and constraints: Django knows no partitions.
        managed = False
        db_table = "ledger_journalline"

    def __str__(self) -> str:
        return f"{self.entry_id}/{self.position}"


class Seal(models.Model):
    """What the books say is final: every entry below a transaction number, hashed onto the seal before.

    The floors are where a reader may begin to look for lines that the seal does not cover.
    """

    entries = models.PositiveBigIntegerField(help_text="how many it covers itself")
    txid = models.BigIntegerField(help_text="it covers what was written below this transaction number")
    entry_floor = models.BigIntegerField(help_text="entries that it does not cover have a greater id")
    line_floor = models.BigIntegerField(help_text="lines that it does not cover have a greater id")
    date_floor = models.DateField(help_text="lines that it does not cover have this business date, or a later one")
    previous_hash = models.BinaryField(help_text="the seal's before, 32 zero bytes at the beginning")
    hash = models.BinaryField(help_text="SHA-256 of the previous hash and of those of its entries, by id")
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["previous_hash"], name="seal_chain_does_not_fork")]

    def __str__(self) -> str:
        return f"{self.pk}: {bytes(self.hash).hex()[:16]}"


class Checkpoint(models.Model):
    """The sums of an account's sealed lines up to a day, by either of their dates: what balances are read from."""

    pk = models.CompositePrimaryKey("account_id", "day")
    account = models.ForeignKey(Account, on_delete=models.PROTECT, related_name="checkpoints", db_index=False)
    day = models.DateField(help_text="one on which a line was booked, or had its value")
    debit_minor = models.BigIntegerField(help_text="by business date, debits positive")
    value_debit_minor = models.BigIntegerField(help_text="by value date, debits positive")

    def __str__(self) -> str:
        return f"{self.account_id} {self.day}: {self.debit_minor}"


class Exchange(models.Model):
    """The facts of a currency exchange: three amounts, the fee and the rate, written with its entry."""

    entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, primary_key=True, related_name="exchange")
    presentment_minor = models.BigIntegerField(help_text="what was sold")
    presentment_currency = models.CharField(max_length=3)
    settlement_minor = models.BigIntegerField(help_text="what came for it")
    settlement_currency = models.CharField(max_length=3)
    ledger_minor = models.BigIntegerField(help_text="in the settlement currency: what was sold, converted at the rate")
    fee_minor = models.BigIntegerField(help_text="what the provider kept back")
    fee_currency = models.CharField(max_length=3)
    exponent_shift = models.SmallIntegerField(help_text="decimals of the settlement currency less the other's")
    base = models.CharField(max_length=3)
    quote = models.CharField(max_length=3)
    rate_digits = models.BigIntegerField(help_text="1 base = digits / 10^scale quote")
    rate_scale = models.SmallIntegerField()
    said_at = models.DateTimeField()
    source = models.TextField()

    presentment = MinorMoney("presentment_minor", "presentment_currency")
    settlement = MinorMoney("settlement_minor", "settlement_currency")
    ledger = MinorMoney("ledger_minor", "settlement_currency")
    fee = MinorMoney("fee_minor", "fee_currency")

    def __str__(self) -> str:
        return f"{self.presentment} for {self.settlement}"

    @property
    def value(self) -> Facts:
        """Return the facts as a value."""
        return Facts(
            presentment=self.presentment,
            settlement=self.settlement,
            ledger=self.ledger,
            fee=self.fee,
            rate=RateSnapshot(
                base=self.base,
                quote=self.quote,
                rate=Decimal(self.rate_digits).scaleb(-self.rate_scale),
                source=self.source,
                at=self.said_at,
            ),
        )


class ClosedDay(models.Model):
    """A business day that is locked: nothing can be booked into it or before it any more."""

    business_date = models.DateField(primary_key=True)
    closed_by = models.TextField()
    closed_at = models.DateTimeField()
    entries = models.PositiveBigIntegerField(help_text="journal entries of the days that were closed with it")
    digest = models.TextField(help_text="SHA-256 over those entries, after the digest before")

    def __str__(self) -> str:
        return str(self.business_date)


class Proof(models.Model):
    """One run of verify_books, and what it found."""

    green = models.BooleanField()
    findings = models.JSONField(default=list)
    entries = models.PositiveBigIntegerField()
    seal = models.ForeignKey(
        Seal, null=True, on_delete=models.PROTECT, related_name="+", help_text="up to which the journal was proved"
    )
    full = models.BooleanField(default=True, help_text="proved from the first entry, not only what was new")
    ran_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{'Proved' if self.green else 'NOT proved'} at {self.ran_at:%Y-%m-%d %H:%M}"
