/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Octets of a packet and how they are read: the one door through which the modules of this folder see them. A header is
 * taken off with its size first; numbers are then read within it, where the compiler sees that they fit.
 */
#ifndef WIRE_OCTETS_H
#define WIRE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets borrowed from their owner; empty when absent. */
typedef struct {
    const uint8_t *data;
    size_t         length;
} wire_octets;

/* Moves the first `length` octets of `in` to `taken`. Returns false, with nothing changed, when there are fewer. */
static inline bool
wire_take(wire_octets *in, size_t length, wire_octets *taken)
{
    if (length > in->length)
        return false;
    taken->data = in->data;
    taken->length = length;
    if (length > 0) /* else there may be no address */
        in->data += length;
    in->length -= length;
    return true;
}

/* The `length` octets of `in` from `offset` on; empty when they are not all there. */
static inline wire_octets
wire_part(wire_octets in, size_t offset, size_t length)
{
    wire_octets part = { NULL, 0 };

    if (length > 0 && offset <= in.length && length <= in.length - offset) {
        part.data = in.data + offset;
        part.length = length;
    }
    return part;
}

/* Unsigned numbers, most significant octet first; 0 when they are not all there. */
static inline unsigned
wire_u8(wire_octets in, size_t offset)
{
    return offset < in.length ? in.data[offset] : 0;
}

static inline unsigned
wire_u16(wire_octets in, size_t offset)
{
    wire_octets part = wire_part(in, offset, 2);

    return part.length ? (unsigned)part.data[0] << 8 | part.data[1] : 0;
}

static inline uint32_t
wire_u24(wire_octets in, size_t offset)
{
    return (uint32_t)wire_u8(in, offset) << 16 | wire_u16(in, offset + 1);
}

static inline uint32_t
wire_u32(wire_octets in, size_t offset)
{
    wire_octets part = wire_part(in, offset, 4);

    return part.length ? (uint32_t)part.data[0] << 24 | (uint32_t)part.data[1] << 16 | (uint32_t)part.data[2] << 8 |
                             part.data[3]
                       : 0;
}

#endif
