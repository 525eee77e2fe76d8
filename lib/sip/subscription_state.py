# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright (c) 2026 The vox6 authors
"""The states and transitions of subscriptions, as tables in the manner of state.py (RFC 6665).

They stand in a file of their own because most calls need none of it.

Subscriber (section 4.1.2)
    NotifyWait  SUBSCRIBE (or REFER) is out; the first NOTIFY makes the subscription. Timer N
                gives up
    Pending     the notifier has not yet been allowed to tell
    Active      the notifier tells; refreshed before it expires
    Terminated  nothing is left, or "retry" begins anew
Notifier (section 4.2.2)
    RespWait    SUBSCRIBE (or REFER) came, our user has not said yes or no
    Pending     accepted on the user's behalf, who still has not said yes or no
    Active      each change of state goes out as NOTIFY
    Terminated  the last NOTIFY is out or answered

Events in words of our user: accept, reject, end; "undecided" answers for a user who says nothing,
as no SUBSCRIBE may wait for people (section 4.2.1.1).
"""

NOTIFY_WAIT = "NotifyWait"
RESP_WAIT = "RespWait"
PENDING = "Pending"
ACTIVE = "Active"
TERMINATED = "Terminated"

SUBSCRIBER = {
    (NOTIFY_WAIT, "active"): ("established", ACTIVE),
    (NOTIFY_WAIT, "pending"): ("established", PENDING),
    (NOTIFY_WAIT, "terminated"): ("ended", TERMINATED),
    (NOTIFY_WAIT, "failure"): ("ended", TERMINATED),
    (NOTIFY_WAIT, "timer_n"): ("ended", TERMINATED),
    (PENDING, "active"): ("established", ACTIVE),
    (PENDING, "pending"): ("nothing", PENDING),
    (PENDING, "terminated"): ("ended", TERMINATED),
    (PENDING, "failure"): ("ended", TERMINATED),
    (PENDING, "timer_n"): ("ended", TERMINATED),
    (PENDING, "refresh"): ("refresh", PENDING),
    (PENDING, "expired"): ("ended", TERMINATED),
    (ACTIVE, "active"): ("nothing", ACTIVE),
    (ACTIVE, "pending"): ("nothing", PENDING),
    (ACTIVE, "terminated"): ("ended", TERMINATED),
    (ACTIVE, "failure"): ("ended", TERMINATED),
    (ACTIVE, "timer_n"): ("ended", TERMINATED),
    (ACTIVE, "refresh"): ("refresh", ACTIVE),
    (ACTIVE, "expired"): ("ended", TERMINATED),
    (TERMINATED, "retry"): ("retry", NOTIFY_WAIT),
}

NOTIFIER = {
    (RESP_WAIT, "accept"): ("grant", ACTIVE),
    (RESP_WAIT, "undecided"): ("grant", PENDING),
    (RESP_WAIT, "reject"): ("refuse", TERMINATED),
    (PENDING, "accept"): ("tell", ACTIVE),
    (PENDING, "reject"): ("withdraw", TERMINATED),
    (PENDING, "refresh"): ("tell", PENDING),
    (PENDING, "expired"): ("tell_last", TERMINATED),
    (PENDING, "end"): ("tell_last", TERMINATED),
    (PENDING, "failure"): ("drop", TERMINATED),
    (ACTIVE, "notify"): ("tell", ACTIVE),
    (ACTIVE, "refresh"): ("tell", ACTIVE),
    (ACTIVE, "expired"): ("tell_last", TERMINATED),
    (ACTIVE, "end"): ("tell_last", TERMINATED),
    (ACTIVE, "failure"): ("drop", TERMINATED),
}
