// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
#ifndef VOX6_CRYPTO_MODCRYPTO_H
#define VOX6_CRYPTO_MODCRYPTO_H

#include "py/obj.h"

extern const mp_obj_type_t crypto_key_pair_type; // _crypto.KeyPair

#endif
