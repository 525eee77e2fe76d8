// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Python module posix (posix.pyi): a TUN device, and requests to the kernel about its network.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "modposix.h"
#include "py/runtime.h"
#include "py/stream.h"

#define LONGEST 65535 // octets: no packet from the kernel is longer, whatever the MTU is
#define REPLY_MAX 4096
#define PATIENCE_S 2 // the kernel answers at once; it must not hang calls if it does not

// --- a TUN device -------------------------------------------------------------------------------

typedef struct tun_obj {
    mp_obj_base_t base;
    int fd; // -1: closed
    int index;
} tun_obj;

/// Makes the device; returns its descriptor or -errno, its index in *index.
static int tun_open(const char *name, size_t length, int *index) {
    struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    if (length >= sizeof(request.ifr_name)) {
        return -EINVAL;
    }
    memcpy(request.ifr_name, name, length);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return -errno;
    }
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    int asking = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int result = asking < 0 ? -errno : ioctl(asking, SIOCGIFINDEX, &request) < 0 ? -errno : 0;
    if (asking >= 0) {
        close(asking);
    }
    if (result < 0) {
        close(fd);
        return result;
    }
    *index = request.ifr_ifindex;
    return fd;
}

static mp_obj_t tun_make_new(
    const mp_obj_type_t *type, size_t n_args, size_t n_kw, const mp_obj_t *args) {
    mp_arg_check_num(n_args, n_kw, 1, 1, false);
    size_t length;
    const char *name = mp_obj_str_get_data(args[0], &length);
    tun_obj *self = mp_obj_malloc_with_finaliser(tun_obj, type);
    self->fd = -1;
    int fd = tun_open(name, length, &self->index);
    if (fd < 0) {
        mp_raise_OSError(-fd);
    }
    self->fd = fd;
    return MP_OBJ_FROM_PTR(self);
}

static mp_obj_t tun_read(mp_obj_t self_in) {
    static uint8_t packet[LONGEST];
    tun_obj *self = MP_OBJ_TO_PTR(self_in);
    ssize_t length = read(self->fd, packet, sizeof(packet));
    if (length >= 0) {
        return mp_obj_new_bytes(packet, (size_t)length);
    }
    if (errno == EAGAIN || errno == EINTR) {
        return mp_const_none;
    }
    mp_raise_OSError(errno);
}
static MP_DEFINE_CONST_FUN_OBJ_1(tun_read_obj, tun_read);

static mp_obj_t tun_write(mp_obj_t self_in, mp_obj_t packet_in) {
    tun_obj *self = MP_OBJ_TO_PTR(self_in);
    mp_buffer_info_t packet;
    mp_get_buffer_raise(packet_in, &packet, MP_BUFFER_READ);
    ssize_t length = write(self->fd, packet.buf, packet.len);
    return mp_obj_new_bool(length == (ssize_t)packet.len);
}
static MP_DEFINE_CONST_FUN_OBJ_2(tun_write_obj, tun_write);

static mp_obj_t tun_close(mp_obj_t self_in) {
    tun_obj *self = MP_OBJ_TO_PTR(self_in);
    if (self->fd >= 0) {
        close(self->fd);
        self->fd = -1;
    }
    return mp_const_none;
}
static MP_DEFINE_CONST_FUN_OBJ_1(tun_close_obj, tun_close);

static void tun_attr(mp_obj_t self_in, qstr name, mp_obj_t *out) {
    if (out[0] == MP_OBJ_NULL && name == MP_QSTR_index) {
        out[0] = MP_OBJ_NEW_SMALL_INT(((tun_obj *)MP_OBJ_TO_PTR(self_in))->index);
    } else {
        out[1] = MP_OBJ_SENTINEL; // the methods
    }
}

static mp_uint_t tun_ioctl(mp_obj_t self_in, mp_uint_t request, uintptr_t arg, int *errcode) {
    (void)arg;
    return posix_fd_ioctl(((tun_obj *)MP_OBJ_TO_PTR(self_in))->fd, request, errcode);
}

static const mp_rom_map_elem_t tun_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR___del__), MP_ROM_PTR(&tun_close_obj) },
    { MP_ROM_QSTR(MP_QSTR_read), MP_ROM_PTR(&tun_read_obj) },
    { MP_ROM_QSTR(MP_QSTR_write), MP_ROM_PTR(&tun_write_obj) },
    { MP_ROM_QSTR(MP_QSTR_close), MP_ROM_PTR(&tun_close_obj) },
};
static MP_DEFINE_CONST_DICT(tun_locals, tun_locals_table);
static const mp_stream_p_t tun_stream = { .ioctl = tun_ioctl };

MP_DEFINE_CONST_OBJ_TYPE(posix_tun_type, MP_QSTR_Tun, MP_TYPE_FLAG_NONE, make_new, tun_make_new,
    attr, tun_attr, protocol, &tun_stream, locals_dict, &tun_locals);

// --- the kernel's network -----------------------------------------------------------------------

/// Sends a request and takes one answer; returns its octets or -errno.
static ssize_t ask(const void *request, size_t length, void *reply, size_t room) {
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) {
        return -errno;
    }
    struct timeval patience = { .tv_sec = PATIENCE_S };
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ssize_t result = send(fd, request, length, 0);
    if (result >= 0) {
        result = recv(fd, reply, room, 0);
    }
    int error = errno;
    close(fd);
    return result < 0 ? -error : result;
}

static mp_obj_t module_netlink(mp_obj_t request_in) {
    mp_buffer_info_t request;
    mp_get_buffer_raise(request_in, &request, MP_BUFFER_READ);
    union {
        struct nlmsghdr header;
        uint8_t octets[REPLY_MAX];
    } reply;
    ssize_t length = ask(request.buf, request.len, &reply, sizeof(reply));
    if (length < 0) {
        mp_raise_OSError((int)-length);
    }
    if ((size_t)length < NLMSG_HDRLEN || reply.header.nlmsg_len > (size_t)length) {
        mp_raise_OSError(EBADMSG);
    }
    if (reply.header.nlmsg_type != NLMSG_ERROR) {
        return mp_obj_new_bytes(
            reply.octets + NLMSG_HDRLEN, reply.header.nlmsg_len - NLMSG_HDRLEN);
    }
    const struct nlmsgerr *told = NLMSG_DATA(&reply.header);
    if (reply.header.nlmsg_len >= NLMSG_LENGTH(sizeof(told->error)) && told->error) {
        mp_raise_OSError(-told->error);
    }
    return mp_const_empty_bytes;
}
MP_DEFINE_CONST_FUN_OBJ_1(posix_netlink_obj, module_netlink);
