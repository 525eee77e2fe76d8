// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_TLS_H
#define VOX6_TLS_H

#include <stdbool.h>

// Implemented by the port: whether the time of day is known. VM context.
bool vox6_tls_knows_time(void);

#endif
