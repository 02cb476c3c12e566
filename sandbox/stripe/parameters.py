"""Requests as Stripe reads them: form fields with brackets, checked strictly against the SDK's own typed parameters.

The SDK's TypedDicts are generated from Stripe's specification at the SDK's version. An unknown name is refused here
as it is at Stripe; one that Stripe knows and this sandbox does not implement is refused with a sentence that says so.
"""

import re
import sys
import typing
from collections.abc import Iterable
from functools import cache
from typing import Any

import stripe
from pydantic import ConfigDict, TypeAdapter, ValidationError
from stripe import _request_options as request_options
from stripe.params import (
    BalanceTransactionListParams,
    BalanceTransactionRetrieveParams,
    ChargeListParams,
    ChargeRetrieveParams,
    DisputeListParams,
    DisputeRetrieveParams,
    EventListParams,
    EventRetrieveParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListLineItemsParams,
    SessionListParams,
    SessionRetrieveParams,
)
from typing_extensions import is_typeddict

from sandbox.stripe.errors import ApiError, not_in_sandbox

Json = dict[str, Any]

FIELDS_AT_MOST = 2_000
NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
PAGE = {"limit", "starting_after", "ending_before", "expand"}

# Each operation: its typed parameters and the part of them that works here, down to the last level.
OPERATIONS: dict[str, tuple[Any, set[str]]] = {
    "checkout.sessions.create": (
        SessionCreateParams,
        {
            "adaptive_pricing.enabled", "allowed_payment_method_types", "cancel_url", "client_reference_id",
            "currency", "customer_email", "expand", "expires_at", "locale", "metadata", "mode", "submit_type",
            "success_url", "ui_mode",
            "line_items.metadata", "line_items.quantity", "line_items.price_data.currency",
            "line_items.price_data.unit_amount", "line_items.price_data.product_data.name",
            "line_items.price_data.product_data.description", "line_items.price_data.product_data.images",
            "line_items.price_data.product_data.metadata",
            "payment_intent_data.description", "payment_intent_data.metadata",
            "payment_intent_data.receipt_email", "payment_intent_data.statement_descriptor",
            "payment_intent_data.statement_descriptor_suffix", "payment_intent_data.transfer_group",
            "payment_method_options.wechat_pay.client",
        },
    ),
    "checkout.sessions.retrieve": (SessionRetrieveParams, {"expand"}),
    "checkout.sessions.list": (SessionListParams, PAGE | {"created", "payment_intent", "status"}),
    "checkout.sessions.line_items": (SessionListLineItemsParams, PAGE),
    "checkout.sessions.expire": (SessionExpireParams, {"expand"}),
    "payment_intents.retrieve": (PaymentIntentRetrieveParams, {"expand"}),
    "payment_intents.list": (PaymentIntentListParams, PAGE | {"created"}),
    "charges.retrieve": (ChargeRetrieveParams, {"expand"}),
    "charges.list": (ChargeListParams, PAGE | {"created", "payment_intent", "transfer_group"}),
    "balance_transactions.retrieve": (BalanceTransactionRetrieveParams, {"expand"}),
    "balance_transactions.list": (
        BalanceTransactionListParams,
        PAGE | {"created", "currency", "source", "type"},
    ),
    "refunds.create": (
        RefundCreateParams,
        {"amount", "charge", "expand", "metadata", "payment_intent", "reason"},
    ),
    "refunds.retrieve": (RefundRetrieveParams, {"expand"}),
    "refunds.list": (RefundListParams, PAGE | {"charge", "created", "payment_intent"}),
    "disputes.retrieve": (DisputeRetrieveParams, {"expand"}),
    "disputes.list": (DisputeListParams, PAGE | {"charge", "created", "payment_intent"}),
    "events.retrieve": (EventRetrieveParams, {"expand"}),
    "events.list": (EventListParams, PAGE | {"created", "delivery_success", "type", "types"}),
}  # fmt: skip


def decode(fields: Iterable[tuple[str, str]]) -> Json:
    """`line_items[0][quantity]=2` to nested dicts and lists of text; refuses malformed and contradictory names."""
    root: Json = {}
    for count, (name, value) in enumerate(fields):
        if count >= FIELDS_AT_MOST:
            raise _invalid(f"More than {FIELDS_AT_MOST} parameters.")
        match = NAME.fullmatch(name)
        if match is None:
            raise _invalid(f"Invalid parameter name: {name[:100]}", param=name[:100])
        path = [match[1], *(part[:-1] for part in match[2].split("[")[1:])]
        place = root
        for step, part in enumerate(path):
            key = part or str(len(place))
            if step == len(path) - 1:
                if key in place:
                    raise _invalid(f"Parameter given twice: {name}", param=name)
                place[key] = value
            else:
                place = place.setdefault(key, {})
                if not isinstance(place, dict):
                    raise _invalid(f"Parameter given both as a value and as an object: {name}", param=name)
    return typing.cast(Json, _lists(root))


