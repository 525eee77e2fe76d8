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

IDLE = "Idle"
HELLO_SENT = "HelloSent"
HELLO_ACKNOWLEDGED = "HelloAcknowledged"
PEER_KNOWN = "PeerKnown"
DISCOVERED = "Discovered"
SILENT = "Silent"
COMMIT_SENT = "CommitSent"
DHPART1_SENT = "DHPart1Sent"
DHPART2_SENT = "DHPart2Sent"
CONFIRM1_SENT = "Confirm1Sent"
CONFIRM2_SENT = "Confirm2Sent"
SECURE = "Secure"
GOCLEAR_SENT = "GoClearSent"
CLEAR = "Clear"
ERROR_SENT = "ErrorSent"
FAILED = "Failed"
TERMINATED = "Terminated"

TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (IDLE, "start"): ("begin_hello", HELLO_SENT),
    (HELLO_SENT, "Hello"): ("accept_hello", PEER_KNOWN),
    (HELLO_SENT, "HelloACK"): ("hello_acknowledged", HELLO_ACKNOWLEDGED),
    (HELLO_SENT, "exhausted"): ("silent", SILENT),
    (HELLO_SENT, "Error"): ("acknowledge_error", HELLO_SENT),
    (HELLO_SENT, "collision"): ("collide", None),
    (HELLO_ACKNOWLEDGED, "Hello"): ("accept_last_hello", DISCOVERED),
    (HELLO_ACKNOWLEDGED, "silence"): ("silent", SILENT),
    (HELLO_ACKNOWLEDGED, "Error"): ("acknowledge_error", HELLO_ACKNOWLEDGED),
    (HELLO_ACKNOWLEDGED, "collision"): ("collide", None),
    (PEER_KNOWN, "Hello"): ("repeat_hello_ack", PEER_KNOWN),
    (PEER_KNOWN, "HelloACK"): ("discovered", DISCOVERED),
    (PEER_KNOWN, "Commit DH"): ("respond_dh", DHPART1_SENT),
    (PEER_KNOWN, "Commit Mult"): ("respond_mult", CONFIRM1_SENT),
    (PEER_KNOWN, "Commit Prsh"): ("respond_prsh", None),
    (PEER_KNOWN, "exhausted"): ("silent", SILENT),
    (PEER_KNOWN, "Error"): ("failed_by_peer", FAILED),
    (DISCOVERED, "Hello"): ("repeat_hello_ack", DISCOVERED),
    (DISCOVERED, "begin"): ("commit", COMMIT_SENT),
    (DISCOVERED, "Commit DH"): ("respond_dh", DHPART1_SENT),
    (DISCOVERED, "Commit Mult"): ("respond_mult", CONFIRM1_SENT),
    (DISCOVERED, "Commit Prsh"): ("respond_prsh", None),
    (DISCOVERED, "Error"): ("failed_by_peer", FAILED),
    (SILENT, "Hello"): ("late_hello", None),
    (SILENT, "HelloACK"): ("late_hello_ack", None),
    (SILENT, "Commit DH"): ("respond_dh", DHPART1_SENT),
    (SILENT, "Commit Mult"): ("respond_mult", CONFIRM1_SENT),
    (SILENT, "Commit Prsh"): ("respond_prsh", None),
    (SILENT, "Error"): ("acknowledge_error", SILENT),
    (SILENT, "collision"): ("collide", None),
    (COMMIT_SENT, "Hello"): ("repeat_hello_ack", COMMIT_SENT),
    (COMMIT_SENT, "Commit DH"): ("contend", None),
    (COMMIT_SENT, "Commit Mult"): ("contend", None),
    (COMMIT_SENT, "Commit Prsh"): ("contend", None),
    (COMMIT_SENT, "DHPart1"): ("accept_dhpart1", DHPART2_SENT),
    (COMMIT_SENT, "Confirm1"): ("accept_confirm1_without_dh", CONFIRM2_SENT),
    (COMMIT_SENT, "exhausted"): ("timed_out", None),
    (COMMIT_SENT, "Error"): ("failed_by_peer", FAILED),
    (DHPART1_SENT, "Hello"): ("repeat_hello_ack", DHPART1_SENT),
    (DHPART1_SENT, "Commit DH"): ("repeat_reply", DHPART1_SENT),
    (DHPART1_SENT, "DHPart2"): ("accept_dhpart2", CONFIRM1_SENT),
    (DHPART1_SENT, "watchdog"): ("timed_out", None),
    (DHPART1_SENT, "Error"): ("failed_by_peer", FAILED),
    (DHPART2_SENT, "Hello"): ("repeat_hello_ack", DHPART2_SENT),
    (DHPART2_SENT, "agree"): ("agree", DHPART2_SENT),
    (DHPART2_SENT, "Confirm1"): ("accept_confirm1", CONFIRM2_SENT),
    (DHPART2_SENT, "exhausted"): ("timed_out", None),
    (DHPART2_SENT, "Error"): ("failed_by_peer", FAILED),
    (CONFIRM1_SENT, "Hello"): ("repeat_hello_ack", CONFIRM1_SENT),
    (CONFIRM1_SENT, "Commit Mult"): ("repeat_reply", CONFIRM1_SENT),
    (CONFIRM1_SENT, "Commit Prsh"): ("repeat_reply", CONFIRM1_SENT),
    (CONFIRM1_SENT, "DHPart2"): ("repeat_reply", CONFIRM1_SENT),
    (CONFIRM1_SENT, "Confirm2"): ("accept_confirm2", SECURE),
    (CONFIRM1_SENT, "watchdog"): ("timed_out", None),
    (CONFIRM1_SENT, "Error"): ("failed_by_peer", FAILED),
    (CONFIRM2_SENT, "Hello"): ("repeat_hello_ack", CONFIRM2_SENT),
    (CONFIRM2_SENT, "Conf2ACK"): ("confirmed", SECURE),
    (CONFIRM2_SENT, "srtp"): ("confirmed", SECURE),
    (CONFIRM2_SENT, "exhausted"): ("timed_out", None),
    (CONFIRM2_SENT, "Error"): ("failed_by_peer", FAILED),
    (SECURE, "Hello"): ("repeat_hello_ack", SECURE),
    (SECURE, "Confirm2"): ("repeat_reply", SECURE),
    (SECURE, "remember"): ("remember", SECURE),
    (SECURE, "go_clear"): ("send_go_clear", GOCLEAR_SENT),
    (SECURE, "GoClear"): ("accept_go_clear", None),
    (SECURE, "SASrelay"): ("accept_relay", SECURE),
    (SECURE, "Error"): ("late_error", SECURE),
    (SECURE, "ErrorACK"): ("stop_repeating", SECURE),
    (SECURE, "exhausted"): ("nothing", SECURE),
    (GOCLEAR_SENT, "ClearACK"): ("clear_acknowledged", CLEAR),
    (GOCLEAR_SENT, "Confirm2"): ("repeat_reply", GOCLEAR_SENT),
    (GOCLEAR_SENT, "GoClear"): ("accept_go_clear", None),
    (GOCLEAR_SENT, "remember"): ("remember", GOCLEAR_SENT),
    (GOCLEAR_SENT, "exhausted"): ("clear_unacknowledged", CLEAR),
    (GOCLEAR_SENT, "Error"): ("clear_refused", SECURE),
    (CLEAR, "Hello"): ("repeat_hello_ack", CLEAR),
    (CLEAR, "GoClear"): ("repeat_reply", CLEAR),
    (CLEAR, "go_secure"): ("commit", COMMIT_SENT),
    (CLEAR, "Commit DH"): ("respond_dh", DHPART1_SENT),
    (CLEAR, "Commit Mult"): ("respond_mult", CONFIRM1_SENT),
    (CLEAR, "Error"): ("acknowledge_error", CLEAR),
    (ERROR_SENT, "ErrorACK"): ("stop_repeating", FAILED),
    (ERROR_SENT, "exhausted"): ("nothing", FAILED),
    (ERROR_SENT, "Error"): ("acknowledge_error", ERROR_SENT),
    (FAILED, "Error"): ("acknowledge_error", FAILED),
}

# Every endpoint answers a Ping (section 5.15).
for _state in (
    HELLO_SENT,
    HELLO_ACKNOWLEDGED,
    PEER_KNOWN,
    DISCOVERED,
    SILENT,
    COMMIT_SENT,
    DHPART1_SENT,
    DHPART2_SENT,
    CONFIRM1_SENT,
    CONFIRM2_SENT,
    SECURE,
    GOCLEAR_SENT,
    CLEAR,
    ERROR_SENT,
    FAILED,
):
    TABLE[(_state, "Ping")] = ("answer_ping", _state)
