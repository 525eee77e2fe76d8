// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// Included by the Makefile before extmod/vfs_posix.c. Its rename() of two absolute paths below a root
// writes the second path over the first, in one buffer, and so never succeeds; here both are joined
// with the root apart. The names in the macro are those of upstream's function.

#ifndef VOX6_POSIX_RENAME_H
#define VOX6_POSIX_RENAME_H

#include <stddef.h>
#include <stdio.h>

// root: root_length octets, "/" at its end, none for no root. Result as that of rename(2).
int vox6_rename(const char *root, size_t root_length, const char *from, const char *to);

#define rename(old_path, new_path) \
    vox6_rename(self->root.buf, self->root_len, \
        ((void)(old_path), mp_obj_str_get_str(old_path_in)), \
        ((void)(new_path), mp_obj_str_get_str(new_path_in)))

#endif
