// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_LAN9118_H
#define VOX6_LAN9118_H

#include "lwip/netif.h"

// netif_init_fn of lwIP: resets the chip, reads its address, starts it.
err_t lan9118_netif_init(struct netif *netif);

// Engine context: takes every received frame out of the chip into netif->input, follows the link
// state, and turns the chip's interrupt on again.
void lan9118_drain(struct netif *netif);

// Device interrupt: no more of them until the next drain.
void lan9118_interrupt_off(void);

#endif
