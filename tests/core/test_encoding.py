"""JSON as the ledger and the keys of steps hold it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bakehouse.core.encoding import json_encoder

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
)


@given(plain, st.booleans())
def test_an_encoder_made_once_writes_what_json_dumps_writes(data: object, sort_keys: bool) -> None:
    encode = json_encoder(sort_keys=sort_keys)
    wanted = json.dumps(data, sort_keys=sort_keys, separators=(",", ":"))
    assert encode(data) == encode(data) == wanted


def test_what_json_does_not_know_goes_through_the_default_or_is_refused() -> None:
    assert json_encoder(default=str)({"at": {1}}) == '{"at":"{1}"}'
    with pytest.raises(TypeError):
        json_encoder()({"at": {1}})
