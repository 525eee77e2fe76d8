// SPDX-License-Identifier: GPL-3.0-or-later
// Copyright (c) 2026 The vox6 authors
//
// SMSC LAN9118 Ethernet controller, as a lwIP network interface. All accesses are 32 bits wide. The
// chip leaves two octets before each frame (receive offset, transmit offset), so that IP headers are
// aligned and whole words are moved (ETH_PAD_SIZE 2).

#include "lan9118.h"

#include <string.h>

#include "lwip/ethip6.h"
#include "lwip/etharp.h"
#include "lwip/pbuf.h"
#include "mps2.h"
#include "netif/ethernet.h"

#define CHIP(offset) REG(LAN9118_BASE + (offset))
#define RX_DATA CHIP(0x00)
#define TX_DATA CHIP(0x20)
#define RX_STATUS CHIP(0x40)
#define TX_STATUS CHIP(0x48)
#define IRQ_CFG CHIP(0x54)
#define INT_STS CHIP(0x58)
#define INT_EN CHIP(0x5C)
#define BYTE_TEST CHIP(0x64)
#define FIFO_INT CHIP(0x68)
#define RX_CFG CHIP(0x6C)
#define TX_CFG CHIP(0x70)
#define HW_CFG CHIP(0x74)
#define RX_FIFO_INF CHIP(0x7C)
#define TX_FIFO_INF CHIP(0x80)
#define MAC_CSR_CMD CHIP(0xA4)
#define MAC_CSR_DATA CHIP(0xA8)

#define BYTE_TEST_VALUE (0x87654321)
#define IRQ_CFG_PUSH_PULL_ACTIVE_HIGH_ENABLED (0x111)
#define INT_RSFL (1u << 3) // receive status FIFO above its level (0: each packet)
#define INT_PHY (1u << 18)
#define RX_STATUS_ERROR (1u << 15)
#define TX_A_FIRST_LAST (0x3000)

#define MAC_CSR_BUSY (1u << 31)
#define MAC_CSR_READ (1u << 30)
#define MAC_CR (1)
#define MAC_ADDRH (2)
#define MAC_ADDRL (3)
#define MAC_MII_ACC (6)
#define MAC_MII_DATA (7)
// Every multicast frame: the chip's exact filter cannot follow neighbour discovery. Full duplex.
#define MAC_CR_RUNNING ((1u << 19) | (1u << 20) | (1u << 3) | (1u << 2))

#define PHY_ADDRESS (1)
#define PHY_STATUS (1)
#define PHY_STATUS_LINK (1u << 2)
#define PHY_INTERRUPT_SOURCE (29)
#define PHY_INTERRUPT_MASK (30)
#define PHY_INTERRUPT_LINK (0x50) // link down, auto-negotiation complete

#define CRC_LENGTH (4)
#define FRAMES_A_TURN \
    (32) // then the media tick has its turn; the millisecond tick asks for the rest
#define PATIENCE (100000) // register reads before a chip that does not answer is given up

static uint32_t mac_read(uint32_t index) {
    MAC_CSR_CMD = MAC_CSR_BUSY | MAC_CSR_READ | index;
    for (uint32_t i = 0; i < PATIENCE && (MAC_CSR_CMD & MAC_CSR_BUSY); i++) {
    }
    return MAC_CSR_DATA;
}

static void mac_write(uint32_t index, uint32_t value) {
    MAC_CSR_DATA = value;
    MAC_CSR_CMD = MAC_CSR_BUSY | index;
    for (uint32_t i = 0; i < PATIENCE && (MAC_CSR_CMD & MAC_CSR_BUSY); i++) {
    }
}

static uint32_t phy_read(uint32_t index) {
    mac_write(MAC_MII_ACC, PHY_ADDRESS << 11 | index << 6 | 1);
    return mac_read(MAC_MII_DATA);
}

static void phy_write(uint32_t index, uint32_t value) {
    mac_write(MAC_MII_DATA, value);
    mac_write(MAC_MII_ACC, PHY_ADDRESS << 11 | index << 6 | 3);
}

