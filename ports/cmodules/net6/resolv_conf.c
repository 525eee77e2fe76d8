// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// resolv.conf(5): `nameserver`, `domain` and `search` lines. Options are the resolver library's matter.

#include "net6/resolv_conf.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net6/net6_core.h"

#define LINE_MAX_OCTETS (1024) // longer lines lose their end

/// Address text as the file may have it: a dotted quad, IPv6, and fe80::1%eth0.
static bool parse(char *text, uint8_t address[16]) {
    char *zone = strchr(text, '%');
    if (zone != NULL) {
        *zone++ = 0;
    }
    if (strchr(text, ':') == NULL) {
        char mapped[NET6_TEXT_MAX];
        int length = snprintf(mapped, sizeof(mapped), "::ffff:%s", text);
        return length > 0 && (size_t)length < sizeof(mapped)
            && net6_from_text(mapped, (size_t)length, address) == 0;
    }
    if (net6_from_text(text, strlen(text), address) < 0) {
        return false;
    }
    if (net6_is_scoped(address)) {
        unsigned index = zone != NULL ? if_nametoindex(zone) : 0;
        if (index == 0 && zone != NULL) {
            index = (unsigned)strtoul(zone, NULL, 10);
        }
        if (index == 0 || index > 0xffff) {
            return false;
        }
        address[2] = (uint8_t)(index >> 8);
        address[3] = (uint8_t)index;
    }
    return true;
}

void resolv_conf_line(struct resolv_conf *conf, char *line) {
    char *rest;
    char *word = strtok_r(line, " \t\r", &rest);
    char *value = word != NULL ? strtok_r(NULL, " \t\r", &rest) : NULL;
    if (value == NULL) {
        return;
    }
    if (strcmp(word, "nameserver") == 0) {
        uint8_t address[16];
        if (conf->server_count < RESOLV_CONF_SERVERS && parse(value, address)) {
            memcpy(conf->servers[conf->server_count++], address, 16);
        }
    } else if (strcmp(word, "domain") == 0 || strcmp(word, "search") == 0) {
        size_t length = strlen(value);
        if (length < sizeof(conf->domain)) {
            memcpy(conf->domain, value, length + 1);
        }
    }
}

void resolv_conf_read(struct resolv_conf *conf) {
    memset(conf, 0, sizeof(*conf));
    const char *name = getenv("VOX6_RESOLV_CONF");
    FILE *file = fopen(name != NULL ? name : "/etc/resolv.conf", "re");
    if (file == NULL) {
        return;
    }
    char line[LINE_MAX_OCTETS];
    bool whole = true; // what is read now begins a line
    while (fgets(line, sizeof(line), file) != NULL) {
        size_t length = strcspn(line, "\n");
        bool ends = line[length] == '\n';
        line[length] = 0;
        if (whole) {
            resolv_conf_line(conf, line);
        }
        whole = ends;
    }
    fclose(file);
}
