// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// TCG plugin: how many instructions the guest had executed each time it came to a marked address. A
// processor that waits (WFI) executes none, so waiting is not counted.
//
//     gcc -shared -fPIC -O2 -o marks.so marks.c
//     qemu-system-arm ... -plugin marks.so,out=FILE,rx=0x1234,sent=0x5678
//
// Each pass writes one line "NAME COUNT". Debian's QEMU ships no header of its plugin interface
// (version 1), hence the declarations here.

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))
#define MARKS_MAX (16)

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;

void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id id, void (*cb)(plugin_id id, struct qemu_plugin_tb *tb));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
    void (*cb)(unsigned int vcpu, void *data), int flags, void *data);
void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *insn, int op, void *ptr, uint64_t value);

EXPORT int qemu_plugin_version = 1;

static struct mark {
    uint64_t address;
    char name[32];
} marks[MARKS_MAX];
static int mark_count;
static uint64_t executed;
static FILE *out;

static void passed(unsigned int vcpu, void *data) {
    (void)vcpu;
    const struct mark *mark = data;
    fprintf(out, "%s %" PRIu64 "\n", mark->name, executed);
    fflush(out);
}

static void translated(plugin_id id, struct qemu_plugin_tb *tb) {
    (void)id;
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint64_t address = qemu_plugin_insn_vaddr(insn);
        for (int m = 0; m < mark_count; m++) {
            if (marks[m].address == address) {
                qemu_plugin_register_vcpu_insn_exec_cb(insn, passed, 0, &marks[m]);
            }
        }
        qemu_plugin_register_vcpu_insn_exec_inline(insn, 0, &executed, 1);
    }
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (value == NULL) {
            return -1;
        }
        *value++ = '\0';
        if (strcmp(argv[i], "out") == 0) {
            out = fopen(value, "w");
        } else if (mark_count < MARKS_MAX) {
            snprintf(marks[mark_count].name, sizeof(marks[0].name), "%s", argv[i]);
            marks[mark_count++].address = strtoull(value, NULL, 0) & ~1ull;
        }
    }
    if (out == NULL) {
        return -1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    return 0;
}
