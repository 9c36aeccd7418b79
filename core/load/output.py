"""What a process printed, however much it was: the beginning and the end."""

from __future__ import annotations

from ..problems import number_of


class HeadAndTail:
    """Keeps the first and the last `half` bytes of a stream."""

    def __init__(self, half: int = 32 * 1024) -> None:
        self.half = half
        self.total = 0
        self._head = bytearray()
        self._tail = bytearray()

    def add(self, data: bytes) -> None:
        self.total += len(data)
        room = self.half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail += data[-self.half :]
            if len(self._tail) > 2 * self.half:
                del self._tail[: -self.half]

    def text(self) -> str:
        tail = bytes(self._tail[-self.half :])
        left_out = self.total - len(self._head) - len(tail)
        middle = f"\n… {number_of(left_out, 'byte')} left out …\n".encode() if left_out else b""
        return (bytes(self._head) + middle + tail).decode("utf-8", "replace")
