"""The one child of the app: starts programs for it, ends each with its whole tree, and leaves none behind
when the app is gone. Run as a plain file (`python -I -S -E supervisor.py FD`); it imports nothing of ours.

The app writes frames (4 bytes of length, then fields joined by NUL; descriptors travel beside them):
`env K=V…` what every program gets · `run ID TARGETS CWD COUNT ARG… K=V…` · `end ID GRACE` · `quit`.
Back come lines: `pid ID PID` · `no ID REASON` · `exit ID STATUS ESCAPED` (negative status: a signal; ESCAPED:
processes that did not die, by comma). TARGETS `1,2;3` puts the first descriptor on 1 and 2, the second on 3.
"""

from __future__ import annotations

# The C modules themselves: their Python fronts import enum and re, which would double the start.
import _signal  # type: ignore[import-not-found]
import _socket
import fcntl
import os
import select
import sys
import time

TERM, KILL, CONT = int(_signal.SIGTERM), int(_signal.SIGKILL), int(_signal.SIGCONT)
TICK = 0.01
SWEEP = 1.0
"""Seconds for a killed tree to be gone, before what is left of it is named as escaped."""
QUIT_GRACE = 2.0
HIGH = 16
"""Our own descriptors stay above this, so that none is in the way of those of a program."""
TAG = b"BAKEHOUSE_ATTEMPT="

Table = dict[int, tuple[int, int, str]]  # pid → (parent, session, state)


class Attempt:
    """A program that was started, its session being its pid."""

    def __init__(self, name: bytes, pid: int) -> None:
        self.name, self.pid = name, pid
        self.status: int | None = None
        self.kill_at: float | None = None
        self.give_up_at = 0.0


# ---- what runs on this machine ---------------------------------------------------------------


