# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""All states and transitions of transactions and sessions, as tables.

Each table is {(state, event): (action, next_state)}; an action is the name of a method. An event
that a table does not have in a state is ignored and counted (from the peer), or refused with
LocalProtocolError (from our user).

INVITE client transaction (RFC 3261 figure 5, changed by RFC 6026 section 8.4)
    Calling     the INVITE is out; timer A repeats it, timer B gives up
    Proceeding  a provisional response came; waits for the final one, without end unless the
                call is over: then timer B runs once more
    Completed   300-699 came and ACK was sent; timer D absorbs repetitions
    Accepted    2xx came; timer M passes on more of them, one for each fork
Non-INVITE client transaction (figure 6)
    Trying      timer E repeats the request, timer F gives up
    Proceeding  as Trying, slower
    Completed   timer K absorbs repetitions
INVITE server transaction (figure 7, RFC 6026 section 8.5)
    Proceeding  provisional responses go out, the last is sent again for each repeated INVITE
    Completed   300-699 sent; timer G repeats it, timer H gives up
    Confirmed   ACK came; timer I absorbs repetitions
    Accepted    2xx sent; timer L absorbs repeated INVITEs; the session repeats the 2xx and
                takes the ACK, which reaches it by its dialog
Non-INVITE server transaction (figure 8)
    Trying, Proceeding, Completed (timer J)
