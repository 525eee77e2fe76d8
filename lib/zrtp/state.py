# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""All states of one ZRTP stream and the transitions between them.

Discovery (RFC 6189 section 4.1)
    Idle               not started
    HelloSent          our Hello is repeated by T1; nothing came from the peer
    HelloAcknowledged  HelloACK came; the peer's Hello is still to come
    PeerKnown          the peer's Hello came and was acknowledged; ours is repeated
    Discovered         both; a Commit follows at once, unless the policy is passive, another
                       stream's exchange runs (then it waits), or the peer's comes first
    Silent             the Hellos are exhausted; a late Hello or Commit is still taken
Key agreement (sections 4.2 and 4.4)
    CommitSent         we are the initiator, if contention does not decide otherwise; T2 runs
    DHPart1Sent        we are the responder, DH mode
    DHPart2Sent        initiator, DH mode; T2 runs; DHResult is computed when DHPart2 has left
    Confirm1Sent       responder; the keys are computed, not in use
    Confirm2Sent       initiator; the key to receive is in use; T2 runs
After it
    Secure             both keys are in use; Multistream mode can serve other streams
    GoClearSent        our GoClear is repeated by T2 (section 4.7.2)
    Clear              the keys are gone by GoClear; go_secure or the peer's Commit bring new ones
    ErrorSent          our Error is repeated by T2 (section 4.7.1)
    Failed             the exchange has ended; the peer's Error is still acknowledged
    Terminated         stop() was called: nothing is sent or taken any more