def check(operation: str, given: Json) -> Json:
    """The typed parameters of one request; refuses unknown, missing, mistyped and unimplemented ones with 400."""
    typed, supported = OPERATIONS[operation]
    for name in given:
        # The SDK's own options share the TypedDict but never travel as parameters.
        if name in request_options.RequestOptions.__annotations__:
            raise _unknown(name)
    for name, value in given.items():
        if value == "" and name != "metadata":
            raise _invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                f"parameter; however '{name}' cannot be unset.",
                code="parameter_invalid_empty",
                param=name,
            )
    try:
        checked = _validator(typed).validate_python(given)
    except ValidationError as refusal:
        raise _as_stripe_says(refusal, given) from None
    _refuse_unimplemented(given, supported)
    return typing.cast(Json, checked)


@cache
def _validator(typed: Any) -> TypeAdapter[Any]:
    module = sys.modules[typed.__module__]
    for member in vars(module).values():
        if is_typeddict(member):
            member.__pydantic_config__ = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    adapter: TypeAdapter[Any] = TypeAdapter(typed)
    names = {**vars(typing), **vars(module), **vars(request_options), "StripeContext": Any}
    adapter.rebuild(_types_namespace=names, force=True)
    return adapter


def build_validators() -> None:
    """Build all of them at the start, so that the first buyer does not wait for it."""
    for typed, _supported in OPERATIONS.values():
        _validator(typed)


def _lists(value: Any, name: str = "") -> Any:
    if not isinstance(value, dict):
        return value
    if value and name != "metadata" and all(key.isdecimal() for key in value):
        return [_lists(item) for _, item in sorted(value.items(), key=lambda pair: int(pair[0]))]
    return {key: _lists(item, key) for key, item in value.items()}


def _refuse_unimplemented(given: Json, supported: set[str]) -> None:
    def walk(value: Any, path: str, shown: str) -> None:
        if path in supported:
            return
        if isinstance(value, dict) and (not path or any(name.startswith(path + ".") for name in supported)):
            for key, item in value.items():
                walk(item, f"{path}.{key}".lstrip("."), f"{shown}[{key}]" if shown else key)
        elif isinstance(value, list) and any(name.startswith(path + ".") for name in supported):
            for index, item in enumerate(value):
                walk(item, path, f"{shown}[{index}]")
        else:
            raise not_in_sandbox(shown)

    walk(given, "", "")


def _as_stripe_says(refusal: ValidationError, given: Json) -> ApiError:
    errors = refusal.errors(include_url=False)
    plain = {"extra_forbidden": 0, "missing": 1}
    error = min(errors, key=lambda each: plain.get(each["type"], 2))
    param = _bracketed(error["loc"], given)
    if error["type"] == "extra_forbidden":
        return _unknown(param)
    if error["type"] == "missing":
        return _invalid(f"Missing required param: {param}.", code="parameter_missing", param=param)
    if error["type"].startswith("int"):
        return _invalid(
            f"Invalid integer: {error['input']!s:.80}", code="parameter_invalid_integer", param=param
        )
    return _invalid(f"Invalid {param}: {error['msg']}", param=param)


def _bracketed(location: tuple[int | str, ...], given: Any) -> str:
    """The name as it travelled; pydantic's labels of union members are not part of it."""
    parts: list[str] = []
    here = given
    for step, part in enumerate(location):
        if (isinstance(here, dict) and part in here) or (isinstance(here, list) and isinstance(part, int)):
            here = here[part]  # type: ignore[index]
        elif not (step == len(location) - 1 and isinstance(here, dict)):
            continue
        parts.append(str(part))
    return parts[0] + "".join(f"[{part}]" for part in parts[1:]) if parts else "parameters"


def _unknown(param: str) -> ApiError:
    return _invalid(f"Received unknown parameter: {param}", code="parameter_unknown", param=param)


def _invalid(message: str, *, code: str | None = None, param: str | None = None) -> ApiError:
    # Stripe saves no answer under the Idempotency-Key when validation fails.
    return ApiError(message, code=code, param=param, remembered=False)


API_VERSION: str = str(stripe.api_version)
