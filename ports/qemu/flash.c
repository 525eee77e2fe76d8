// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// The flash model over the shared file: sectors of 4096 octets are erased to 0xFF, programming only
// clears bits, as NOR flash does. `_board.flash` is its block device for littlefs; the ROMFS segment
// is read in place and written by mpremote (vfs.rom_ioctl).

#include <string.h>

#include "extmod/vfs.h"
#include "flash.h"
#include "py/binary.h"
#include "py/mperrno.h"
#include "py/objarray.h"
#include "py/runtime.h"
#include "window.h"

static uint8_t *const psram = (uint8_t *)PSRAM_BASE;

static void flash_erase(uint32_t offset, uint32_t length) {
    memset(psram + offset, 0xFF, length);
}

static void flash_program(uint32_t offset, const uint8_t *data, size_t length) {
    for (size_t i = 0; i < length; i++) {
        psram[offset + i] &= data[i];
    }
}

// Block number and offset in it to an offset in the file; ValueError outside the flash.
static uint32_t locate(mp_obj_t block, mp_obj_t offset, size_t length) {
    mp_int_t start = mp_obj_get_int(block) * FLASH_SECTOR + mp_obj_get_int(offset);
    if (start < 0 || start > FLASH_SIZE || length > (size_t)(FLASH_SIZE - start)) {
        mp_raise_ValueError(MP_ERROR_TEXT("outside the flash"));
    }
    return FLASH_OFFSET + (uint32_t)start;
}

static mp_obj_t flash_readblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_WRITE);
    uint32_t offset = locate(args[1], n_args > 3 ? args[3] : MP_OBJ_NEW_SMALL_INT(0), buffer.len);
    memcpy(buffer.buf, psram + offset, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_readblocks_obj, 3, 4, flash_readblocks);

static mp_obj_t flash_writeblocks(size_t n_args, const mp_obj_t *args) {
    mp_buffer_info_t buffer;
    mp_get_buffer_raise(args[2], &buffer, MP_BUFFER_READ);
    uint32_t offset = locate(args[1], n_args > 3 ? args[3] : MP_OBJ_NEW_SMALL_INT(0), buffer.len);
    if (n_args == 3) {
        // The simple form replaces whole blocks.
        if (buffer.len % FLASH_SECTOR) {
            mp_raise_ValueError(MP_ERROR_TEXT("not whole sectors"));
        }
        flash_erase(offset, buffer.len);
    }
    flash_program(offset, buffer.buf, buffer.len);
    return MP_OBJ_NEW_SMALL_INT(0);
}
static MP_DEFINE_CONST_FUN_OBJ_VAR_BETWEEN(flash_writeblocks_obj, 3, 4, flash_writeblocks);

static mp_obj_t flash_ioctl(mp_obj_t self, mp_obj_t request, mp_obj_t arg) {
    (void)self;
    switch (mp_obj_get_int(request)) {
        case MP_BLOCKDEV_IOCTL_INIT:
        case MP_BLOCKDEV_IOCTL_DEINIT:
        case MP_BLOCKDEV_IOCTL_SYNC:
            return MP_OBJ_NEW_SMALL_INT(0);
        case MP_BLOCKDEV_IOCTL_BLOCK_COUNT:
            return MP_OBJ_NEW_SMALL_INT(FLASH_SIZE / FLASH_SECTOR);
        case MP_BLOCKDEV_IOCTL_BLOCK_SIZE:
            return MP_OBJ_NEW_SMALL_INT(FLASH_SECTOR);
        case MP_BLOCKDEV_IOCTL_BLOCK_ERASE:
            flash_erase(locate(arg, MP_OBJ_NEW_SMALL_INT(0), FLASH_SECTOR), FLASH_SECTOR);
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return mp_const_none;
    }
}
static MP_DEFINE_CONST_FUN_OBJ_3(flash_ioctl_obj, flash_ioctl);

static const mp_rom_map_elem_t flash_locals_table[] = {
    { MP_ROM_QSTR(MP_QSTR_readblocks), MP_ROM_PTR(&flash_readblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_writeblocks), MP_ROM_PTR(&flash_writeblocks_obj) },
    { MP_ROM_QSTR(MP_QSTR_ioctl), MP_ROM_PTR(&flash_ioctl_obj) },
};
static MP_DEFINE_CONST_DICT(flash_locals, flash_locals_table);

static MP_DEFINE_CONST_OBJ_TYPE(
    flash_type, MP_QSTR_Flash, MP_TYPE_FLAG_NONE, locals_dict, &flash_locals);

const mp_obj_base_t flash_obj = { &flash_type };

// The ROMFS segment as an object with the buffer protocol: VfsRom reads it in place.
static const mp_obj_array_t romfs_obj = {
    { &mp_type_bytearray },
    BYTEARRAY_TYPECODE,
    0,
    ROMFS_SIZE,
    (void *)(PSRAM_BASE + ROMFS_OFFSET),
};

mp_obj_t mp_vfs_rom_ioctl(size_t n_args, const mp_obj_t *args) {
    mp_int_t request = mp_obj_get_int(args[0]);
    if (request == MP_VFS_ROM_IOCTL_GET_NUMBER_OF_SEGMENTS) {
        return MP_OBJ_NEW_SMALL_INT(1);
    }
    if (n_args < 2 || mp_obj_get_int(args[1]) != 0) {
        return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
    switch (request) {
        case MP_VFS_ROM_IOCTL_GET_SEGMENT:
            return MP_OBJ_FROM_PTR(&romfs_obj);
        case MP_VFS_ROM_IOCTL_WRITE_PREPARE: {
            mp_int_t length = n_args > 2 ? mp_obj_get_int(args[2]) : -1;
            if (length < 0 || length > ROMFS_SIZE) {
                return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
            }
            flash_erase(ROMFS_OFFSET, (length + FLASH_SECTOR - 1) / FLASH_SECTOR * FLASH_SECTOR);
            return MP_OBJ_NEW_SMALL_INT(4); // octets of the smallest write
        }
        case MP_VFS_ROM_IOCTL_WRITE: {
            if (n_args < 4) {
                return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
            }
            mp_int_t offset = mp_obj_get_int(args[2]);
            mp_buffer_info_t buffer;
            mp_get_buffer_raise(args[3], &buffer, MP_BUFFER_READ);
            if (offset < 0 || offset > ROMFS_SIZE || buffer.len > (size_t)(ROMFS_SIZE - offset)) {
                return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
            }
            flash_program(ROMFS_OFFSET + offset, buffer.buf, buffer.len);
            return MP_OBJ_NEW_SMALL_INT(0);
        }
        case MP_VFS_ROM_IOCTL_WRITE_COMPLETE:
            return MP_OBJ_NEW_SMALL_INT(0);
        default:
            return MP_OBJ_NEW_SMALL_INT(-MP_EINVAL);
    }
}