TABLE is {(state, event): (action, next_state)}. Events are messages by their names, "Commit"
with its mode; commands (start, go_clear, go_secure, srtp); timers (begin, agree, watchdog,
silence, exhausted, remember); and collision, a packet with our own SSRC. An action verifies first
and commits last: when it raises, the state stays (Ignored) or an Error is sent (Refused, next
state ErrorSent). Where next_state is None the action tells it. An event that the table lacks is
counted and nothing else. stop() is allowed in every state.
"""

from vox6.wire import const

# Folded by the compiler of MicroPython, so that the tuples of the table stay in flash.
_IDLE = const("Idle")
_HELLO_SENT = const("HelloSent")
_HELLO_ACKNOWLEDGED = const("HelloAcknowledged")
_PEER_KNOWN = const("PeerKnown")
_DISCOVERED = const("Discovered")
_SILENT = const("Silent")
_COMMIT_SENT = const("CommitSent")
_DHPART1_SENT = const("DHPart1Sent")
_DHPART2_SENT = const("DHPart2Sent")
_CONFIRM1_SENT = const("Confirm1Sent")
_CONFIRM2_SENT = const("Confirm2Sent")
_SECURE = const("Secure")
_GOCLEAR_SENT = const("GoClearSent")
_CLEAR = const("Clear")
_ERROR_SENT = const("ErrorSent")
_FAILED = const("Failed")
_TERMINATED = const("Terminated")

IDLE = _IDLE
HELLO_SENT = _HELLO_SENT
HELLO_ACKNOWLEDGED = _HELLO_ACKNOWLEDGED
PEER_KNOWN = _PEER_KNOWN
DISCOVERED = _DISCOVERED
SILENT = _SILENT
COMMIT_SENT = _COMMIT_SENT
DHPART1_SENT = _DHPART1_SENT
DHPART2_SENT = _DHPART2_SENT
CONFIRM1_SENT = _CONFIRM1_SENT
CONFIRM2_SENT = _CONFIRM2_SENT
SECURE = _SECURE
GOCLEAR_SENT = _GOCLEAR_SENT
CLEAR = _CLEAR
ERROR_SENT = _ERROR_SENT
FAILED = _FAILED
TERMINATED = _TERMINATED

TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (_IDLE, "start"): ("begin_hello", _HELLO_SENT),
    (_HELLO_SENT, "Hello"): ("accept_hello", _PEER_KNOWN),
    (_HELLO_SENT, "HelloACK"): ("hello_acknowledged", _HELLO_ACKNOWLEDGED),
    (_HELLO_SENT, "exhausted"): ("silent", _SILENT),
    (_HELLO_SENT, "Error"): ("acknowledge_error", _HELLO_SENT),
    (_HELLO_SENT, "collision"): ("collide", None),
    (_HELLO_ACKNOWLEDGED, "Hello"): ("accept_last_hello", _DISCOVERED),
    (_HELLO_ACKNOWLEDGED, "silence"): ("silent", _SILENT),
    (_HELLO_ACKNOWLEDGED, "Error"): ("acknowledge_error", _HELLO_ACKNOWLEDGED),
    (_HELLO_ACKNOWLEDGED, "collision"): ("collide", None),
    (_PEER_KNOWN, "Hello"): ("repeat_hello_ack", _PEER_KNOWN),
    (_PEER_KNOWN, "HelloACK"): ("discovered", _DISCOVERED),
    (_PEER_KNOWN, "Commit DH"): ("respond_dh", _DHPART1_SENT),
    (_PEER_KNOWN, "Commit Mult"): ("respond_mult", _CONFIRM1_SENT),
    (_PEER_KNOWN, "Commit Prsh"): ("respond_prsh", None),
    (_PEER_KNOWN, "exhausted"): ("silent", _SILENT),
    (_PEER_KNOWN, "Error"): ("failed_by_peer", _FAILED),
    (_DISCOVERED, "Hello"): ("repeat_hello_ack", _DISCOVERED),
    (_DISCOVERED, "begin"): ("commit", _COMMIT_SENT),
    (_DISCOVERED, "Commit DH"): ("respond_dh", _DHPART1_SENT),
    (_DISCOVERED, "Commit Mult"): ("respond_mult", _CONFIRM1_SENT),
    (_DISCOVERED, "Commit Prsh"): ("respond_prsh", None),
    (_DISCOVERED, "Error"): ("failed_by_peer", _FAILED),
    (_SILENT, "Hello"): ("late_hello", None),
    (_SILENT, "HelloACK"): ("late_hello_ack", None),
    (_SILENT, "Commit DH"): ("respond_dh", _DHPART1_SENT),
    (_SILENT, "Commit Mult"): ("respond_mult", _CONFIRM1_SENT),
    (_SILENT, "Commit Prsh"): ("respond_prsh", None),
    (_SILENT, "Error"): ("acknowledge_error", _SILENT),
    (_SILENT, "collision"): ("collide", None),
    (_COMMIT_SENT, "Hello"): ("repeat_hello_ack", _COMMIT_SENT),
    (_COMMIT_SENT, "Commit DH"): ("contend", None),
    (_COMMIT_SENT, "Commit Mult"): ("contend", None),
    (_COMMIT_SENT, "Commit Prsh"): ("contend", None),
    (_COMMIT_SENT, "DHPart1"): ("accept_dhpart1", _DHPART2_SENT),
    (_COMMIT_SENT, "Confirm1"): ("accept_confirm1_without_dh", _CONFIRM2_SENT),
    (_COMMIT_SENT, "exhausted"): ("timed_out", None),
    (_COMMIT_SENT, "Error"): ("failed_by_peer", _FAILED),
    (_DHPART1_SENT, "Hello"): ("repeat_hello_ack", _DHPART1_SENT),
    (_DHPART1_SENT, "Commit DH"): ("repeat_reply", _DHPART1_SENT),
    (_DHPART1_SENT, "DHPart2"): ("accept_dhpart2", _CONFIRM1_SENT),
    (_DHPART1_SENT, "watchdog"): ("timed_out", None),
    (_DHPART1_SENT, "Error"): ("failed_by_peer", _FAILED),
    (_DHPART2_SENT, "Hello"): ("repeat_hello_ack", _DHPART2_SENT),
    (_DHPART2_SENT, "agree"): ("agree", _DHPART2_SENT),
    (_DHPART2_SENT, "Confirm1"): ("accept_confirm1", _CONFIRM2_SENT),
    (_DHPART2_SENT, "exhausted"): ("timed_out", None),
    (_DHPART2_SENT, "Error"): ("failed_by_peer", _FAILED),
    (_CONFIRM1_SENT, "Hello"): ("repeat_hello_ack", _CONFIRM1_SENT),
    (_CONFIRM1_SENT, "Commit Mult"): ("repeat_reply", _CONFIRM1_SENT),
    (_CONFIRM1_SENT, "Commit Prsh"): ("repeat_reply", _CONFIRM1_SENT),
    (_CONFIRM1_SENT, "DHPart2"): ("repeat_reply", _CONFIRM1_SENT),
    (_CONFIRM1_SENT, "Confirm2"): ("accept_confirm2", _SECURE),
    (_CONFIRM1_SENT, "watchdog"): ("timed_out", None),
    (_CONFIRM1_SENT, "Error"): ("failed_by_peer", _FAILED),
    (_CONFIRM2_SENT, "Hello"): ("repeat_hello_ack", _CONFIRM2_SENT),
    (_CONFIRM2_SENT, "Conf2ACK"): ("confirmed", _SECURE),
    (_CONFIRM2_SENT, "srtp"): ("confirmed", _SECURE),
    (_CONFIRM2_SENT, "exhausted"): ("timed_out", None),
    (_CONFIRM2_SENT, "Error"): ("failed_by_peer", _FAILED),
    (_SECURE, "Hello"): ("repeat_hello_ack", _SECURE),
    (_SECURE, "Confirm2"): ("repeat_reply", _SECURE),
    (_SECURE, "remember"): ("remember", _SECURE),
    (_SECURE, "go_clear"): ("send_go_clear", _GOCLEAR_SENT),
    (_SECURE, "GoClear"): ("accept_go_clear", None),
    (_SECURE, "SASrelay"): ("accept_relay", _SECURE),
    (_SECURE, "Error"): ("late_error", _SECURE),
    (_SECURE, "ErrorACK"): ("stop_repeating", _SECURE),
    (_SECURE, "exhausted"): ("nothing", _SECURE),
    (_GOCLEAR_SENT, "ClearACK"): ("clear_acknowledged", _CLEAR),
    (_GOCLEAR_SENT, "Confirm2"): ("repeat_reply", _GOCLEAR_SENT),
    (_GOCLEAR_SENT, "GoClear"): ("accept_go_clear", None),
    (_GOCLEAR_SENT, "remember"): ("remember", _GOCLEAR_SENT),
    (_GOCLEAR_SENT, "exhausted"): ("clear_unacknowledged", _CLEAR),
    (_GOCLEAR_SENT, "Error"): ("clear_refused", _SECURE),
    (_CLEAR, "Hello"): ("repeat_hello_ack", _CLEAR),
    (_CLEAR, "GoClear"): ("repeat_reply", _CLEAR),
    (_CLEAR, "go_secure"): ("commit", _COMMIT_SENT),
    (_CLEAR, "Commit DH"): ("respond_dh", _DHPART1_SENT),
    (_CLEAR, "Commit Mult"): ("respond_mult", _CONFIRM1_SENT),
    (_CLEAR, "Error"): ("acknowledge_error", _CLEAR),
    (_ERROR_SENT, "ErrorACK"): ("stop_repeating", _FAILED),
    (_ERROR_SENT, "exhausted"): ("nothing", _FAILED),
    (_ERROR_SENT, "Error"): ("acknowledge_error", _ERROR_SENT),
    (_FAILED, "Error"): ("acknowledge_error", _FAILED),
}

# Every endpoint answers a Ping (section 5.15).
for _state in (
    _HELLO_SENT,
    _HELLO_ACKNOWLEDGED,
    _PEER_KNOWN,
    _DISCOVERED,
    _SILENT,
    _COMMIT_SENT,
    _DHPART1_SENT,
    _DHPART2_SENT,
    _CONFIRM1_SENT,
    _CONFIRM2_SENT,
    _SECURE,
    _GOCLEAR_SENT,
    _CLEAR,
    _ERROR_SENT,
    _FAILED,
):
    TABLE[(_state, "Ping")] = ("answer_ping", _state)
