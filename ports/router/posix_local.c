// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module posix (posix.pyi): stream sockets that have a path (AF_UNIX).

#define _GNU_SOURCE
#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "modposix.h"
#include "py/runtime.h"
#include "py/stream.h"

#define WAITING 8 // connections until they are accepted
#define PATIENCE_S 5 // of one that asks

typedef struct local_obj {
    mp_obj_base_t base;
    int fd; // -1: closed
    ino_t inode; // of a listener's path, 0: a connection
    struct sockaddr_un address;
} local_obj;

static local_obj *local_new(int flags) {
    local_obj *self = mp_obj_malloc_with_finaliser(local_obj, &posix_local_type);
    self->inode = 0;
    self->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (self->fd < 0) {
        mp_raise_OSError(errno);
    }
    return self;
}

static void local_name(local_obj *self, mp_obj_t path_in) {
    size_t length;
    const char *path = mp_obj_str_get_data(path_in, &length);
    if (length == 0 || length >= sizeof(self->address.sun_path)) {
        mp_raise_OSError(length ? ENAMETOOLONG : ENOENT);
    }
    memset(&self->address, 0, sizeof(self->address));
    self->address.sun_family = AF_UNIX;
    memcpy(self->address.sun_path, path, length);
}

static int local_connect(int fd, const local_obj *to) {
    const struct sockaddr *name = (const struct sockaddr *)&to->address;
    return connect(fd, name, sizeof(to->address)) < 0 ? -errno : 0;
}

/// Whether a path is a socket that nobody listens at any more.
static bool left_behind(const local_obj *self) {
    struct stat found;
    if (lstat(self->address.sun_path, &found) < 0 || !S_ISSOCK(found.st_mode)) {
        return false;
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool nobody = probe >= 0 && local_connect(probe, self) == -ECONNREFUSED;
    if (probe >= 0) {
        close(probe);
    }
    return nobody;
}

/// Binds and listens, for a user and a group (-1: ours). 0 or -errno.
static int local_listen(local_obj *self, uid_t uid, gid_t gid) {
    const char *path = self->address.sun_path;
    char copy[sizeof(self->address.sun_path)];
    strcpy(copy, path);
    char *folder = dirname(copy);
    // If it is there, it stays as it is; what else is missing makes bind fail.
    if (mkdir(folder, 0750) == 0 && chown(folder, uid, gid) < 0) {
        return -errno;
    }
    const struct sockaddr *name = (const struct sockaddr *)&self->address;
    if (bind(self->fd, name, sizeof(self->address)) < 0) {
        if (errno != EADDRINUSE || !left_behind(self)) {
            return -errno;
        }
        if (unlink(path) < 0 || bind(self->fd, name, sizeof(self->address)) < 0) {
            return -errno;
        }
    }
    struct stat made;
    if (stat(path, &made) < 0) {
        return -errno;
    }
    self->inode = made.st_ino;
    return chown(path, uid, gid) < 0 || chmod(path, 0660) < 0 || listen(self->fd, WAITING) < 0
        ? -errno
        : 0;
}

static mp_obj_t local_close(mp_obj_t self_in) {
    local_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
        struct stat found;
        if (self->inode && stat(self->address.sun_path, &found) == 0
            && found.st_ino == self->inode) {
            unlink(self->address.sun_path); // without the right to, the next one does it
        }
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(local_close_obj, local_close);

static mp_obj_t module_listen(mp_obj_t path_in, mp_obj_t user_in, mp_obj_t group_in) {
    uid_t uid;
    gid_t gid;
    posix_find_account(mp_obj_str_get_str(user_in), mp_obj_str_get_str(group_in), &uid, &gid);
    local_obj *self = local_new(SOCK_NONBLOCK);
    local_name(self, path_in);
    int result = local_listen(self, uid, gid);
    if (result < 0) {
        local_close(MP_OBJ_FROM_PTR(self));
        mp_raise_OSError(-result);
    }
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_3(posix_listen_obj, module_listen);

static mp_obj_t module_connect(mp_obj_t path_in) {
    local_obj *self = local_new(0);
    local_name(self, path_in);
    struct timeval patience = { .tv_sec = PATIENCE_S };
    setsockopt(self->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(self->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    int result = local_connect(self->fd, self);
    if (result < 0) {
        local_close(MP_OBJ_FROM_PTR(self));
        mp_raise_OSError(-result);
    }
    return MP_OBJ_FROM_PTR(self);
}
MP_DEFINE_CONST_FUN_OBJ_1(posix_connect_obj, module_connect);

static mp_obj_t local_accept(mp_obj_t self_in) {
    local_obj *self = MP_OBJ_TO_PTR(self_in);
    int fd = accept4(self->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) {
            return mp_const_none;
        }
        mp_raise_OSError(errno);
    }
    local_obj *client = mp_obj_malloc_with_finaliser(local_obj, &posix_local_type);
    client->inode = 0;
    client->fd = fd;
    return MP_OBJ_FROM_PTR(client);
}
static MP_DEFINE_CONST_FUN_OBJ_1(local_accept_obj, local_accept);

static mp_obj_t local_read(mp_obj_t self_in, mp_obj_t count_in) {
    local_obj *self = MP_OBJ_TO_PTR(self_in);
    vstr_t octets;
    vstr_init_len(&octets, (size_t)mp_obj_get_int(count_in));
    ssize_t length = read(self->fd, octets.buf, octets.len);
    if (length < 0) {
        if (errno == EAGAIN || errno == EINTR) {
            return mp_const_none;
        }
        mp_raise_OSError(errno);
    }
    octets.len = (size_t)length;
    return mp_obj_new_bytes_from_vstr(&octets);
}
static MP_DEFINE_CONST_FUN_OBJ_2(local_read_obj, local_read);

static mp_obj_t local_write(mp_obj_t self_in, mp_obj_t data_in) {
    local_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t data;
    mp_get_buffer_raise(data_in, &data, MP_BUFFER_READ);
    ssize_t length = write(self->fd, data.buf, data.len); // SIGPIPE is ignored
    if (length < 0) {
        if (errno != EAGAIN && errno != EINTR) {
            mp_raise_OSError(errno);
        }
        length = 0;
    }
    return MP_OBJ_NEW_SMALL_INT(length);
}
static MP_DEFINE_CONST_FUN_OBJ_2(local_write_obj, local_write);

static mp_uint_t local_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)arg;
    return posix_fd_ioctl(((local_obj *)MP_OBJ_TO_PTR(self_in))->fd, request, errcode);
}

static const mp_rom_map_elem_t local_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&local_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_accept), MP_ROM_PTR(&local_accept_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&local_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&local_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&local_close_obj) },
};
static MP_DEFINE_CONST_DICT(local_locals, local_locals_table);
static const mp_stream_p_t local_stream = { .ioctl = local_ioctl };

MP_DEFINE_CONST_OBJ_TYPE(posix_local_type, MP_QSTR_Local, MP_TYPE_FLAG_NONE, protocol,
    &local_stream, locals_dict, &local_locals);