"""

CALLING = "Calling"
TRYING = "Trying"
PROCEEDING = "Proceeding"
COMPLETED = "Completed"
CONFIRMED = "Confirmed"
ACCEPTED = "Accepted"
TERMINATED = "Terminated"

INVITE_CLIENT = {
    (CALLING, "timer_a"): ("retransmit", CALLING),
    (CALLING, "timer_b"): ("timeout", TERMINATED),
    (CALLING, "1xx"): ("provisional", PROCEEDING),
    (CALLING, "2xx"): ("success", ACCEPTED),
    (CALLING, "300-699"): ("failure", COMPLETED),
    (CALLING, "transport_error"): ("transport_failed", TERMINATED),
    (PROCEEDING, "1xx"): ("pass_up", PROCEEDING),
    (PROCEEDING, "2xx"): ("success", ACCEPTED),
    (PROCEEDING, "300-699"): ("failure", COMPLETED),
    (PROCEEDING, "transport_error"): ("transport_failed", TERMINATED),
    (PROCEEDING, "timer_b"): ("nothing", TERMINATED),
    (COMPLETED, "300-699"): ("acknowledge", COMPLETED),
    (COMPLETED, "transport_error"): ("nothing", TERMINATED),
    (COMPLETED, "timer_d"): ("nothing", TERMINATED),
    (ACCEPTED, "2xx"): ("pass_up", ACCEPTED),
    (ACCEPTED, "timer_m"): ("nothing", TERMINATED),
}

NON_INVITE_CLIENT = {
    (TRYING, "timer_e"): ("retransmit", TRYING),
    (TRYING, "timer_f"): ("timeout", TERMINATED),
    (TRYING, "transport_error"): ("transport_failed", TERMINATED),
    (TRYING, "1xx"): ("pass_up", PROCEEDING),
    (TRYING, "2xx"): ("final", COMPLETED),
    (TRYING, "300-699"): ("final", COMPLETED),
    (PROCEEDING, "timer_e"): ("retransmit", PROCEEDING),
    (PROCEEDING, "timer_f"): ("timeout", TERMINATED),
    (PROCEEDING, "transport_error"): ("transport_failed", TERMINATED),
    (PROCEEDING, "1xx"): ("pass_up", PROCEEDING),
    (PROCEEDING, "2xx"): ("final", COMPLETED),
    (PROCEEDING, "300-699"): ("final", COMPLETED),
    (COMPLETED, "timer_k"): ("nothing", TERMINATED),
}

INVITE_SERVER = {
    (PROCEEDING, "request"): ("send_last", PROCEEDING),
    (PROCEEDING, "timer_100"): ("send_trying", PROCEEDING),
    (PROCEEDING, "send_1xx"): ("send", PROCEEDING),
    (PROCEEDING, "send_2xx"): ("send_success", ACCEPTED),
    (PROCEEDING, "send_300-699"): ("send_failure", COMPLETED),
    (PROCEEDING, "transport_error"): ("transport_failed", PROCEEDING),
    (COMPLETED, "request"): ("send_last", COMPLETED),
    (COMPLETED, "ack"): ("confirm", CONFIRMED),
    (COMPLETED, "timer_g"): ("retransmit", COMPLETED),
    (COMPLETED, "timer_h"): ("timeout", TERMINATED),
    (COMPLETED, "transport_error"): ("nothing", COMPLETED),
    (CONFIRMED, "ack"): ("nothing", CONFIRMED),
    (CONFIRMED, "timer_i"): ("nothing", TERMINATED),
    (ACCEPTED, "request"): ("nothing", ACCEPTED),
    (ACCEPTED, "send_2xx"): ("send", ACCEPTED),
    (ACCEPTED, "transport_error"): ("nothing", ACCEPTED),
    (ACCEPTED, "timer_l"): ("nothing", TERMINATED),
}

NON_INVITE_SERVER = {
    (TRYING, "request"): ("nothing", TRYING),
    (TRYING, "send_1xx"): ("send", PROCEEDING),
    (TRYING, "send_2xx"): ("send_final", COMPLETED),
    (TRYING, "send_300-699"): ("send_final", COMPLETED),
    (PROCEEDING, "request"): ("send_last", PROCEEDING),
    (PROCEEDING, "send_1xx"): ("send", PROCEEDING),
    (PROCEEDING, "send_2xx"): ("send_final", COMPLETED),
    (PROCEEDING, "send_300-699"): ("send_final", COMPLETED),
    (PROCEEDING, "transport_error"): ("transport_failed", TERMINATED),
    (COMPLETED, "request"): ("send_last", COMPLETED),
    (COMPLETED, "transport_error"): ("transport_failed", TERMINATED),
    (COMPLETED, "timer_j"): ("nothing", TERMINATED),
}

# Sessions: one call each, from the first INVITE to the end (RFC 3261 sections 13 to 15).
#
# We call:
#   Calling      INVITE is out, no provisional response yet (so no CANCEL may go, section 9.1)
#   Proceeding   a provisional response came; the peer may ring
#   Cancelling   the user gave up; CANCEL is out or waits for the first provisional response
# We are called:
#   Incoming     the user knows of the call, nothing above 100 was sent
#   Ringing      180 was sent; an early dialog exists
#   Answering    the user took the call, but a description in a reliable provisional response
#                waits for its PRACK, and 2xx may not go before (RFC 3262 section 3)
#   Accepted     2xx was sent and is repeated until ACK comes
#   Closing      as Accepted, but the user hung up: BYE must wait for ACK (section 15)
# Both:
#   Confirmed    the call stands
#   Terminating  BYE is out
#   Terminated   nothing is left; the session is forgotten
#
# Events in words are commands of the user; the others come from the peer or from timers. An
# action with a dot belongs to a part of the session: inviting.py, answering.py, ending.py.

CANCELLING = "Cancelling"
INCOMING = "Incoming"
RINGING = "Ringing"
ANSWERING = "Answering"
CLOSING = "Closing"
TERMINATING = "Terminating"

# A dialog stands or may come to: what is asked within it concerns the user.
LIVE = (PROCEEDING, RINGING, ANSWERING, ACCEPTED, CONFIRMED)

SESSION = {
    (CALLING, "1xx"): ("inviting.progress", PROCEEDING),
    (CALLING, "2xx"): ("inviting.answered", CONFIRMED),
    (CALLING, "failure"): ("inviting.failed", TERMINATED),
    (CALLING, "cancel"): ("nothing", CANCELLING),
    (PROCEEDING, "1xx"): ("inviting.progress", PROCEEDING),
    (PROCEEDING, "2xx"): ("inviting.answered", CONFIRMED),
    (PROCEEDING, "failure"): ("inviting.failed", TERMINATED),
    (PROCEEDING, "cancel"): ("inviting.send_cancel", CANCELLING),
    (PROCEEDING, "no_answer"): ("inviting.give_up", CANCELLING),
    (CANCELLING, "1xx"): ("inviting.send_cancel", CANCELLING),
    (CANCELLING, "2xx"): ("inviting.answered_late", TERMINATING),
    (CANCELLING, "cancel"): ("nothing", CANCELLING),
    (CANCELLING, "failure"): ("inviting.failed", TERMINATED),
    (CANCELLING, "cancel_timeout"): ("inviting.failed", TERMINATED),
    (INCOMING, "ring"): ("answering.send_ringing", RINGING),
    (INCOMING, "accept"): ("answering.send_success", ACCEPTED),
    (INCOMING, "reject"): ("answering.send_failure", TERMINATED),
    (INCOMING, "CANCEL"): ("answering.cancelled", TERMINATED),
    (INCOMING, "expires"): ("answering.cancelled", TERMINATED),
    (RINGING, "ring"): ("answering.send_ringing", RINGING),
    (RINGING, "repeat_ringing"): ("answering.send_ringing", RINGING),
    (RINGING, "accept"): ("answering.send_success", ACCEPTED),
    (RINGING, "reject"): ("answering.send_failure", TERMINATED),
    (RINGING, "CANCEL"): ("answering.cancelled", TERMINATED),
    (RINGING, "BYE"): ("answering.cancelled", TERMINATED),
    (RINGING, "expires"): ("answering.cancelled", TERMINATED),
    (RINGING, "no_prack"): ("answering.unacknowledged", TERMINATED),
    (RINGING, "accept_later"): ("nothing", ANSWERING),
    (ANSWERING, "acknowledged"): ("answering.send_success", ACCEPTED),
    (ANSWERING, "bye"): ("answering.send_failure", TERMINATED),
    (ANSWERING, "reject"): ("answering.send_failure", TERMINATED),
    (ANSWERING, "CANCEL"): ("answering.cancelled", TERMINATED),
    (ANSWERING, "BYE"): ("answering.cancelled", TERMINATED),
    (ANSWERING, "expires"): ("answering.cancelled", TERMINATED),
    (ANSWERING, "no_prack"): ("answering.unacknowledged", TERMINATED),
    (ACCEPTED, "ACK"): ("confirmed", CONFIRMED),
    (ACCEPTED, "BYE"): ("ending.ended", TERMINATED),
    (ACCEPTED, "bye"): ("nothing", CLOSING),
    (ACCEPTED, "repeat_success"): ("repeat_success", ACCEPTED),
    (ACCEPTED, "no_ack"): ("ending.unconfirmed", TERMINATING),
    (CLOSING, "ACK"): ("ending.send_bye", TERMINATING),
    (CLOSING, "BYE"): ("ending.crossed", TERMINATED),
    (CLOSING, "bye"): ("nothing", CLOSING),
    (CLOSING, "repeat_success"): ("repeat_success", CLOSING),
    (CLOSING, "no_ack"): ("ending.send_bye", TERMINATING),
    (CONFIRMED, "2xx"): ("inviting.answered_again", CONFIRMED),
    (CONFIRMED, "ACK"): ("confirmed_again", CONFIRMED),
    (CONFIRMED, "BYE"): ("ending.ended", TERMINATED),
    (CONFIRMED, "bye"): ("ending.send_bye", TERMINATING),
    (CONFIRMED, "lost"): ("ending.lost", TERMINATING),
    (CONFIRMED, "session_expiry"): ("ending.expired", TERMINATING),
    (CONFIRMED, "repeat_success"): ("repeat_success", CONFIRMED),
    (CONFIRMED, "no_ack"): ("ending.unconfirmed", TERMINATING),
    (TERMINATING, "2xx"): ("inviting.answered_again", TERMINATING),
    (TERMINATING, "BYE"): ("ending.crossed", TERMINATING),
    (TERMINATING, "bye"): ("nothing", TERMINATING),
    (TERMINATING, "bye_done"): ("nothing", TERMINATED),
    (TERMINATED, "2xx"): ("inviting.answered_again", TERMINATED),
    (TERMINATED, "bye"): ("nothing", TERMINATED),
    (TERMINATED, "cancel"): ("nothing", TERMINATED),
}
