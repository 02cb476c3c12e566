"""Refusals in the shape in which Stripe answers them."""

from typing import Any


class ApiError(Exception):
    """An answer that is not 200; `remembered` says whether an Idempotency-Key replays it (validation never is)."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        remembered: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.kind = kind
        self.code = code
        self.param = param
        self.remembered = remembered

    def body(self, request_id: str) -> dict[str, Any]:
        error: dict[str, Any] = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        error["request_log_url"] = f"sandbox: {request_id}"
        return {"error": error}


def missing(kind: str, object_id: str, param: str = "id") -> ApiError:
    """404 as Stripe words it, for an id that was never given out or is of another kind."""
    return ApiError(f"No such {kind}: '{object_id}'", status=404, code="resource_missing", param=param)


def not_in_sandbox(param: str) -> ApiError:
    """400 for what Stripe knows and this sandbox does not: ignoring it would make a test prove too much."""
    return ApiError(
        f"Stripe accepts `{param}`, but this sandbox does not implement it.",
        code="sandbox_unsupported",
        param=param,
        remembered=False,
    )
