/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A captured frame, whole and cut: the segment lies within it, and what was cut off changes nothing else.
 *
 * The first octet of an input chooses the link, the second where the frame is cut; the frame follows.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/segment.h"

#define LINKS (WIRE_LINK_IEEE80211 + 1)

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

static void
assert_part(const uint8_t *data, size_t length, ber_slice whole)
{
    ber_slice part = { data, length };

    g_assert_nonnull(data);
    assert_inside(part, whole.data, whole.length);
}

/* Reads the first `captured` octets, of `length`, in an allocation of their own. */
static bool
read_cut(wire_link link, ber_slice frame, size_t captured, size_t length, wire_segment *segment)
{
    ber_slice cut = { g_memdup2(frame.data, captured), captured };
    bool      is_segment = wire_segment_read(link, cut.data, captured, length, segment);

    if (is_segment) {
        size_t address = segment->ip_version == 4 ? 4 : 16;

        g_assert_true(segment->ip_version == 4 || segment->ip_version == 6);
        g_assert_true(segment->captured <= segment->length);
        assert_part(segment->source, address, cut);
        assert_part(segment->destination, address, cut);
        assert_part(segment->payload, segment->captured, cut);
    }
    g_free((gpointer)cut.data);
    return is_segment;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wire_segment whole, cut;

    if (size < 2)
        return 0;

    wire_link link = data[0] % LINKS;
    ber_slice frame = { data + 2, size - 2 };
    size_t    captured = MIN(data[1], frame.length);
    bool      is_segment = read_cut(link, frame, frame.length, frame.length, &whole);

    if (read_cut(link, frame, captured, frame.length, &cut)) {
        g_assert_true(is_segment && cut.captured <= whole.captured && cut.length == whole.length);
        g_assert_true(cut.ip_version == whole.ip_version && cut.hops == whole.hops);
        g_assert_true(cut.source_port == whole.source_port && cut.destination_port == whole.destination_port);
        g_assert_true(cut.sequence == whole.sequence && cut.acknowledgement == whole.acknowledgement);
        g_assert_true(cut.flags == whole.flags && cut.window == whole.window);
        g_assert_true(cut.maximum_segment == whole.maximum_segment);
    }
    return 0;
}
