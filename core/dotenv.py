"""Variables out of a file (`--env-file`): one `NAME=VALUE` a line, read strictly, never run and never filled in.

`NAME=value` is taken up to a ` #` comment, without the spaces around it; `'…'` as it stands; in `"…"` a backslash makes
control characters of n, r and t, and takes the meaning of a quote, a backslash or a dollar sign. `export ` may stand
before. A value never goes over the end of its line, and `$` means itself.
"""

from __future__ import annotations

import re
from pathlib import Path

from .problems import ProblemError

MOST_BYTES = 1_000_000
_LINE = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*(.*)")
_SINGLE = re.compile(r"'([^']*)'[ \t]*(?:#.*)?")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:#.*)?')
_ESCAPE = re.compile(r"\\(.)")
_MEANT = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "$": "$"}
_OWN = "BAKEHOUSE_"


def read_variables(path: Path) -> dict[str, str]:
    """What a file sets. No message holds a value. Raises ProblemError, with file and line."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise ProblemError(f"{path} is larger than 1 MB", "an env file has one NAME=VALUE a line")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ProblemError(f"--env-file {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ProblemError(f"--env-file {path} is not in UTF-8") from error
    found: dict[str, str] = {}
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), 1):
        if (line := line.strip(" \t")) and not line.startswith("#"):
            name, value = _assignment(line, f"{path}:{number}")
            found[name] = value
    return found


def _assignment(line: str, place: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if match is None or "\0" in line:
        raise ProblemError(f"{place}: this is no NAME=VALUE", "names are of letters, digits and _")
    name, said = match[1], match[2]
    if name.startswith(_OWN):
        raise ProblemError(
            f"{place}: {name} is not taken from a file", "what Bakehouse may do is the caller's to say"
        )
    if said[:1] == "'":
        return name, _quoted(_SINGLE, said, place, name)[1]
    if said[:1] == '"':
        value = _quoted(_DOUBLE, said, place, name)[1]
        return name, _ESCAPE.sub(lambda found: _MEANT.get(found[1], found[0]), value)
    return name, re.split(r"(?:^|[ \t])#", said, maxsplit=1)[0].rstrip(" \t")


def _quoted(form: re.Pattern[str], said: str, place: str, name: str) -> re.Match[str]:
    if (match := form.fullmatch(said)) is None:
        raise ProblemError(f"{place}: the quotes around {name} do not fit", "a value ends on its line")
    return match
