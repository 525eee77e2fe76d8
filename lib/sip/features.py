# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""What a registrar grants besides the binding: Path (RFC 3327), Service-Route (RFC 3608), a kept
flow (RFC 5626), GRUU (RFC 5627); and what REGISTER says to have it."""

from vox6.sip import binding
from vox6.wire import const
from vox6.wire.errors import FormatError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from vox6.sip.account import Account
    from vox6.sip.agent import Agent
    from vox6.sip.flow import Flow
    from vox6.sip.headers import NameAddr
    from vox6.sip.message import Response

    Peer = tuple[bytes, int]

_MAX_FLOW_TIMER = const(3600)  # s


class Features:
    """Of one Registration, which is derived from it.

    path, service_route: header values of the last 2xx. public_gruu, temporary_gruu: URIs as text,
    "" without. is_outbound: the registrar keeps our flow.
    """

    def __init__(self, agent: "Agent", account: "Account", peer: "Peer") -> None:
        self.agent = agent
        self.account = account
        self.peer = peer
        self.transport = account.transport
        self.path: "list[str]" = []
        self.service_route: "list[str]" = []
        self.public_gruu = ""
        self.temporary_gruu = ""
        self.is_outbound = False
        self.flow: "Flow | None" = None
        self._asks_outbound = account.outbound and bool(account.instance_id)

    def _contact_params(self) -> str:
        if not self.account.instance_id:
            return ""
        params = ';+sip.instance="<' + self.account.instance_id + '>"'
        if self._asks_outbound:
            params += ";reg-id=%d" % self.account.reg_id
        return params

    def _supported(self) -> "list[str]":
        out = list(self.agent.extensions)
        wanted = ["path"]
        if self._asks_outbound:
            wanted.append("outbound")
        if self._asks_gruu():
            wanted.append("gruu")
        out += [option for option in wanted if option not in out]
        return out

    def _asks_gruu(self) -> bool:
        return self.account.gruu and bool(self.account.instance_id)

    def _take_features(self, contact: "NameAddr | None", response: "Response", now: int) -> None:
        """Take what else a 2xx says; what is malformed is as if it were not there."""
        self.path = self._routes(response, "path")
        self.service_route = self._routes(response, "service-route")
        if self._asks_gruu():
            self.public_gruu = binding.get_gruu(contact, "pub-gruu")
            self.temporary_gruu = binding.get_gruu(contact, "temp-gruu")
        timer = None
        try:
            self.is_outbound = self._asks_outbound and "outbound" in response.tokens("require")
            timer = response.number("flow-timer")
        except FormatError:
            self.agent.layer.count("malformed_responses")
        answers = self.is_outbound or any([binding.has_param(one, "ob") for one in self.path])
        interval = min(timer or 0, _MAX_FLOW_TIMER)
        if not answers:
            interval = interval or self.account.keepalive_s
        flow = self.flow
        if not answers and not interval:
            self._end_flow()
            return
        if flow is not None and (flow.peer, flow.transport) == (self.peer, self.transport):
            if flow.answers == answers and flow.interval == interval:
                return
        self._end_flow()
        self._begin_flow(answers, interval, now)

    def _routes(self, response: "Response", key: str) -> "list[str]":
        try:
            return binding.get_routes(response, key)
        except FormatError:
            self.agent.layer.count("malformed_responses")
            return []

    def _get_contact(self) -> str:
        gruu = self.public_gruu or self.temporary_gruu
        if gruu:
            return "<" + gruu + ">"
        if self.is_outbound:
            return self.agent.contact_address(self.account.user, self.transport)[:-1] + ";ob>"
        return ""

    def _begin_flow(self, answers: bool, interval: int, now: int) -> None:
        raise NotImplementedError

    def _end_flow(self) -> None:
        if self.flow is not None:
            self.flow.stop()
            self.flow = None
