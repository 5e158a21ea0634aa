"""What is no JSON, or more than anybody needs, is refused before anything is made of it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.http.bodies import parsed
from libs.common.http.limits import DEPTH
from libs.common.messages import Refused

ELEMENTS = 1000
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def code(raw: bytes, most: int = ELEMENTS) -> str:
    with pytest.raises(Refused) as refused:
        parsed(raw, most)
    assert refused.value.status in (400, 422)
    assert not refused.value.path
    return refused.value.code


@given(JSON)
@settings(max_examples=50)
def test_what_is_within_limits_is_read_as_it_is(value: Any) -> None:
    for as_ascii in (True, False):
        raw = json.dumps(value, ensure_ascii=as_ascii).encode(errors="surrogatepass")
        try:
            expected: Any = json.loads(raw.decode())
        except UnicodeDecodeError:
            assert code(raw) == "malformed"
        else:
            assert parsed(raw, 100_000) == expected


@pytest.mark.parametrize(
    "raw",
    [
        *(b"{", b"", b" ", b"{]", b"nul", b"[1,]", b"{'a':1}", b'"\x00"', b"\xff", b'{"a":NaN}'),
        *(b"[Infinity]", b"[-Infinity]", b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16")),
        *(b'"\xed\xa0\x80"', b"[" + b"9" * 5000 + b"]", b'"' * 999, b"[1 2]", b"{} {}"),
    ],
    ids=repr,
)
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    assert code(raw) == "malformed"


@pytest.mark.parametrize("levels", [DEPTH + 1, 10_000, 500_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_many_levels_are_refused_and_some_are_not(levels: int, pair: str) -> None:
    def nested(levels: int) -> bytes:
        opened = pair[0] if pair == "[]" else '{"a":'
        inner = opened * (levels - 1) + pair + pair[1] * (levels - 1)
        return inner.encode()

    assert code(nested(levels), 10**6) == "too_deep"
    parsed(nested(DEPTH), ELEMENTS)


def test_brackets_in_a_text_are_no_levels_and_commas_there_no_elements() -> None:
    text = '[{"[,' * 2000
    assert parsed(json.dumps([text]).encode(), ELEMENTS) == [text]
    assert parsed(json.dumps([[n] for n in range(300)]).encode(), ELEMENTS)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" + b"1," * 1_000_000 + b"1]",
        b"[" + b"[]," * 1_000 + b"[]]",
        b"[" + b"{}," * 1_000 + b"{}]",
    ],
    ids=["numbers", "lists", "objects"],
)
def test_too_many_elements_are_refused(raw: bytes) -> None:
    assert code(raw) == "too_many_elements"


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"a":{"b":1,"c":2,"\\u0062":3}}]'])
def test_two_fields_of_one_name_are_refused(raw: bytes) -> None:
    assert code(raw) == "duplicate_field"


@pytest.mark.parametrize(
    "raw",
    [
        b'\\"' * 500_000,
        b'"\\' * 500_000,
        b'["' + b"\\\\" * 500_000,
        b"[" * 1_000_000,
        b'"' * 999_999,
    ],
    ids=["quotes", "slashes", "no end", "brackets", "empty texts"],
)
def test_no_megabyte_takes_long(raw: bytes) -> None:
    begun = time.process_time()
    code(raw)
    assert time.process_time() - begun < 1