// One frame out; never blocks (the chip's FIFO takes a whole frame).
static err_t link_output(struct netif *netif, struct pbuf *p) {
    static uint32_t words[(1536 + ETH_PAD_SIZE) / 4];
    (void)netif;
    uint32_t padded = p->tot_len;
    if (padded > sizeof(words)) {
        return ERR_BUF;
    }
    const uint32_t *source = words;
    if (p->len == p->tot_len && ((uintptr_t)p->payload & 3) == 0) {
        source = p->payload;
    } else {
        pbuf_copy_partial(p, words, padded, 0);
    }
    uint32_t length = padded - ETH_PAD_SIZE;
    TX_DATA = ETH_PAD_SIZE << 16 | TX_A_FIRST_LAST | length;
    TX_DATA = length;
    for (uint32_t i = 0; i < (padded + 3) / 4; i++) {
        TX_DATA = source[i];
    }
    MARK("mark_frame_sent");
    while (TX_FIFO_INF >> 16 & 0xFF) {
        (void)TX_STATUS;
    }
    return ERR_OK;
}

static void receive_frame(struct netif *netif, uint32_t status) {
    uint32_t length = status >> 16 & 0x3FFF; // with CRC
    uint32_t count = (ETH_PAD_SIZE + length + 3) / 4;
    struct pbuf *p = NULL;
    if (!(status & RX_STATUS_ERROR) && length > CRC_LENGTH) {
        p = pbuf_alloc(PBUF_RAW, ETH_PAD_SIZE + length - CRC_LENGTH, PBUF_POOL);
    }
    for (struct pbuf *q = p; q != NULL; q = q->next) {
        uint32_t *words = q->payload; // aligned: PBUF_POOL_BUFSIZE is a multiple of 4
        uint32_t whole = q->len / 4;
        for (uint32_t i = 0; i < whole; i++) {
            words[i] = RX_DATA;
        }
        count -= whole;
        if (q->len % 4) {
            uint32_t last = RX_DATA;
            memcpy(words + whole, &last, q->len % 4);
            count--;
        }
    }
    for (; count > 0; count--) {
        (void)RX_DATA;
    }
    if (p != NULL && netif->input(p, netif) != ERR_OK) {
        pbuf_free(p);
    }
}

static void follow_link(struct netif *netif) {
    phy_read(PHY_STATUS); // latched low: the second read is the present
    if (phy_read(PHY_STATUS) & PHY_STATUS_LINK) {
        netif_set_link_up(netif);
    } else {
        netif_set_link_down(netif);
    }
}

void lan9118_drain(struct netif *netif) {
    uint32_t status = INT_STS;
    if (status & INT_PHY) {
        phy_read(PHY_INTERRUPT_SOURCE);
        INT_STS = INT_PHY;
        follow_link(netif);
    }
    for (int i = 0; i < FRAMES_A_TURN && (RX_FIFO_INF >> 16 & 0xFF); i++) {
        receive_frame(netif, RX_STATUS);
    }
    INT_STS = INT_RSFL;
    INT_EN = INT_RSFL | INT_PHY;
}

void lan9118_interrupt_off(void) {
    INT_EN = 0;
}

err_t lan9118_netif_init(struct netif *netif) {
    if (BYTE_TEST != BYTE_TEST_VALUE) {
        return ERR_IF;
    }
    HW_CFG = 1; // soft reset
    for (uint32_t i = 0; i < PATIENCE && (HW_CFG & 1); i++) {
    }
    HW_CFG = 5u << 16 | 1u << 20; // transmit FIFO 5 kB, store and forward
    INT_EN = 0;
    INT_STS = 0xFFFFFFFF;
    IRQ_CFG = IRQ_CFG_PUSH_PULL_ACTIVE_HIGH_ENABLED;
    FIFO_INT = 0;
    RX_CFG = ETH_PAD_SIZE << 8;
    TX_CFG = 1u << 1 | 1u << 2; // on; statuses may be overrun
    uint32_t low = mac_read(MAC_ADDRL);
    uint32_t high = mac_read(MAC_ADDRH);
    netif->hwaddr_len = 6;
    for (int i = 0; i < 4; i++) {
        netif->hwaddr[i] = (uint8_t)(low >> (8 * i));
    }
    netif->hwaddr[4] = (uint8_t)high;
    netif->hwaddr[5] = (uint8_t)(high >> 8);
    mac_write(MAC_CR, MAC_CR_RUNNING);
    phy_write(PHY_INTERRUPT_MASK, PHY_INTERRUPT_LINK);

    netif->name[0] = 'e';
    netif->name[1] = '0';
    netif->mtu = 1500;
    netif->flags =
        NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_MLD6;
    netif->output = etharp_output;
    netif->output_ip6 = ethip6_output;
    netif->linkoutput = link_output;
    follow_link(netif);
    INT_EN = INT_RSFL | INT_PHY;
    irq_enable(IRQ_ETHERNET);
    return ERR_OK;
}
