"""The console's two bases: a window that shows and never writes, and a hand that asks before it acts.

Window: every model is read-only for everybody, the superuser included; what a page adds to its row are panels.
Hand: a page that says what will happen, asks for a reason and makes one service call.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import capfirst
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.views import ChangeList
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from operations.admin_display import Cell, Panel
from operations.approvals import ApprovalMissing, grant, reject
from operations.errors import DomainError
from operations.selectors import open_approval
from operations.texts import problem_of

# Characters that turn the direction of the text after them: a name may carry one, a page must not obey it.
_DIRECTION_CONTROLS = {point: f"[U+{point:04X}]" for point in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def actor_of(request: HttpRequest) -> str:
    """Return the signed-in person as an actor."""
    return f"user:{request.user.get_username()}"


def call(model: type[Model], one: str, many: str) -> None:
    """Have the console call a model's rows so, everywhere: Django's templates take the words from its options.

    Not in the model's Meta: there each change of a word would be a migration.
    """
    model._meta.verbose_name, model._meta.verbose_name_plural = one, many


class WindowChangeList(ChangeList):  # type: ignore[misc]
    """A list that lets its admin fetch, in one query, what belongs to the rows of the page."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page's rows and what belongs to them."""
        super().get_results(request)
        # Unfiltered, the list is whole: the theme then has no "show all" to offer.
        if not self.has_active_filters and not self.query:
            self.full_result_count = self.result_count
        rows: list[Any] = list(self.result_list)
        self.result_list = rows
        self.model_admin.attach(rows)


class WindowAdmin(ModelAdmin):  # type: ignore[misc]
    """A read-only page of one model: no add, no change, no delete, for anybody."""

    actions = None
    list_per_page = 50
    show_full_result_count = False
    list_filter_submit = True
    list_fullwidth = True
    change_form_outer_before_template = "console/notices.html"
    change_form_outer_after_template = "console/panels.html"
    #: What the console calls one row, and several, where that is not what the model is called.
    called: tuple[str, str] | None = None

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.called:
            call(model, *self.called)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows come from services only."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: rows change through services only. The permission itself carries the model's hands."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: nothing is deleted."""
        return False

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[WindowChangeList]:
        """Return the list class that calls `attach`."""
        return WindowChangeList

    def attach(self, rows: list[Any]) -> None:
        """Fetch what belongs to the rows of a page from other rooms; nothing by default."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return one row, with what belongs to it."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.attach([row])
        return row

    def panels(self, row: Any) -> Sequence[Panel]:
        """Return the tables under a row's page; none by default."""
        return ()

    def notices(self, row: Any, actor: str) -> Sequence[Cell]:
        """Return what the person who looks should know first; nothing by default."""
        return ()

    def hands(self, row: Any, actor: str) -> frozenset[str] | None:
        """Return the names of the hands that make sense for a row now; None means all."""
        return None

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        """Return the hands of the list that the person may use."""
        return _permitted(super().get_actions_list(request), request)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        """Return the hands of the row that the person may use, and that make sense now."""
        permitted = _permitted(super().get_actions_detail(request, object_id), request)
        row = self.get_object(request, unquote(str(object_id))) if permitted else None
        sensible = self.hands(row, actor_of(request)) if row is not None else None
        if sensible is None:
            return permitted
        return [one for one in permitted if one.method.original_function_name in sensible]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list; refuse whatever is posted to it."""
        if request.method != "GET":
            raise PermissionDenied
        # Django's own says that one is to be selected.
        title = {"title": capfirst(self.opts.verbose_name_plural)}
        return shielded(super().changelist_view(request, title | (extra_context or {})))

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a row; refuse whatever is posted to it."""
        if request.method != "GET":
            raise PermissionDenied
        return shielded(super().changeform_view(request, *args, **kwargs))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        """Add the row's panels and notices."""
        if obj is not None:
            context["panels"] = self.panels(obj)
            context["notices"] = self.notices(obj, actor_of(request))
        shown: HttpResponse = super().render_change_form(request, context, obj=obj, **kwargs)
        return shown


def fit_to_keep(text: str) -> None:
    """Refuse what the services would, at the field and with what was typed still in it."""
    problem = problem_of(text, lines=True)
    if problem:
        raise forms.ValidationError(f"This {problem}.")