def processes() -> Table:
    """Every process of this machine that is not a zombie."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - pathlib would double the start
    except OSError:
        return processes_by_ps()
    table: Table = {}
    for name in names:
        if name.isdigit() and (row := _row(name)) is not None:
            table[int(name)] = row
    return table if os.getpid() in table else processes_by_ps()


def _row(name: str) -> tuple[int, int, str] | None:
    try:
        text = read(f"/proc/{name}/stat")
    except OSError:
        return None
    fields = text[text.rfind(b")") + 2 :].split()
    state = fields[0].decode()
    return None if state in "ZX" else (int(fields[1]), int(fields[3]), state)


def processes_by_ps() -> Table:
    """The same where there is no /proc; the process group stands for the session."""
    table: Table = {}
    for line in output_of("/bin/ps", "-axo", "pid=,ppid=,pgid=,stat=").splitlines():
        fields = line.split()
        if len(fields) >= 4 and not fields[3].startswith(b"Z"):
            table[int(fields[0])] = (int(fields[1]), int(fields[2]), fields[3].decode())
    return table


def tag_of(pid: int) -> bytes:
    """The attempt that a process says it belongs to, or nothing."""
    try:
        text = b"\0" + read(f"/proc/{pid}/environ")
    except OSError:
        if "linux" in sys.platform:
            return b""
        text = output_of("/bin/ps", "-Eww", "-o", "command=", "-p", str(pid)).replace(b" ", b"\0")
    _, found, rest = text.partition(b"\0" + TAG)
    return rest.partition(b"\0")[0].strip() if found else b""


def read(path: str) -> bytes:
    return drained(os.open(path, os.O_RDONLY))


def drained(fd: int) -> bytes:
    parts = []
    try:
        while part := os.read(fd, 65536):
            parts.append(part)
    finally:
        os.close(fd)
    return b"".join(parts)


def output_of(*argv: str) -> bytes:
    reading, writing = os.pipe()
    try:
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writing, 1)])
    except OSError:
        os.close(reading)
        return b""
    finally:
        os.close(writing)
    text = drained(reading)
    os.waitpid(pid, 0)
    return text


def kill(pid: int, number: int, *, group: bool = False) -> None:
    try:
        (os.killpg if group else os.kill)(pid, number)
    except OSError:
        return


def adopt_orphans() -> bool:
    """On Linux, orphans among our descendants become our children. Says whether they do."""
    import ctypes

    return "linux" in sys.platform and bool(ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0)


# ---- the supervisor --------------------------------------------------------------------------


class Supervisor:
    """One loop over the app's socket and SIGCHLD. Nothing in it waits for a program."""

    def __init__(self, socket: _socket.socket) -> None:
        self.socket = socket
        self.attempts: dict[bytes, Attempt] = {}
        self.base: dict[bytes, bytes] = {}
        self.received = bytearray()
        self.descriptors: list[int] = []
        self.unsent = bytearray()
        self.null = above(os.open("/dev/null", os.O_RDWR))
        self.wake, self.wakened = (above(fd) for fd in os.pipe())
        self.adopts = adopt_orphans()
        self.quitting = False
        os.set_blocking(self.wakened, False)
        _signal.set_wakeup_fd(self.wakened, warn_on_full_buffer=False)
        _signal.signal(_signal.SIGCHLD, lambda *_: None)
        _signal.signal(_signal.SIGTERM, self.terminated)
        _signal.signal(_signal.SIGINT, _signal.SIG_IGN)
        _signal.signal(_signal.SIGHUP, _signal.SIG_IGN)
        self.defaults = [_signal.SIGPIPE, _signal.SIGINT, _signal.SIGHUP, _signal.SIGXFSZ]

    def terminated(self, *_: object) -> None:
        self.end_all(0.0)
        self.quitting = True

    def run(self) -> None:
        poll = select.poll()
        poll.register(self.wake, select.POLLIN)
        while not (self.quitting and not self.attempts):
            flags = select.POLLIN | (select.POLLOUT if self.unsent else 0)
            poll.register(self.socket.fileno(), flags)
            busy = any(a.kill_at is not None for a in self.attempts.values())
            for fd, event in poll.poll(TICK * 1000 if busy else None):
                if fd == self.wake:
                    os.read(self.wake, 4096)
                elif event & ~select.POLLOUT and not self.listen():
                    return
            self.reap()
            self.tend()
            self.flush()

    # -- the app's side

    def listen(self) -> bool:
        """Take what the app wrote; False when it is gone."""
        space = _socket.CMSG_SPACE(4 * 32)
        try:
            data, beside, _, _ = self.socket.recvmsg(1 << 16, space)
        except BlockingIOError:
            return True
        except OSError:
            return False
        for level, kind, raw in beside:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
                for at in range(0, len(raw) - len(raw) % 4, 4):
                    self.descriptors.append(above(int.from_bytes(raw[at : at + 4], sys.byteorder)))
        self.received += data
        while len(self.received) >= 4:
            end = 4 + int.from_bytes(self.received[:4], "big")
            if len(self.received) < end:
                break
            frame = bytes(self.received[4:end])
            del self.received[:end]
            self.obey(frame.split(b"\0"))
        return bool(data)

    def obey(self, fields: list[bytes]) -> None:
        verb = fields[0]
        if verb == b"run":
            self.start(fields)
        elif verb == b"end" and (attempt := self.attempts.get(fields[1])):
            self.end(attempt, float(fields[2]))
        elif verb == b"env":
            self.base = pairs(fields[1:])
        elif verb == b"quit":
            self.quitting = True
            self.end_all(QUIT_GRACE)

    def start(self, fields: list[bytes]) -> None:
        _, name, targets, cwd, count, *rest = fields
        argv, env = rest[: int(count)], {**self.base, **pairs(rest[int(count) :])}
        env[TAG[:-1]] = name
        wanted = [part.split(b",") for part in targets.split(b";")] if targets else []
        mine, self.descriptors = self.descriptors[: len(wanted)], self.descriptors[len(wanted) :]
        actions = [(os.POSIX_SPAWN_DUP2, self.null, target) for target in (0, 1, 2)]
        for fd, numbers in zip(mine, wanted, strict=False):
            actions += [(os.POSIX_SPAWN_DUP2, fd, int(number)) for number in numbers]
        try:
            if self.quitting:
                raise OSError("the supervisor is closing")
            os.chdir(cwd)
            pid = self.spawn(argv, env, actions)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            what = cwd if getattr(error, "filename", None) == cwd else argv[0]
            self.say(b"no", name, os.fsencode(f"{reason}: ") + what)
        else:
            self.attempts[name] = Attempt(name, pid)
            self.say(b"pid", name, b"%d" % pid)
        finally:
            for fd in mine:
                os.close(fd)

    def spawn(self, argv: list[bytes], env: dict[bytes, bytes], actions: list[tuple[int, int, int]]) -> int:
        common = {"file_actions": actions, "setsigmask": (), "setsigdef": self.defaults}
        try:
            return os.posix_spawn(argv[0], argv, env, setsid=True, **common)  # type: ignore[arg-type]
        except NotImplementedError:  # an old C library: a group of its own is the next best
            return os.posix_spawn(argv[0], argv, env, setpgroup=0, **common)  # type: ignore[arg-type]

    def say(self, *fields: bytes) -> None:
        self.unsent += b" ".join(f.replace(b"\n", b" ") for f in fields) + b"\n"

    def flush(self) -> None:
        while self.unsent:
            try:
                del self.unsent[: self.socket.send(self.unsent)]
            except OSError:
                return  # full: later; gone: the next reading says so

    # -- the programs' side

    def end(self, attempt: Attempt, grace: float) -> None:
        """Ask the tree to end, and kill it when the grace is over."""
        at = time.monotonic() + grace
        if attempt.kill_at is not None:
            attempt.kill_at = min(attempt.kill_at, at)
            return
        attempt.kill_at = at
        members = self.trees(processes()).get(attempt.name, set())
        for number in (TERM, CONT) if grace > 0 else (KILL,):
            if attempt.status is None:
                kill(attempt.pid, number, group=True)
            for pid in members:
                kill(pid, number)

    def end_all(self, grace: float) -> None:
        for attempt in self.attempts.values():
            self.end(attempt, grace)

    def reap(self) -> None:
        by_pid = {a.pid: a for a in self.attempts.values() if a.status is None}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except OSError:
                return
            if pid == 0:
                return
            if attempt := by_pid.get(pid):
                attempt.status = os.waitstatus_to_exitcode(status)
                now = time.monotonic()
                attempt.kill_at = now if attempt.kill_at is None else attempt.kill_at
                attempt.give_up_at = max(now, attempt.kill_at) + SWEEP

    def tend(self) -> None:
        """Bring every attempt that is ending one step further."""
        ending = [a for a in self.attempts.values() if a.kill_at is not None]
        if not ending:
            return
        if all(a.status is not None for a in ending) and self.alone():
            for attempt in ending:
                self.close(attempt, set())
            return
        trees, now = self.trees(processes()), time.monotonic()
        for attempt in ending:
            members = trees.get(attempt.name, set())
            if attempt.status is not None and (not members or now > attempt.give_up_at):
                self.close(attempt, members)
            elif attempt.kill_at is not None and now >= attempt.kill_at:
                if attempt.status is None:
                    kill(attempt.pid, KILL, group=True)
                for pid in members:
                    kill(pid, KILL)

    def close(self, attempt: Attempt, left: set[int]) -> None:
        del self.attempts[attempt.name]
        escaped = b",".join(b"%d" % pid for pid in sorted(left))
        self.say(b"exit", attempt.name, b"%d" % (attempt.status or 0), escaped)

    def alone(self) -> bool:
        """Whether we have no child but the programs themselves: then nothing is left of those that ended."""
        if not self.adopts:
            return False
        try:
            children = read(f"/proc/self/task/{os.getpid()}/children").split()
        except OSError:
            return False
        running = {a.pid for a in self.attempts.values() if a.status is None}
        return all(int(child) in running for child in children)

    def trees(self, table: Table) -> dict[bytes, set[int]]:
        """The processes of every attempt: by parentage, else by session, else by what they say they are."""
        me = os.getpid()
        owners: dict[int, bytes] = {a.pid: a.name for a in self.attempts.values() if a.status is None}
        sessions = {a.pid: a.name for a in self.attempts.values()}

        def owner(pid: int) -> bytes:
            if pid in owners or pid not in table or pid in (me, 1):
                return owners.get(pid, b"")
            owners[pid] = b""
            parent, session, _ = table[pid]
            found = owner(parent) or sessions.get(session, b"")
            if not found and (parent == me or not self.adopts):
                found = tag_of(pid)
            owners[pid] = found
            return found

        trees: dict[bytes, set[int]] = {}
        for pid in table:
            if (name := owner(pid)) in self.attempts:
                trees.setdefault(name, set()).add(pid)
        return trees

    def kill_everything(self) -> None:
        """Kill every descendant until none is left, or until those that are left cannot be killed."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            table = processes()
            mine = set().union(*self.trees(table).values()) | below(os.getpid(), table)
            if not mine:
                return
            for pid in mine:
                kill(pid, KILL)
            time.sleep(0.002)
            self.reap()


def below(pid: int, table: Table) -> set[int]:
    """All descendants of a process."""
    found: set[int] = set()
    more = {pid}
    while more:
        more = {child for child, (parent, _, _) in table.items() if parent in more} - found
        found |= more
    return found


def pairs(fields: list[bytes]) -> dict[bytes, bytes]:
    return {name: value for name, _, value in (field.partition(b"=") for field in fields) if name}


def above(fd: int) -> int:
    """The same descriptor with a high number, closed when a program starts."""
    moved: int = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, HIGH)
    os.close(fd)
    return moved


def main() -> None:
    socket = _socket.socket(fileno=above(int(sys.argv[1])))
    socket.setblocking(False)
    supervisor = Supervisor(socket)
    try:
        supervisor.run()
    except Exception as error:  # told to the app, which then fails what was running
        supervisor.say(b"bug", os.fsencode(f"{type(error).__name__}: {error}"))
        supervisor.flush()
    supervisor.kill_everything()
    os._exit(0)


if __name__ == "__main__":
    main()
