"""Errors as problem details (RFC 9457), in the language of the caller; never with what was sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException

from libs.common import database
from libs.common.files import read_yaml
from libs.common.http.batches import fault
from libs.common.messages import Refused, not_found
from libs.common.writer import Busy

log = structlog.get_logger()

CORE_TEXTS = Path(__file__).parent / "texts.yaml"
RETRY_AFTER = {"Retry-After": "1"}
_HEADERS: Mapping[int, Mapping[str, str]] = {
    401: {"WWW-Authenticate": "Bearer"},
    429: RETRY_AFTER,
    503: RETRY_AFTER,
}
_CODES = {404: "not_found", 405: "method_not_allowed"}
MEDIA_TYPE = "application/problem+json"
LANGUAGES = {"en": "en", "zh": "zh-CN"}
"""What Content-Language says of a text in each."""


class _Known(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return f"{{{key}}}"


class Texts:
    """What a code means, in Chinese and English. Chinese where a caller asks for neither."""

    def __init__(self, files: Sequence[Path]) -> None:
        self._texts: dict[str, Mapping[str, str]] = {}
        for file in (CORE_TEXTS, *files):
            self._texts.update(read_yaml(file) or {})

    def text(self, code: str, language: str, values: Mapping[str, object]) -> str:
        known = self._texts.get(code)
        return known[language].format_map(_Known(values)) if known else code

    def problem(self, refusal: Refused, language: str) -> dict[str, Any]:
        """The members of RFC 9457, and `code`, `path` (JSON Pointer), `allowed` (commands)."""
        problem: dict[str, Any] = {
            "type": f"urn:civicgrid:problem:{refusal.code}",
            "title": HTTPStatus(refusal.status).phrase,
            "status": refusal.status,
            "code": refusal.code,
            "detail": self.text(refusal.code, language, refusal.values),
        }
        if refusal.path:
            problem["path"] = refusal.path
        if refusal.allowed:
            problem["allowed"] = list(refusal.allowed)
        if refusal.errors:
            problem["errors"] = self.faults(refusal.errors, language)
        return problem

    def faults(self, faults: Sequence[Mapping[str, str]], language: str) -> list[Mapping[str, str]]:
        """Each with what is wrong in words; what has none of its own is not valid."""
        return [
            {
                **{name: one[name] for name in ("path", "code")},
                "message": self.text(code if code in self._texts else "field", language, one),
            }
            for one in faults
            if (code := f"field_{one['code']}")
        ]


def language_of(headers: Headers) -> str:
    """`en` or `zh`: the one that Accept-Language names first."""
    for part in headers.get("Accept-Language", "").lower().split(","):
        language = part.partition(";")[0].strip().partition("-")[0]
        if language in ("en", "zh"):
            return language
    return "zh"


def install(app: FastAPI, texts: Texts) -> None:
    """Let every error of this application answer with a problem."""

    def answer(
        request: Request, refusal: Refused, headers: Mapping[str, str] | None = None, **more: Any
    ) -> JSONResponse:
        language = language_of(request.headers)
        return JSONResponse(
            texts.problem(refusal, language) | more,
            refusal.status,
            {"Content-Language": LANGUAGES[language], **(headers or {})},
            MEDIA_TYPE,
        )

    async def refused(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Refused)
        headers = dict(_HEADERS.get(error.status, {}))
        if seconds := error.values.get("retry_after"):
            headers["Retry-After"] = str(seconds)
        return answer(request, error, headers)

    async def invalid(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        if any(one["loc"][0] == "path" for one in error.errors()):
            return answer(request, not_found())
        errors = [fault(one["loc"][1:], one) for one in error.errors()]
        told = texts.faults(errors, language_of(request.headers))
        return answer(request, Refused("invalid", status=422), errors=told)

    async def unstorable(request: Request, error: Exception) -> JSONResponse:
        return answer(request, Refused("unstorable", status=422))

    async def busy(request: Request, error: Exception) -> JSONResponse:
        return answer(request, Refused("busy", status=503), RETRY_AFTER)

    async def away(request: Request, error: Exception) -> JSONResponse:
        log.warning("the database does not answer", error=type(error).__name__)
        return answer(request, Refused("unavailable", status=503), RETRY_AFTER)

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "invalid")
        return answer(request, Refused(code, status=error.status_code), error.headers)

    async def crashed(request: Request, error: Exception) -> JSONResponse:
        return answer(request, Refused("crashed", status=500))

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(asyncpg.DataError, unstorable)
    app.add_exception_handler(Busy, busy)
    for kind in database.AWAY:
        app.add_exception_handler(kind, away)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, crashed)
