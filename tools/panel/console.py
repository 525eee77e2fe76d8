# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The console of a virtual phone: its REPL, while the phone waits aside."""

import contextlib
from pathlib import Path
from types import TracebackType

from mpremote.transport import TransportError
from mpremote.transport_serial import SerialTransport

from tools.panel.errors import PanelError

_READ_S = 0.5  # a read gives up after this, so that the time for all of it is looked at
_ENTER_S = 3
_ANSWER_S = 10.0  # a phone that formats or writes its flash answers late
_ATTEMPTS = 4  # a phone may be busy leaving when the key for the raw REPL comes


class Console:
    """Raw REPL on the console of a phone (mpremote's transport).

    with Console(phone.console) as console:   # the phone stops; its calls go on in the engine
        print(console.run("import gc; print(gc.mem_alloc())"))
    # resume() has been given: the phone runs again
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._transport: SerialTransport | None = None

    def __enter__(self) -> "Console":
        try:
            transport = SerialTransport(str(self._path.resolve()), wait=5)
        except (TransportError, OSError) as error:
            raise PanelError(f"no REPL at {self._path}: {error}") from None
        transport.serial.timeout = _READ_S
        for attempt in range(_ATTEMPTS):
            try:
                transport.enter_raw_repl(soft_reset=False, timeout_overall=_ENTER_S)
                if attempt:
                    while transport.serial.read(256):
                        pass  # the prompts that answer the attempts before
                    transport.serial.write(b"\x01")  # and one more, for exec() to see
                transport.exec("pass")  # a phone that is just coming back takes the prompt away
                break
            except (TransportError, OSError) as error:
                if attempt == _ATTEMPTS - 1:
                    _close(transport)
                    raise PanelError(f"no REPL at {self._path}: {error}") from None
        transport.serial.timeout = _ANSWER_S
        self._transport = transport
        return self

    def run(self, code: str, timeout: float | None = 30.0) -> str:
        """Run code; what it printed. PanelError: it raised; the text holds the traceback."""
        assert self._transport is not None
        try:
            self._transport.exec_raw_no_follow(code)
            output, failure = self._transport.follow(timeout)
        except TransportError as error:
            raise PanelError(f"console: {error}") from None
        if failure:
            raise PanelError(failure.decode(errors="replace"))
        return bytes(output).decode(errors="replace")

    def start(self, code: str) -> None:
        """Run code and do not wait for its end."""
        assert self._transport is not None
        self._transport.exec_raw_no_follow(code)

    def finish(self, timeout: float | None = 30.0) -> str:
        """Wait for code that was started; what it printed."""
        assert self._transport is not None
        output, failure = self._transport.follow(timeout)
        if failure:
            raise PanelError(failure.decode(errors="replace"))
        return bytes(output).decode(errors="replace")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        transport, self._transport = self._transport, None
        if transport is None:
            return
        with contextlib.suppress(TransportError, OSError):
            transport.exec_raw_no_follow("resume()")
        _close(transport)


def _close(transport: SerialTransport) -> None:
    """Close the device, which may have gone with its phone."""
    with contextlib.suppress(TransportError, OSError):
        transport.close()
