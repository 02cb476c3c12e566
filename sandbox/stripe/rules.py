"""What Stripe refuses of a request beyond names and types: times, amounts, addresses, currencies, metadata."""

import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.stripe.errors import ApiError
from sandbox.stripe.store import Json

METHODS = ("card", "alipay", "wechat_pay")
REASONS = ("duplicate", "fraudulent", "requested_by_customer")
LOCALES = re.compile(r"auto|[a-z]{2}(-[A-Z]{2}|-419)?")
MINUTE, DAY = 60, 86_400
MOST = 99_999_999  # eight digits, a price and a charge alike: docs.stripe.com/currencies


def check_session(given: Json, now: int, currency: str) -> None:
    """Refuse what Stripe refuses of a new session; `currency` is the only one the account takes."""
    if given.get("mode", "payment") != "payment":
        raise ApiError("This sandbox implements mode `payment` only.", param="mode", remembered=False)
    if given.get("ui_mode", "hosted_page") != "hosted_page":
        raise ApiError(
            "This sandbox implements ui_mode `hosted_page` only.", param="ui_mode", remembered=False
        )
    if given.get("adaptive_pricing", {}).get("enabled"):
        raise ApiError(
            "This sandbox does not convert currencies.",
            param="adaptive_pricing[enabled]",
            remembered=False,
        )
    for name in ("success_url", "line_items"):
        if not given.get(name):
            raise ApiError(f"Missing required param: {name}.", code="parameter_missing", param=name)
    for name in ("success_url", "cancel_url"):
        if name in given and not _is_url(given[name]):
            raise ApiError("Not a valid URL", code="url_invalid", param=name)
    expires_at = given.get("expires_at", now + DAY)
    if expires_at < now + 30 * MINUTE:
        raise ApiError(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session creation.",
            param="expires_at",
        )
    if expires_at > now + DAY:
        raise ApiError(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    if "locale" in given and not LOCALES.fullmatch(given["locale"]):
        raise ApiError(f"Invalid locale: {given['locale'][:20]}", param="locale")
    if len(given.get("client_reference_id", "")) > 200:
        raise ApiError("client_reference_id must be at most 200 characters.", param="client_reference_id")
    email = given.get("customer_email")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        raise ApiError(f"Invalid email address: {email[:100]}", code="email_invalid", param="customer_email")
    allowed = given.get("allowed_payment_method_types")
    if allowed is not None and not set(allowed) & set(METHODS):
        raise ApiError(
            "No valid payment method types for this Checkout Session: the sandbox has "
            + ", ".join(METHODS)
            + ".",
            param="allowed_payment_method_types",
        )
    check_metadata(given.get("metadata"), "metadata")
    check_metadata(given.get("payment_intent_data", {}).get("metadata"), "payment_intent_data[metadata]")
    _check_line_items(given, currency)


def _check_line_items(given: Json, only: str) -> None:
    if len(given["line_items"]) > 100:
        raise ApiError("You can specify at most 100 line items.", param="line_items")
    for index, item in enumerate(given["line_items"]):
        name = f"line_items[{index}]"
        if "price_data" not in item:
            raise ApiError(
                f"Missing required param: {name}[price_data].", code="parameter_missing", param=name
            )
        price = item["price_data"]
        for field in ("unit_amount", "product_data"):
            if field not in price:
                param = f"{name}[price_data][{field}]"
                raise ApiError(f"Missing required param: {param}.", code="parameter_missing", param=param)
        for currency in (price["currency"], given.get("currency", only)):
            if currency.lower() != only:
                raise ApiError(
                    f"This sandbox takes {only} only, not {currency[:10]}.",
                    code="invalid_currency",
                    param=f"{name}[price_data][currency]",
                )
        if not 0 <= price["unit_amount"] <= MOST:
            raise ApiError(
                "Invalid unit_amount: must be between 0 and 99999999.",
                param=f"{name}[price_data][unit_amount]",
            )
        if not 1 <= item.get("quantity", 0) <= 999_999:
            raise ApiError("Quantity is required and must be at least 1.", param=f"{name}[quantity]")
        if not price["product_data"]["name"].strip():
            param = f"{name}[price_data][product_data][name]"
            raise ApiError(
                f"You passed an empty string for '{param}'.", code="parameter_invalid_empty", param=param
            )


def check_metadata(given: Any, param: str) -> None:
    """Stripe's limits: 50 keys of at most 40 characters without brackets, values of at most 500."""
    if not given:
        return
    if len(given) > 50:
        raise ApiError("Metadata can have at most 50 keys.", param=param)
    for key, value in given.items():
        if len(key) > 40:
            raise ApiError(f"Metadata keys must be at most 40 characters: {key[:60]}", param=param)
        if len(value) > 500:
            raise ApiError(
                f"Metadata values can have up to 500 characters; `{key}` has {len(value)}.", param=param
            )


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not re.search(r"\s", text)
