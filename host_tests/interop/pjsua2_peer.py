# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""A pjsua2 user agent on ::1 that does what lines of standard input say.

    python3 pjsua2_peer.py PORT

Lines: "call URI", "answer STATUS", "reinvite", "update", "hangup"; with calls counted from 0,
"transfer N URI", "attended N M", "keys N DIGITS" (INFO). It prints "ready", "incoming",
"state NAME STATUS" and "key DIGIT". A process of its own: its threads and its end are not ours.
"""

import os
import sys

import pjsua2


def say(text):
    """Print a line at once, from whatever thread."""
    os.write(1, text.encode() + b"\n")


class Call(pjsua2.Call):
    """Tells its states."""

    def onCallState(self, parameters):
        info = self.info() if callable(self.info) else self.info
        say("state %s %d" % (info.stateText, int(info.lastStatusCode)))

    def onDtmfDigit(self, parameters):
        say("key " + parameters.digit)


class Account(pjsua2.Account):
    """Keeps each call, and answers none by itself."""

    def __init__(self, calls):
        super().__init__()
        self.calls = calls

    def onIncomingCall(self, parameters):
        self.calls.append(Call(self, parameters.callId))
        say("incoming")


def main(port):
    """Serve until standard input ends."""
    endpoint = pjsua2.Endpoint()
    endpoint.libCreate()
    config = pjsua2.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    endpoint.libInit(config)
    transport = pjsua2.TransportConfig()
    transport.port = port
    transport.boundAddress = "::1"
    number = endpoint.transportCreate(pjsua2.TransportType.UDP6, transport)
    endpoint.libStart()
    devices = endpoint.audDevManager
    devices = devices() if callable(devices) else devices
    devices.setNullDev()
    settings = pjsua2.AccountConfig()
    settings.idUri = "sip:peer@[::1]:%d" % port
    settings.sipConfig.transportId = number
    settings.sipConfig.ipv6Use = pjsua2.Ipv6Use.ENABLED_PREFER_IPV6
    calls = []
    account = Account(calls)
    account.create(settings)
    say("ready")
    for line in sys.stdin:
        what, _, rest = line.strip().partition(" ")
        options = pjsua2.CallOpParam(True)
        if what == "call":
            calls.append(Call(account))
            calls[-1].makeCall(rest, options)
        elif what == "answer":
            options = pjsua2.CallOpParam()
            options.statusCode = pjsua2.StatusCode(int(rest))
            calls[-1].answer(options)
        elif what == "transfer":
            number, target = rest.split()
            calls[int(number)].xfer(target, options)
        elif what == "attended":
            number, target = rest.split()
            calls[int(number)].xferReplaces(calls[int(target)], options)
        elif what == "keys":
            number, keys = rest.split()
            sending = pjsua2.CallSendDtmfParam()
            sending.digits = keys
            sending.method = pjsua2.DtmfMethod.SIP_INFO
            calls[int(number)].sendDtmf(sending)
        else:
            getattr(calls[-1], what)(options)
    os._exit(0)  # its own end waits for threads that wait for ours


main(int(sys.argv[1]))
