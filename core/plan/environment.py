"""Which variables a shell command takes from the environment: those that it uses and nothing in it sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

USUAL = re.compile(
    r"PATH|HOME|IFS|ENV|PWD|OLDPWD|CDPATH|TMPDIR|TMP|TEMP|SHELL|SHELLOPTS|TERM|COLORTERM|USER|LOGNAME|UID|EUID|LANG|LANGUAGE"
    r"|TZ|MAIL|PS[0-4]|PPID|OPTARG|OPTIND|OPTERR|LINENO|RANDOM|SRANDOM|SECONDS|EPOCH\w*|REPLY|HOSTNAME|HOSTTYPE|OSTYPE"
    r"|MACHTYPE|COLUMNS|LINES|FUNCNAME|PIPESTATUS|DIRSTACK|GROUPS|SHLVL|DISPLAY|BASH\w*|_|OUTPUT|OUTPUT_\w*"
    r"|(PARTITION|BAKEHOUSE|LC|LD|DYLD|XDG)(_\w*)?"
)
"""What every shell or every step has, or what says nothing of a value."""

LONGEST = 100_000
"""Characters of a command that are looked at."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_BRACED = re.compile(r"\{[#!]?([A-Za-z_]\w*)?", re.ASCII)
_SET = re.compile(r"([A-Za-z_]\w*)(?:\[[^\]\n]*\])?\+?=", re.ASCII)
_TAKES = re.compile(
    r"(?:for|select|read|getopts|local|declare|typeset|mapfile|readarray|printf[ \t]+-v)[ \t]+([^;|&\n)<>]*)"
)
_ANYTHING = re.compile(r"(?:\.|source|eval)[ \t]")
_STARTS = re.compile(r"(?:^|[\n;&|({`!]|\b(?:then|do|else|if|elif|while|until))[ \t]*\Z")
_HERE = re.compile(r"<<(-?)[ \t]*((?:'[^'\n]*'|\"[^\"\n]*\"|\\.|[^\s;&|<>()'\"\\])+)")
_BETWEEN = " \t\n;&|("
_NEAR = 16


def from_environment(command: str) -> tuple[str, ...]:
    """The names, sorted; empty where the command reads other commands, which may set anything."""
    reading = _Reading(command[:LONGEST])
    if not reading.read():
        return ()
    return tuple(sorted(n for n in reading.used - reading.set if USUAL.fullmatch(n) is None))


class _Reading:
    """One pass over a command. `open` are the quotes and brackets around the place: `"`, `)` of `$(`, and so on."""

    def __init__(self, command: str) -> None:
        self.command = command
        self.used: set[str] = set()
        self.set: set[str] = set()
        self.open: list[str] = []
        self.here: list[tuple[str, bool, bool]] = []
        self.at = 0

    def read(self) -> bool:
        """False where the command reads other commands."""
        command = self.command
        while self.at < len(command):
            char = command[self.at]
            inside = self.open[-1] if self.open else ""
            if char == "\\":
                self.at += 2
            elif char == "$":
                self.dollar()
            elif char == inside:
                self.open.pop()
                self.at += 1
            elif inside == '"':
                self.quoted(char)
            elif not self.plain(char, inside):
                return False
        return True

    def quoted(self, char: str) -> None:
        if char == "`":
            self.open.append(char)
        self.at += 1

    def plain(self, char: str, inside: str) -> bool:
        command, at = self.command, self.at
        if char == "'":
            self.at = self.behind(command.find("'", at + 1))
        elif char in '"`(':
            arithmetic = inside == "))"
            self.open.append(")" if char == "(" else char)
            if arithmetic and char == "(":
                self.open[-1] = "))"
            self.at += 1
        elif char == ")" and inside == "))":
            self.open.pop()
            self.at += 1
        elif char == "#" and self.is_word_start():
            end = command.find("\n", at)
            self.at = len(command) if end < 0 else end
        elif char == "<" and inside != "))" and (match := _HERE.match(command, at)):
            self.at = match.end()
            self.here.append(
                (re.sub(r"['\"\\]", "", match[2]), bool(match[1]), bool(re.search(r"['\"\\]", match[2])))
            )
        elif char == "\n" and self.here:
            self.at += 1
            for word, indented, is_quoted in self.here:
                self.document(word, indented, is_quoted)
            self.here = []
        elif self.is_word_start() and inside != "))":
            return self.word()
        else:
            self.at += 1
        return True

    def is_word_start(self) -> bool:
        return self.at == 0 or self.command[self.at - 1] in _BETWEEN or self.command[self.at - 1] in "`{"

    def word(self) -> bool:
        command, at = self.command, self.at
        if _ANYTHING.match(command, at) and _STARTS.search(command[max(0, at - _NEAR) : at]):
            return False
        if match := _SET.match(command, at):
            self.set.add(match[1])
            self.at = match.end()
        elif match := _TAKES.match(command, at):
            self.set.update(_NAME.findall(match[1].partition(" in ")[0]))
            self.at = match.start(1)
        else:
            self.at += 1
        return True

    def dollar(self) -> None:
        command, at = self.command, self.at
        following = command[at + 1 : at + 2]
        if match := _NAME.match(command, at + 1):
            self.used.add(match[0])
            self.at = match.end()
        elif following == "{" and (match := _BRACED.match(command, at + 1)):
            if match[1]:
                self.used.add(match[1])
            self.at = match.end()
            if command[self.at : self.at + 1] == "=" or command[self.at : self.at + 2] == ":=":
                self.at += 1
        elif following == "(":
            arithmetic = command[at + 2 : at + 3] == "("
            self.open += ["))", "))"] if arithmetic else [")"]
            self.at += 3 if arithmetic else 2
        elif following == "'" and '"' not in self.open[-1:]:
            self.at = self.behind(command.find("'", at + 2))
        else:
            self.at += 2 if following and following in "0123456789@*#?$!-" else 1

    def behind(self, found: int) -> int:
        return len(self.command) if found < 0 else found + 1

    def document(self, word: str, indented: bool, is_quoted: bool) -> None:
        """A here-document: variables count in it unless its word is quoted."""
        for line in self.lines():
            if (line.lstrip("\t") if indented else line) == word:
                return
            if not is_quoted:
                self.used.update(_asked_in(line))

    def lines(self) -> Iterator[str]:
        while self.at < len(self.command):
            end = self.command.find("\n", self.at)
            line = self.command[self.at :] if end < 0 else self.command[self.at : end]
            self.at = self.behind(end)
            yield line


def _asked_in(line: str) -> set[str]:
    return set(re.findall(r"(?:\\.)|\$\{?[#!]?([A-Za-z_][A-Za-z0-9_]*)", line)) - {""}
