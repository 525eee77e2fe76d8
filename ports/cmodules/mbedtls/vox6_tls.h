// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_TLS_H
#define VOX6_TLS_H

#include <stdbool.h>

// What context.verify_callback returns when the certificate is for whom it should be, whatever
// mbedTLS found of its names. 0: mbedTLS's finding counts; anything else ends the handshake.
#define VOX6_TLS_NAME_FITS (1)

// Implemented by the port: whether the time of day is known. VM context.
bool vox6_tls_knows_time(void);

#endif
