"""Foreign text in XML, SVG and HTML: never markup, and only characters that XML can hold."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape, quoteattr

from .sanitize import clean_lines

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot hold, however it is escaped."""


def xml_text(text: str) -> str:
    """`text` as the content of an element."""
    return escape(_ILLEGAL.sub("\ufffd", clean_lines(text)))


def xml_attribute(text: str) -> str:
    """`text` as the value of an attribute, in quotes."""
    return quoteattr(_ILLEGAL.sub("\ufffd", clean_lines(text)))
