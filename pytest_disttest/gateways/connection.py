"""A usable host, connected: where its agent is started, talked to and ended."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Lock
from types import ModuleType
from typing import Any

import execnet

from pytest_disttest.errors import HostUnusable, ProtocolFault
from pytest_disttest.gateways import popen, shipping
from pytest_disttest.gateways.greeting import Hello
from pytest_disttest.gateways.process import ProcessStream
from pytest_disttest.model import Host

Message = tuple[Any, ...]
Deliver = Callable[[Message | None], None]
END = object()
"""execnet's mark for the end of a channel: nothing that a host could send."""

READY_TIMEOUT_S = 60.0
LOST_HINT = "`-v` shows what else it said; the run goes on with the other hosts"


class Exchange:
    """A conversation with a task on a host; execnet's exceptions become ``HostUnusable``."""

    def __init__(self, connection: Connection, channel: execnet.Channel) -> None:
        self._connection, self._channel = connection, channel

    def send(self, message: Message) -> None:
        """Send *message*, a tuple of builtins; raises HostUnusable when the host is gone."""
        try:
            self._channel.send(message)
        except OSError as error:
            raise self._connection.lost(error) from None
        except (execnet.DumpError, ValueError) as error:
            raise ProtocolFault(f"cannot be sent to a host: {error}") from None

    def receive(self, timeout_s: float) -> Message:
        """Return the next message; raises HostUnusable when there is none in time, or the task or host ended."""
        host = self._connection.host.name
        try:
            message = self._channel.receive(timeout_s)
        except self._channel.TimeoutError:
            raise HostUnusable(host, "timeout", f"no answer within {timeout_s:.0f} s", hint=LOST_HINT) from None
        except self._channel.RemoteError as error:
            raise self._connection.broken(error.formatted) from None
        except (EOFError, OSError) as error:
            raise self._connection.lost(error) from None
        try:
            return checked(message)
        except ProtocolFault as fault:
            raise self._connection.broken(fault.message) from None

    def close(self) -> None:
        """End the conversation; the task finds its channel closed."""
        with suppress(OSError, EOFError, execnet.RemoteError):
            self._channel.close()


def checked(message: object) -> Message:
    """Return *message* when it is one; raises ProtocolFault for anything else that a host may send."""
    if isinstance(message, tuple) and message:
        return message
    raise ProtocolFault(f"not a message: {message!r:.80}")


class Connection:
    """A gateway to one host, with its first task waiting to become the agent.

    *directory* is where the suite lies there: the working directory of the far interpreter until
    ``sync_tree`` has put a tree somewhere. *hello* is what the host said of itself.
    """

    def __init__(
        self, host: Host, hello: Hello, stream: ProcessStream, gateway: execnet.Gateway, channel: execnet.Channel
    ) -> None:
        self.host, self.hello = host, hello
        self.directory = hello.cwd
        self._stream, self._gateway, self._channel = stream, gateway, channel
        self._agent = Exchange(self, channel)
        self._last_words = ""
        self._ended = False
        self._closing = Lock()
        self._closed = False

    @property
    def shares_files(self) -> bool:
        """Whether the host works in the controller's own file system."""
        return self.host.transport == "local"

    def start_agent(
        self,
        deliver: Deliver,
        *,
        shipment: shipping.Shipment = shipping.OWN_AGENT,
        orders: Iterable[Message] = (),
    ) -> None:
        """Ship our sources, start the agent from exactly there in ``directory``, and hand the channel to it.

        An agent in the controller's own interpreter runs from the controller's own package, uncopied. It finds
        *orders* waiting, so that it can carry them out before it is heard of. *deliver* gets every message of the
        agent in execnet's receiver thread, and None once, at the end. Raises HostUnusable when the host does not
        take the package.
        """
        own = self.shares_files and popen.is_own_interpreter(self.host) and not shipment.extra
        order = {
            "package_dir": str(shipping.package_directory()) if own else "",
            "sources": b"" if own else shipping.pack(shipping.gather(shipment.extra)),
            "directory": self.directory,
            "agent": shipment.agent,
        }
        self._agent.send(("launch", order))
        for message in orders:
            self._agent.send(message)
        ready = self._agent.receive(READY_TIMEOUT_S)
        if ready[0] != "ready":
            raise self.broken(f"{ready!r:.80} instead of 'ready'")
        self._channel.setcallback(self._delivering(deliver), endmarker=END)

    def send(self, message: Message) -> None:
        """Send *message* to the agent; raises HostUnusable (lost) when the connection is gone.

        Returns at once while less than 8 MiB wait to be taken; fails after a minute without progress.
        """
        if self._ended:  # ssh may outlive the channel by a moment and take what nobody will read
            raise self.lost(EOFError("the agent has ended"))
        self._agent.send(message)

    def exchange(self, task: ModuleType) -> Exchange:
        """Run the module *task* on the host, beside the agent, and return the conversation with it."""
        try:
            return Exchange(self, self._gateway.remote_exec(task))
        except OSError as error:
            raise self.lost(error) from None

    def stderr_tail(self) -> str:
        """Return the last lines that ssh or the far interpreter wrote to stderr, and how the agent ended if badly."""
        return "\n".join(part for part in (self._stream.tail(), self._last_words) if part)

    def close(self, timeout_s: float = 5.0) -> bool:
        """End the far interpreter in order, or after *timeout_s* by force; return false for the latter."""
        with self._closing:
            if self._closed:
                return True
            self._closed = True
            with suppress(OSError, EOFError):
                self._gateway.exit()
            in_order = self._stream.ended_within(timeout_s)
            if not in_order:
                self._stream.kill()
            self._gateway.join(1.0)
            return in_order

    def kill(self) -> None:
        """End the far interpreter (on this machine) or ssh (the host then finds its channel closed), at once."""
        self._stream.kill()
        self._gateway.join(1.0)

    def lost(self, cause: BaseException) -> HostUnusable:
        """Return the error for a connection that is gone."""
        said = self._stream.tail().splitlines()[-1:] or [str(cause) or "the connection ended"]
        return HostUnusable(self.host.name, "lost", f"the connection is gone ({said[0]})", hint=LOST_HINT)

    def broken(self, text: str) -> HostUnusable:
        """Return the error for a far side that failed or spoke nonsense; *text* may be its traceback."""
        said = next((line for line in reversed(text.splitlines()) if line.strip()), "no reason given")
        message = f"our program on the host failed ({said.strip()})"
        return HostUnusable(self.host.name, "protocol", message, hint=f"this is a bug worth reporting; in full: {text}")

    def _delivering(self, deliver: Deliver) -> Callable[[object], None]:
        """Return *deliver* guarded: what it raises would make execnet close the channel and then fail on its own."""

        def guarded(message: object) -> None:
            try:
                if message is END:
                    self._ended = True
                    self._note_ending()
                    deliver(None)
                else:
                    deliver(checked(message))
            except Exception:
                self._last_words = traceback.format_exc()
                self._stream.kill()

        return guarded

    def _note_ending(self) -> None:
        # execnet offers the agent's traceback through waitclose() only, which does not know it yet at this point.
        errors = self._channel._remoteerrors
        if errors:
            self._last_words = str(errors[0])
            errors.clear()  # or execnet prints them when the channel is dropped
