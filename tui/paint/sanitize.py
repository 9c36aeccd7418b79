"""The one place where foreign text is made safe to show: no control sequence, no hidden direction, no markup.

Nothing here imports Textual or Rich except the line filter, which is the last gate before the terminal.
"""

from __future__ import annotations

import re
from typing import NewType

SafeText = NewType("SafeText", str)
"""Text that a terminal prints and does not obey. Only this module makes it."""

_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f"
)
_BAD = re.compile(f"[{_HIDDEN}]")
_BAD_BUT_LINES = re.compile(f"(?!\\n)[{_HIDDEN}]")

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c|(?=\x1b)|(?=\n)|$)"  # OSC DCS SOS PM APC, also cut off
    r"|\x1b[ -/]*[0-~]?"  # short escapes and a lone ESC
    r"|\x9b[0-?]*[ -/]*[@-~]?"  # the same in eight bits
    r"|[\x90\x98\x9d\x9e\x9f][^\x07\x9c\n]*(?:\x07|\x9c|(?=\n)|$)"
)

_OBEYED = re.compile("[\x1b\x90\x98\x9b\x9d-\x9f]")
_REWRITTEN = re.compile(r"^[^\n]*\r(?=[^\r\n])", re.MULTILINE)


def _visible(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def clean(text: str) -> SafeText:
    """`text` as one line: control characters are shown (`␛`, `\\x9b`, `\\u202e`), never obeyed."""
    if text.isascii() and text.isprintable():
        return SafeText(text)
    if "\t" in text:
        text = text.replace("\t", " ")
    if "\x1f" in text:
        text = _with_partitions(text)
    return SafeText(_BAD.sub(_visible, text))


def _with_partitions(text: str) -> str:
    """Nodes of partitions as `asset[key]`: what the keys hold is cleaned after it."""
    from ...core.naming import readable

    return readable(text)


def clean_lines(text: str) -> SafeText:
    """Like `clean`, but keeps line ends (`\\r\\n` becomes `\\n`)."""
    if text.isascii() and text.isprintable():
        return SafeText(text)
    if "\x1f" in text:
        text = _with_partitions(text)
    return SafeText(_BAD_BUT_LINES.sub(_visible, text.replace("\r\n", "\n").replace("\t", "    ")))


def one_line(text: str) -> SafeText:
    """The first line of `text` that says something; an ellipsis stands for the others."""
    lines = [line for line in text.splitlines() if line.strip()]
    return SafeText(clean(lines[0].strip()) + (" …" if len(lines) > 1 else "")) if lines else SafeText("")


def last_state(line: str) -> str:
    """What is left of a line that rewrites itself with carriage returns, as progress bars do."""
    return line.rstrip("\r").rpartition("\r")[2] if "\r" in line else line


def strip_sequences(line: str) -> SafeText:
    """A printed line without any escape sequence; other control characters are shown."""
    return clean(_SEQUENCE.sub("", last_state(line)).expandtabs(8))


def plain_lines(text: str) -> str:
    """Printed lines, each as `strip_sequences` leaves it but for its control characters, to be searched."""
    if "\r" in text:
        text = _REWRITTEN.sub("", text)
    return text if _OBEYED.search(text) is None else _SEQUENCE.sub("", text)


def split_colours(line: str) -> list[tuple[SafeText, str]]:
    """A printed line as pieces of text, each with the SGR parameters (`1;31`) in force since the last reset.

    Every other sequence is dropped; other control characters are shown.
    """
    line = last_state(line)
    if "\x1b" not in line and "\x9b" not in line:
        return [(clean(line.expandtabs(8)), "")]
    line = _SEQUENCE.sub(lambda m: m[0] if _SGR.fullmatch(m[0]) else "", line).expandtabs(8)
    pieces: list[tuple[SafeText, str]] = []
    now: list[str] = []
    end = 0
    for match in _SGR.finditer(line):
        if match.start() > end:
            pieces.append((clean(line[end : match.start()]), ";".join(now)))
        end = match.end()
        now = _follow(now, match[1])
    if end < len(line) or not pieces:
        pieces.append((clean(line[end:]), ";".join(now)))
    return pieces


def _follow(now: list[str], parameters: str) -> list[str]:
    parts = parameters.replace(":", ";").split(";")
    for index in range(len(parts) - 1, -1, -1):
        is_colour_argument = any(parts[index - back] in ("2", "5") for back in range(1, min(5, index + 1)))
        if parts[index] in ("", "0", "00") and not is_colour_argument:
            return [p for p in parts[index + 1 :] if p]
    return [*now, *(p for p in parts if p)][-24:]


def has_hidden(text: str) -> bool:
    """True if a terminal would obey a part of `text`."""
    return _BAD.search(text) is not None
