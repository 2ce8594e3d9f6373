/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bounded cursor over BER (X.690). Nothing here allocates but ber_octets(), and every loop consumes input.
 */
#include "ber.h"

#include <string.h>

/* Elements of indefinite length inside one another. CMS in CMS needs about ten. */
#define MAX_DEPTH 32

/* Segments of a constructed string are strings themselves; real encoders use one level, iOS two. */
#define MAX_STRING_DEPTH 4

typedef struct {
    size_t header;     /* octets of identifier and length */
    size_t length;     /* of the content, when definite */
    bool   indefinite;
} ber_header;

static bool
read_header(ber_slice in, ber_header *header)
{
    size_t at = 1;

    if (in.length < 2)
        return false;
    if ((in.data[0] & 0x1f) == 0x1f) { /* high tag number: skip the octets that continue it */
        while (at < in.length && (in.data[at] & 0x80))
            at++;
        at++;
    }
    if (at >= in.length)
        return false;

    uint8_t first = in.data[at++];

    header->indefinite = first == 0x80;
    header->length = 0;
    if (first < 0x80) {
        header->length = first;
    } else if (!header->indefinite) {
        size_t octets = first & 0x7f;

        if (octets > in.length - at)
            return false;
        for (size_t i = 0; i < octets; i++) {
            if (header->length > SIZE_MAX >> 8)
                return false;
            header->length = header->length << 8 | in.data[at++];
        }
    } else if (!(in.data[0] & BER_CONSTRUCTED)) {
        return false;
    }
    header->header = at;
    return true;
}

static bool
at_end_of_contents(ber_slice in)
{
    return in.length >= 2 && in.data[0] == 0 && in.data[1] == 0;
}

/* Finds the end-of-contents that closes an indefinite length whose content begins at `in`. */
static bool
measure_indefinite(ber_slice in, size_t *length)
{
    const uint8_t *start = in.data;
    unsigned       depth = 1;

    while (in.length > 0) {
        size_t     step;
        ber_header header;

        if (at_end_of_contents(in)) {
            if (--depth == 0) {
                *length = (size_t)(in.data - start);
                return true;
            }
            step = 2;
        } else {
            if (!read_header(in, &header))
                return false;
            if (header.indefinite && ++depth > MAX_DEPTH)
                return false;
            if (!header.indefinite && header.length > in.length - header.header)
                return false;
            step = header.header + header.length;
        }
        in.data += step;
        in.length -= step;
    }
    return false;
}

bool
ber_next(ber_slice *cursor, ber_element *element)
{
    ber_header header;

    if (at_end_of_contents(*cursor) || !read_header(*cursor, &header))
        return false;

    size_t available = cursor->length - header.header;
    size_t length = header.length, trailer = 0;

    element->identifier = cursor->data[0];
    element->complete = true;
    element->content.data = cursor->data + header.header;
    if (header.indefinite) {
        ber_slice content = { element->content.data, available };

        element->complete = measure_indefinite(content, &length);
        trailer = 2;
    } else if (length > available) {
        element->complete = false;
    }
    if (!element->complete) {
        length = available;
        trailer = 0;
    }
    element->content.length = length;
    element->encoding.data = cursor->data;
    element->encoding.length = header.header + length + trailer;
    cursor->data += element->encoding.length;
    cursor->length -= element->encoding.length;
    return true;
}

bool
ber_peek(const ber_slice *cursor, uint8_t identifier)
{
    return cursor->length > 0 && cursor->data[0] == identifier;
}

bool
ber_next_is(ber_slice *cursor, uint8_t identifier, ber_element *element)
{
    return ber_peek(cursor, identifier) && ber_next(cursor, element);
}

static bool
append_octets(const ber_element *element, GByteArray *octets, unsigned depth)
{
    bool whole = element->complete;

    if (!(element->identifier & BER_CONSTRUCTED)) {
        g_byte_array_append(octets, element->content.data, (guint)element->content.length);
        return whole;
    }
    if (depth == 0)
        return false;

    ber_slice   segments = element->content;
    ber_element segment;

    while (ber_next(&segments, &segment))
        whole = append_octets(&segment, octets, depth - 1) && whole;
    return whole && segments.length == 0;
}

bool
ber_octets(const ber_element *element, GByteArray *octets)
{
    return append_octets(element, octets, MAX_STRING_DEPTH);
}

bool
ber_oid(const ber_element *element, char dotted[BER_OID_SIZE])
{
    const ber_slice *in = &element->content;
    uint64_t         arc = 0;
    size_t           used = 0;

    dotted[0] = '\0';
    if (element->identifier != BER_OID || !element->complete || in->length == 0 || (in->data[in->length - 1] & 0x80))
        return false;
    for (size_t i = 0; i < in->length; i++) {
        if (arc > UINT64_MAX >> 7)
            return false;
        arc = arc << 7 | (in->data[i] & 0x7f);
        if (in->data[i] & 0x80)
            continue;

        int wrote;

        if (used == 0) { /* the first two arcs share one number (X.690 8.19.4) */
            unsigned root = arc < 80 ? (unsigned)(arc / 40) : 2;

            wrote = g_snprintf(dotted, BER_OID_SIZE, "%u.%" G_GUINT64_FORMAT, root, (guint64)(arc - root * 40));
        } else {
            wrote = g_snprintf(dotted + used, (gulong)(BER_OID_SIZE - used), ".%" G_GUINT64_FORMAT, (guint64)arc);
        }
        used += (size_t)wrote;
        if (used >= BER_OID_SIZE)
            return false;
        arc = 0;
    }
    return true;
}

ber_slice
ber_magnitude(const ber_element *element)
{
    ber_slice value = element->content;

    while (value.length > 1 && value.data[0] == 0) {
        value.data++;
        value.length--;
    }
    return value;
}
