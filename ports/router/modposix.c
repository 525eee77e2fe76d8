// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module posix (posix.pyi): what a program asks of Linux beside its network.

#define _GNU_SOURCE
#include "modposix.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "engine/engine.h"
#include "py/runtime.h"
#include "py/stream.h"

void posix_init(void) {
    signal(SIGPIPE, SIG_IGN);
    umask(077); // a secret is the only file that is ever written
}

// --- signals ------------------------------------------------------------------------------------

typedef struct signals_obj {
    mp_obj_base_t base;
    int fd; // -1: closed
    sigset_t set;
} signals_obj;

static mp_obj_t signals_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, MP_OBJ_FUN_ARGS_MAX, false);
    signals_obj *self = mp_obj_malloc_with_finaliser(signals_obj, type);
    self->fd = -1;
    sigemptyset(&self->set);
    for (size_t i = 0; i < n_args; ++i) {
        if (sigaddset(&self->set, mp_obj_get_int(args[i])) < 0) {
            mp_raise_OSError(errno);
        }
    }
    sigprocmask(SIG_BLOCK, &self->set, NULL);
    self->fd = signalfd(-1, &self->set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (self->fd < 0) {
        mp_raise_OSError(errno);
    }
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t signals_take(mp_obj_t self_in) {
    signals_obj *self = MP_OBJ_TO_PTR(self_in);
    struct signalfd_siginfo info;
    return read(self->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)
        ? MP_OBJ_NEW_SMALL_INT(info.ssi_signo)
        : mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(signals_take_obj, signals_take);

static mp_obj_t signals_close(mp_obj_t self_in) {
    signals_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
        sigprocmask(SIG_UNBLOCK, &self->set, NULL);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(signals_close_obj, signals_close);

mp_uint_t posix_fd_ioctl(int fd, mp_uint_t request, int *errcode) {
    if (request == MP_STREAM_GET_FILENO && fd >= 0) {
        return (mp_uint_t)fd;
    }
    *errcode = fd < 0 ? EBADF : EINVAL;
    return MP_STREAM_ERROR;
}

static mp_uint_t signals_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)arg;
    return posix_fd_ioctl(((signals_obj *)MP_OBJ_TO_PTR(self_in))->fd, request, errcode);
}

static const mp_rom_map_elem_t signals_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&signals_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_take), MP_ROM_PTR(&signals_take_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&signals_close_obj) },
};
static MP_DEFINE_CONST_DICT(signals_locals, signals_locals_table);
static const mp_stream_p_t signals_stream = { .ioctl = signals_ioctl };

static MP_DEFINE_CONST_OBJ_TYPE(signals_type, MP_QSTR_Signals, MP_TYPE_FLAG_NONE, make_new,
    signals_make_new, protocol, &signals_stream, locals_dict, &signals_locals);

// --- rights -------------------------------------------------------------------------------------

/// What this process executes shall not have more capabilities than a mask; before the user changes.
static void bound_capabilities(uint32_t mask) {
    for (unsigned long number = 0; number <= CAP_LAST_CAP; ++number) {
        if (number >= 32 || !(mask & (1u << number))) {
            prctl(PR_CAPBSET_DROP, number, 0, 0, 0); // who may not lacks the others too
        }
    }
}

/// Gives up all capabilities that are not in a mask. Returns 0 or -errno.
static int keep_capabilities(uint32_t mask) {
    struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0) {
        return -errno;
    }
    for (int half = 0; half < 2; ++half) {
        data[half].permitted &= half == 0 ? mask : 0;
        data[half].effective = data[half].permitted;
        data[half].inheritable = 0;
    }
    if (syscall(SYS_capset, &header, data) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
        return -errno;
    }
    return 0;
}

void posix_find_account(const char *user, const char *group, uid_t *uid, gid_t *gid) {
    *uid = (uid_t)-1;
    *gid = (gid_t)-1;
    if (*user) {
        const struct passwd *account = getpwnam(user);
        if (account == NULL) {
            mp_raise_msg_varg(
                &mp_type_ValueError, MP_ERROR_TEXT("user %s: there is none of this name"), user);
        }
        *uid = account->pw_uid;
        *gid = account->pw_gid;
    }
    if (*group) {
        const struct group *other = getgrnam(group);
        if (other == NULL) {
            mp_raise_msg_varg(
                &mp_type_ValueError, MP_ERROR_TEXT("group %s: there is none of this name"), group);
        }
        *gid = other->gr_gid;
    }
}

