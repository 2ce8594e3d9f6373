/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A capture filter (pcap-filter(7)) for packets that libwiretap reads: libpcap compiles and runs it.
 */
#ifndef MATCH_FILTER_H
#define MATCH_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct packet_filter packet_filter;

/* For packets of one of libwiretap's encapsulations: what an expression compiles to differs from link to link. NULL with a
 * problem (free with g_free()): what libpcap says, or that it has no filters for such packets. */
packet_filter *packet_filter_new(const char *expression, int encapsulation, char **problem);
void           packet_filter_free(packet_filter *filter);

/* `captured` octets of a packet that had `length`. */
bool packet_filter_passes(const packet_filter *filter, const uint8_t *octets, size_t captured, uint32_t length);

#endif
