# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""All states of an identity association and the transitions between them (RFC 8415 section 18.2).

    Idle         nobody has asked for addresses, or they were released
    Soliciting   Solicit is repeated without end; Advertises are collected during the first RT
                 arrives from Idle, from any state in which the addresses are lost
    Requesting   Request went to the server of the best Advertise, or to one that said NoBinding
    Bound        addresses are ours; waits for T1, T2
    Renewing     since T1: Renew to our server, until T2
    Rebinding    since T2: Rebind to any server, until the last address expires
    Confirming   the link may be another one: Confirm
    Declining    somebody else has an address that we were given: Decline
    Releasing    Release, before Idle

TABLE is {(state, event): (action, next_state)}. Events: commands (start, link_changed, decline,
release), Advertise and Reply after they were checked (section 16), times (first_rt: the
first RT of a Solicit has passed; rt: one of a Confirm; exhausted; t1, t2; expired: the last
address has). Where next_state is None the action tells it. An event that the table lacks is
refused (a command) or counted. stop() is allowed in every state.
"""

IDLE = "Idle"
SOLICITING = "Soliciting"
REQUESTING = "Requesting"
BOUND = "Bound"
RENEWING = "Renewing"
REBINDING = "Rebinding"
CONFIRMING = "Confirming"
DECLINING = "Declining"
RELEASING = "Releasing"

TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (IDLE, "start"): ("solicit", SOLICITING),
    (SOLICITING, "Advertise"): ("take_advertise", None),
    (SOLICITING, "Reply"): ("take_rapid_reply", None),
    (SOLICITING, "first_rt"): ("choose", None),
    (SOLICITING, "link_changed"): ("solicit", SOLICITING),
    (SOLICITING, "release"): ("leave", IDLE),
    (REQUESTING, "Reply"): ("take_reply", None),
    (REQUESTING, "exhausted"): ("choose_another", None),
    (REQUESTING, "expired"): ("nothing", REQUESTING),
    (REQUESTING, "link_changed"): ("solicit", SOLICITING),
    (REQUESTING, "release"): ("leave", IDLE),
    (BOUND, "t1"): ("renew", RENEWING),
    (BOUND, "t2"): ("rebind", REBINDING),
    (BOUND, "expired"): ("solicit", SOLICITING),
    (BOUND, "link_changed"): ("confirm", CONFIRMING),
    (BOUND, "decline"): ("decline", DECLINING),
    (BOUND, "release"): ("release", None),
    (RENEWING, "Reply"): ("take_reply", None),
    (RENEWING, "exhausted"): ("rebind", REBINDING),
    (RENEWING, "expired"): ("solicit", SOLICITING),
    (RENEWING, "link_changed"): ("confirm", CONFIRMING),
    (RENEWING, "decline"): ("decline", DECLINING),
    (RENEWING, "release"): ("release", None),
    (REBINDING, "Reply"): ("take_reply", None),
    (REBINDING, "expired"): ("solicit", SOLICITING),
    (REBINDING, "link_changed"): ("confirm", CONFIRMING),
    (REBINDING, "decline"): ("decline", DECLINING),
    (REBINDING, "release"): ("release", None),
    (CONFIRMING, "Reply"): ("take_confirmation", None),
    (CONFIRMING, "rt"): ("judge_link", None),
    (CONFIRMING, "exhausted"): ("keep", BOUND),
    (CONFIRMING, "expired"): ("solicit", SOLICITING),
    (CONFIRMING, "link_changed"): ("confirm", CONFIRMING),
    (CONFIRMING, "decline"): ("decline", DECLINING),
    (CONFIRMING, "release"): ("release", None),
    (DECLINING, "Reply"): ("declined", None),
    (DECLINING, "exhausted"): ("declined", None),
    (DECLINING, "expired"): ("nothing", DECLINING),
    (DECLINING, "decline"): ("decline", DECLINING),
    (DECLINING, "release"): ("release", None),
    (RELEASING, "Reply"): ("released", IDLE),
    (RELEASING, "exhausted"): ("released_unheard", IDLE),
}

# Information-request (section 18.2.6): Idle; Asking, until a Reply comes; Informed, until
# the refresh time (section 21.23) has passed or the link may be another one.
ASKING = "Asking"
INFORMED = "Informed"

INFORMATION_TABLE: "dict[tuple[str, str], tuple[str, str | None]]" = {
    (IDLE, "start"): ("ask", ASKING),
    (ASKING, "start"): ("ask", ASKING),
    (ASKING, "Reply"): ("take_reply", None),
    (INFORMED, "start"): ("ask", ASKING),
    (INFORMED, "refresh"): ("ask", ASKING),
}