class ReasonForm(forms.Form):
    """The reason that an auditor will read."""

    reason = forms.CharField(
        min_length=3,
        max_length=500,
        validators=[fit_to_keep],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


class ConfirmForm(forms.Form):
    """A decision that needs no words."""


class NoteForm(forms.Form):
    """An optional word with a decision."""

    note = forms.CharField(
        required=False,
        max_length=500,
        validators=[fit_to_keep],
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="Kept with the decision. Optional.",
    )


class TextInput(UnfoldAdminTextInputWidget):  # type: ignore[misc]
    """A one-line field in the console's dress."""


class SelectInput(UnfoldAdminSelectWidget):  # type: ignore[misc]
    """A choice in the console's dress."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a hand's page says before it acts. A refusal says why this person cannot, and takes the button away."""

    title: str
    explanation: str
    button: str
    danger: bool = False
    facts: Sequence[tuple[str, Cell]] = ()
    panels: Sequence[Panel] = ()
    refusal: str = ""
    #: Other ways on from here, as links: title, address.
    others: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Done:
    """What a hand did, and the page to go on to instead of back."""

    told: str
    go: str


def ask(
    *,
    window: WindowAdmin,
    request: HttpRequest,
    question: Question,
    form_class: Callable[..., forms.Form],
    act: Callable[[Mapping[str, Any]], str | Done],
    back: str,
    row: Model | None = None,
) -> HttpResponse:
    """Show a hand's page, or act once when it is posted, and go back with what happened.

    `act` makes one service call with the form's answers and returns the sentence to show, and where to go on if not
    back. A DomainError that it raises becomes the message; nothing has happened then.
    """
    posted = request.method == "POST"
    form = form_class(request.POST, request.FILES) if posted else form_class()
    if posted and question.refusal:
        messages.error(request, question.refusal)
        return redirect(back)
    if posted and form.is_valid():
        try:
            done = act(form.cleaned_data)
        except DomainError as error:
            messages.error(request, str(error))
            return redirect(back)
        messages.success(request, done.told if isinstance(done, Done) else done)
        return redirect(done.go if isinstance(done, Done) else back)
    context = {
        **window.admin_site.each_context(request),
        "opts": window.model._meta,
        "original": row,
        "title": question.title,
        "question": question,
        "form": form,
        "back": back,
    }
    return shielded(TemplateResponse(request, "console/hand.html", context))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What a second person's yes or no means: what the page says, and what is told afterwards."""

    title: str
    explanation: str
    button: str
    told: str


def decide(
    *,
    window: WindowAdmin,
    request: HttpRequest,
    decision: Decision,
    granted: bool,
    kind: str,
    subject: str,
    back: str,
    row: Model,
    refusal: str,
    facts: Sequence[tuple[str, Cell]] = (),
    panels: Sequence[Panel] = (),
) -> HttpResponse:
    """Ask a second person for a yes or a no to what waits for one (kind and subject of its approval), and act on it.

    A yes may have a note, a no needs a reason. `refusal` says why this person cannot decide.
    """
    question = Question(
        title=decision.title,
        explanation=decision.explanation,
        button=decision.button,
        danger=not granted,
        facts=facts,
        panels=panels,
        refusal=refusal,
    )

    def act(answers: Mapping[str, Any]) -> str:
        waiting = open_approval(kind=kind, subject=subject)
        if waiting is None:
            raise ApprovalMissing(approval_id=f"for {subject.partition(':')[2]}")
        verb, note = (grant, answers["note"]) if granted else (reject, answers["reason"])
        verb(approval_id=waiting.pk, checker=actor_of(request), now=timezone.now(), note=note)
        return decision.told

    form_class = NoteForm if granted else ReasonForm
    return ask(window=window, request=request, question=question, form_class=form_class, act=act, back=back, row=row)


def hand(
    *, title: str, permission: str, path: str, icon: str, danger: bool = False
) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Make a window's method a hand, for people who have the permission (app.codename).

    The permission is checked here and not by the theme, whose system check would ask the database for it.
    """

    def decorate(method: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(method)
        def guarded(window: WindowAdmin, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not _may(request, permission):
                raise PermissionDenied(permission)
            # Django's lists write the ids in their links in a form of their own.
            return method(window, request, *args, **{name: unquote(value) for name, value in kwargs.items()})

        variant = ActionVariant.DANGER if danger else ActionVariant.PRIMARY
        made: Any = action(description=title, url_path=path, icon=icon, variant=variant)(guarded)
        made.needs = permission
        shown: Callable[..., HttpResponse] = made
        return shown

    return decorate


def choice_filter(field: str, title: str, choices: Callable[[], list[tuple[str, str]]]) -> type[admin.SimpleListFilter]:
    """Return a list filter by a column's value that asks `choices`, not the listed table, what there is."""
    # A class body does not see the arguments under the names that it assigns.
    shown_as, looks_at = title, field

    class ChoiceFilter(DropdownFilter):  # type: ignore[misc]
        title = shown_as
        parameter_name = looks_at

        def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
            """Return the values with their words."""
            return choices()

        def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
            """Keep the rows with the chosen value."""
            return queryset.filter(**{looks_at: self.value()}) if self.value() else queryset

    return ChoiceFilter


def currency_filter(currencies: Callable[[], list[str]]) -> type[admin.SimpleListFilter]:
    """Return a list filter by currency."""
    return choice_filter("currency", "currency", lambda: [(currency, currency) for currency in currencies()])


def shielded(response: Any) -> HttpResponse:
    """Make direction controls in a page visible instead of effective, wherever they came from."""
    if isinstance(response, TemplateResponse):
        response.add_post_render_callback(_show_direction_controls)
    shown: HttpResponse = response
    return shown


def _show_direction_controls(response: Any) -> None:
    response.content = response.content.decode().translate(_DIRECTION_CONTROLS).encode()


def _may(request: HttpRequest, permission: str) -> bool:
    return request.user.has_perm(permission)


def _permitted(hands: list[Any], request: HttpRequest) -> list[Any]:
    return [one for one in hands if _may(request, one.method.needs)]
