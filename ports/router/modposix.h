// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors

#ifndef VOX6_MODPOSIX_H
#define VOX6_MODPOSIX_H

#include <sys/types.h>

#include "py/obj.h"

// Before anything else: a write to a connection that is gone is no signal, files are the user's alone.
void posix_init(void);

// ioctl() of an object with a descriptor: poll(2) waits at that itself.
mp_uint_t posix_fd_ioctl(int fd, mp_uint_t request, int *errcode);

// Of posix_poll.c.
extern const mp_obj_type_t posix_poll_type;

// Finds a user and a group by name: "" is -1 (a group: the user's own). Raises ValueError.
void posix_find_account(const char *user, const char *group, uid_t *uid, gid_t *gid);

// Of posix_local.c.
extern const mp_obj_type_t posix_local_type;
MP_DECLARE_CONST_FUN_OBJ_1(posix_connect_obj);
MP_DECLARE_CONST_FUN_OBJ_3(posix_listen_obj);

// Of posix_network.c.
extern const mp_obj_type_t posix_tun_type;
MP_DECLARE_CONST_FUN_OBJ_1(posix_netlink_obj);

#endif