static mp_obj_t module_drop(mp_obj_t user_in, mp_obj_t group_in, mp_obj_t net_admin_in) {
    uid_t uid;
    gid_t gid;
    posix_find_account(mp_obj_str_get_str(user_in), mp_obj_str_get_str(group_in), &uid, &gid);
    uint32_t mask = mp_obj_is_true(net_admin_in) ? 1u << CAP_NET_ADMIN : 0;
    bound_capabilities(mask);
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0
        || (gid != (gid_t)-1 && (setgroups(0, NULL) < 0 || setgid(gid) < 0))
        || (uid != (uid_t)-1 && setuid(uid) < 0)) {
        mp_raise_OSError(errno);
    }
    int result = keep_capabilities(mask);
    if (result < 0) {
        mp_raise_OSError(-result);
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_3(module_drop_obj, module_drop);

// --- the module ---------------------------------------------------------------------------------

static mp_obj_t module_now(void) {
    return mp_obj_new_int_from_ull(engine_time_us() / 1000);
}
static MP_DEFINE_CONST_FUN_OBJ_0(module_now_obj, module_now);

static mp_obj_t module_getenv(mp_obj_t name_in) {
    const char *value = getenv(mp_obj_str_get_str(name_in));
    return value == NULL ? mp_const_none : mp_obj_new_str_from_cstr(value);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_getenv_obj, module_getenv);

static mp_obj_t module_random(mp_obj_t count_in) {
    vstr_t octets;
    vstr_init_len(&octets, (size_t)mp_obj_get_int(count_in));
    if (getrandom(octets.buf, octets.len, 0) != (ssize_t)octets.len) { // whole up to 256
        mp_raise_OSError(EIO);
    }
    return mp_obj_new_bytes_from_vstr(&octets);
}
static MP_DEFINE_CONST_FUN_OBJ_1(module_random_obj, module_random);

static const mp_rom_map_elem_t module_globals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___name__), MP_ROM_QSTR(MP_QSTR_posix) },
    { MP_ROM_QSTR(MP_QSTR_Signals), MP_ROM_PTR(&signals_type) },
    { MP_ROM_QSTR(MP_QSTR_Poll), MP_ROM_PTR(&posix_poll_type) },
    { MP_ROM_QSTR(MP_QSTR_Tun), MP_ROM_PTR(&posix_tun_type) },
    { MP_ROM_QSTR(MP_QSTR_connect), MP_ROM_PTR(&posix_connect_obj) },
    { MP_ROM_QSTR(MP_QSTR_drop), MP_ROM_PTR(&module_drop_obj) },
    { MP_ROM_QSTR(MP_QSTR_getenv), MP_ROM_PTR(&module_getenv_obj) },
    { MP_ROM_QSTR(MP_QSTR_listen), MP_ROM_PTR(&posix_listen_obj) },
    { MP_ROM_QSTR(MP_QSTR_netlink), MP_ROM_PTR(&posix_netlink_obj) },
    { MP_ROM_QSTR(MP_QSTR_random), MP_ROM_PTR(&module_random_obj) },
    { MP_ROM_QSTR(MP_QSTR_now), MP_ROM_PTR(&module_now_obj) },
    { MP_ROM_QSTR(MP_QSTR_HUP), MP_ROM_INT(SIGHUP) },
    { MP_ROM_QSTR(MP_QSTR_INT), MP_ROM_INT(SIGINT) },
    { MP_ROM_QSTR(MP_QSTR_USR1), MP_ROM_INT(SIGUSR1) },
    { MP_ROM_QSTR(MP_QSTR_USR2), MP_ROM_INT(SIGUSR2) },
    { MP_ROM_QSTR(MP_QSTR_TERM), MP_ROM_INT(SIGTERM) },
};
static MP_DEFINE_CONST_DICT(module_globals, module_globals_table);

const mp_obj_module_t posix_module = {
    .base = { &mp_type_module },
    .globals = (mp_obj_dict_t *)&module_globals,
};
MP_REGISTER_MODULE(MP_QSTR_posix, posix_module);
