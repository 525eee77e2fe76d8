// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_MODPOSIX_H
#define VOX6_MODPOSIX_H

// Before the first thread: a write to a connection that is gone is no signal.
void posix_init(void);

#endif
