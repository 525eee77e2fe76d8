# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""SIP (RFC 3261) as an engine without sockets and clock.

from vox6 import crypto, sip

agent = sip.Agent(crypto.provider(), crypto.provider().random)
agent.set_local(addr16, 5060, now)
session = agent.invite("sip:anna@[2001:db8::2]", peer, now, offer)
# drain agent.datagrams_to_send() and agent.next_event(), arm agent.get_timer()
"""

from vox6.wire.const import const

TYPE_CHECKING = const(0)
if TYPE_CHECKING:
    from .account import Account as Account
    from .agent import Agent as Agent
    from .dialog import Dialog as Dialog
    from .framing import StreamFramer as StreamFramer
    from .message import Request as Request
    from .message import Response as Response
    from .message import parse as parse
    from .redirection import TargetSet as TargetSet
    from .registration import Registration as Registration
    from .session import Session as Session
    from .target import parse_target as parse_target
    from .uri import URI as URI

_WHERE = {
    "Agent": "agent",
    "parse_target": "target",
    "TargetSet": "redirection",
    "Dialog": "dialog",
    "Request": "message",
    "Response": "message",
    "StreamFramer": "framing",
    "parse": "message",
    "Account": "account",
    "Registration": "registration",
    "Session": "session",
    "URI": "uri",
}
# One string, which takes no memory where it is frozen; each name between spaces.
_MODULES = (
    " account agent answering auth binding composing dialog dialog_info dtmf ending events "
    "exchange failover features flow following framing grammar handshake headers identity "
    "incoming info inviting layer lines markup message message_summary names notifier notify "
    "offered offers options paging phrases provisional rate redirection refer refresh "
    "registration replaces requesting salvage session state stun subscriber subscription "
    "subscription_state target timers transaction transport uri usage_events usages "
)


def __getattr__(name: str) -> "object":
    where = _WHERE.get(name)
    if where is not None:
        value = getattr(__import__(where, globals(), None, (name,), 1), name)
    elif " " + name + " " in _MODULES:
        # MicroPython asks here first for `from vox6.sip import agent`.
        value = __import__(name, globals(), None, (name,), 1)
    else:
        raise AttributeError(name)
    globals()[name] = value
    return value
