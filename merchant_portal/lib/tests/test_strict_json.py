import contextlib
import time

import pytest

from merchant_portal.lib import strict_json
from merchant_portal.lib.strict_json import NotWhole, StrictJSONError


def test_reads_what_json_means() -> None:
    value = strict_json.loads('{"a": [1, -2, "é", null, true]}'.encode())

    assert value == {"a": [1, -2, "é", None, True]}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"a": 1,}', "not JSON"),
        (b"{} {}", "not JSON"),
        (b"\xef\xbb\xbf{}", "BOM"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"x": {"a": 1, "b": 2, "a": 1}}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 111111111111111111111}', "digits"),
        (b'{"a": ' + b"1" * 100_000 + b"}", "digits"),
        (b'{"a": "x\\u0000"}', "NUL"),
        (b'{"\\u0000": 1}', "NUL"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b"[" * 100_000, "nests"),
        (b"[" * 22 + b"]" * 22, "nests"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "nests"),
    ],
)
def test_refuses_what_parsers_disagree_on(raw: bytes, said: str) -> None:
    with pytest.raises(StrictJSONError, match=said):
        strict_json.loads(raw)


def test_says_where_a_text_is_at_fault() -> None:
    with pytest.raises(StrictJSONError) as caught:
        strict_json.loads(b'{"a/b": [{"~": "\\u0000"}]}')

    assert caught.value.pointer == "/a~1b/0/~0"


def test_takes_a_whole_surrogate_pair() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "😀"


@pytest.mark.parametrize("raw", [b"0.1", b"1e5", b"1e400", b"-0.0", b"1E2"])
def test_a_number_with_a_point_or_exponent_is_no_integer(raw: bytes) -> None:
    value = strict_json.loads(raw)

    assert isinstance(value, NotWhole)
    assert repr(value) == raw.decode()


def test_depth_that_is_allowed_passes() -> None:
    assert strict_json.loads(b"[" * 21 + b"]" * 21) is not None


@pytest.mark.parametrize(
    "raw",
    [
        b'"' + b'\\"' * 131_000,
        b"[" + b"1," * 131_000,
        b"{" + b'"a":{},' * 37_000,
        b'["' + b"\\u0041" * 43_000 + b'"]',
    ],
)
def test_the_worst_body_costs_no_more_than_its_length(raw: bytes) -> None:
    """Ten times as long costs some ten times as much; by squares it were a hundred."""
    short = min(cost_of(raw[: len(raw) // 10]) for _try in range(3))
    whole = min(cost_of(raw) for _try in range(3))

    assert whole < 40 * short


def cost_of(raw: bytes) -> int:
    """CPU time of this thread, in nanoseconds."""
    start = time.thread_time_ns()
    with contextlib.suppress(StrictJSONError):
        strict_json.loads(raw)
    return time.thread_time_ns() - start


def test_canonical_text_forgets_order_and_spaces() -> None:
    first = strict_json.loads(b'{"b": 1, "a": [1, 2]}')
    second = strict_json.loads(b'{"a":[1,2],\n"b":1}')
    other = strict_json.loads(b'{"a":[2,1],"b":1}')

    assert strict_json.canonical(first) == strict_json.canonical(second)
    assert strict_json.canonical(first) != strict_json.canonical(other)
