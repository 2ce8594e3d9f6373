/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order of TCP's octets: whatever becomes of the segments on their way, what comes out is what was sent.
 */
#include <string.h>

#include "support.h"
#include "wire/stream.h"

/* What a stream handed on. A gap, and what was not captured, is written as so many of an octet that is not sent. */
#define MISSING 0xff

typedef struct {
    wire_stream stream;
    GByteArray *octets;
    GString    *gaps; /* "offset+length", each with a blank behind it */
} receiver;

static void
on_data(void *user, const uint8_t *data, size_t captured, size_t length)
{
    receiver *receiver = user;
    guint     before = receiver->octets->len;

    g_assert_cmpuint(length, >, 0);
    g_assert_cmpuint(captured, <=, length);
    g_byte_array_append(receiver->octets, data, (guint)captured);
    g_byte_array_set_size(receiver->octets, before + (guint)length);
    memset(receiver->octets->data + before + captured, MISSING, length - captured);
}

static void
on_gap(void *user, uint32_t missing)
{
    receiver *receiver = user;
    guint     before = receiver->octets->len;

    g_string_append_printf(receiver->gaps, "%u+%u ", before, missing);
    g_byte_array_set_size(receiver->octets, before + missing);
    memset(receiver->octets->data + before, MISSING, missing);
}

static const wire_stream_sink sink = { on_data, on_gap };

static void
begin(receiver *receiver)
{
    memset(receiver, 0, sizeof *receiver);
    receiver->octets = g_byte_array_new();
    receiver->gaps = g_string_new(NULL);
}

static void
end(receiver *receiver)
{
    wire_stream_clear(&receiver->stream);
    g_assert_null(receiver->stream.pending);
    g_byte_array_unref(receiver->octets);
    g_string_free(receiver->gaps, TRUE);
}

/* A segment whose octets are the characters of `text`, in an allocation that ends with the call. */
static wire_novelty
add(receiver *receiver, uint32_t sequence, const char *text)
{
    size_t       length = strlen(text);
    uint8_t     *data = g_memdup2(text, length);
    wire_novelty novelty = wire_stream_add(&receiver->stream, &sink, receiver, sequence, false, data, length, length);

    g_free(data);
    return novelty;
}

static void
acknowledge(receiver *receiver, uint32_t acknowledgement)
{
    wire_stream_acknowledged(&receiver->stream, &sink, receiver, acknowledgement);
}

static void
assert_received(const receiver *receiver, const char *text, const char *gaps)
{
    g_assert_cmpmem(receiver->octets->data, receiver->octets->len, text, strlen(text));
    g_assert_cmpstr(receiver->gaps->str, ==, gaps);
    g_assert_cmpuint(receiver->stream.octets, ==, strlen(text));
}

static void
test_in_order(void)
{
    receiver receiver;

    begin(&receiver);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 999, true, NULL, 0, 0), ==, WIRE_NOTHING);
    g_assert_cmpuint(receiver.stream.next, ==, 1000);
    g_assert_cmpint(add(&receiver, 1000, "abc"), ==, WIRE_NEW);
    g_assert_cmpint(add(&receiver, 1003, ""), ==, WIRE_NOTHING);
    g_assert_cmpint(add(&receiver, 1003, "defg"), ==, WIRE_NEW);
    g_assert_cmpuint(receiver.stream.next, ==, 1007);
    assert_received(&receiver, "abcdefg", "");
    g_assert_cmpuint(receiver.stream.retransmissions, ==, 0);
    end(&receiver);
}

/* A SYN may bring octets (RFC 9293 3.4), and may come twice. */
static void
test_syn(void)
{
    receiver      receiver;
    const uint8_t early[] = { 'a', 'b' };

    begin(&receiver);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, UINT32_MAX, true, early, 2, 2), ==, WIRE_NEW);
    g_assert_cmpuint(receiver.stream.next, ==, 2);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, UINT32_MAX, true, early, 2, 2), ==,
                    WIRE_RETRANSMISSION);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, UINT32_MAX, true, NULL, 0, 0), ==,
                    WIRE_NOTHING);
    g_assert_cmpint(add(&receiver, 2, "c"), ==, WIRE_NEW);
    assert_received(&receiver, "abc", "");
    end(&receiver);

    begin(&receiver);
    wire_stream_add(&receiver.stream, &sink, &receiver, 999, true, NULL, 0, 0);
    add(&receiver, 1000, "a");
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 999, true, NULL, 0, 0), ==, WIRE_NOTHING);
    end(&receiver);
}

/* Begins in the middle, with whatever comes first. */
static void
test_middle(void)
{
    receiver receiver;

    begin(&receiver);
    g_assert_cmpint(add(&receiver, 5000, "abc"), ==, WIRE_NEW);
    g_assert_cmpint(add(&receiver, 4000, "xyz"), ==, WIRE_RETRANSMISSION);
    assert_received(&receiver, "abc", "");
    end(&receiver);
}

static void
test_early(void)
{
    receiver receiver;

    begin(&receiver);
    add(&receiver, 100, "ab");
    g_assert_cmpint(add(&receiver, 106, "gh"), ==, WIRE_EARLY);
    g_assert_cmpint(add(&receiver, 104, "ef"), ==, WIRE_EARLY);
    g_assert_cmpint(add(&receiver, 104, "ef"), ==, WIRE_RETRANSMISSION);
    assert_received(&receiver, "ab", "");
    g_assert_cmpuint(receiver.stream.pending_octets, ==, 4);
    g_assert_cmpint(add(&receiver, 102, "cd"), ==, WIRE_NEW);
    assert_received(&receiver, "abcdefgh", "");
    g_assert_null(receiver.stream.pending);
    g_assert_cmpuint(receiver.stream.pending_octets, ==, 0);
    g_assert_cmpuint(receiver.stream.retransmissions, ==, 1);
    end(&receiver);
}

/* The octets that came first count: small letters come first, capitals later. */
static void
test_overlaps(void)
{
    static const struct {
        struct {
            uint32_t     sequence;
            const char  *text;
            wire_novelty novelty;
        } segments[6];
        const char *received;
    } cases[] = {
        { { { 0, "abcd", WIRE_NEW }, { 2, "CDEF", WIRE_NEW } }, "abcdEF" },
        { { { 0, "abcd", WIRE_NEW }, { 0, "ABCDEF", WIRE_NEW } }, "abcdEF" },
        { { { 0, "abcd", WIRE_NEW }, { 1, "BC", WIRE_RETRANSMISSION } }, "abcd" },
        { { { 0, "ab", WIRE_NEW }, { 4, "ef", WIRE_EARLY }, { 0, "ABCDEFGH", WIRE_NEW } }, "abCDefGH" },
        { { { 0, "ab", WIRE_NEW }, { 4, "ef", WIRE_EARLY }, { 3, "DEFG", WIRE_EARLY }, { 2, "c", WIRE_NEW } },
          "abcDefG" },
        { { { 0, "a", WIRE_NEW },
            { 3, "d", WIRE_EARLY },
            { 6, "g", WIRE_EARLY },
            { 2, "CDEFGH", WIRE_EARLY },
            { 4, "EF", WIRE_RETRANSMISSION },
            { 1, "b", WIRE_NEW } },
          "abCdEFgH" },
        { { { 0, "a", WIRE_NEW }, { 2, "c", WIRE_EARLY }, { 4, "e", WIRE_EARLY }, { 1, "BCDEF", WIRE_NEW } },
          "aBcDeF" },
        { { { 0, "a", WIRE_NEW }, { 2, "cde", WIRE_EARLY }, { 3, "DEFG", WIRE_EARLY }, { 0, "ABC", WIRE_NEW } },
          "aBcdeFG" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        receiver receiver;

        begin(&receiver);
        for (size_t k = 0; k < G_N_ELEMENTS(cases[i].segments) && cases[i].segments[k].text; k++)
            g_assert_cmpint(add(&receiver, cases[i].segments[k].sequence - 3, cases[i].segments[k].text), ==,
                            cases[i].segments[k].novelty);
        assert_received(&receiver, cases[i].received, "");
        end(&receiver);
    }
}

static void
test_keep_alive(void)
{
    receiver receiver;

    begin(&receiver);
    add(&receiver, 0, "abc");
    g_assert_cmpint(add(&receiver, 2, "x"), ==, WIRE_KEEP_ALIVE);
    g_assert_cmpint(add(&receiver, 2, ""), ==, WIRE_KEEP_ALIVE);
    g_assert_cmpint(add(&receiver, 1, "b"), ==, WIRE_RETRANSMISSION);
    g_assert_cmpint(add(&receiver, 1, "bc"), ==, WIRE_RETRANSMISSION);
    g_assert_cmpint(add(&receiver, 1, ""), ==, WIRE_NOTHING);
    g_assert_cmpint(add(&receiver, 3, "d"), ==, WIRE_NEW);
    assert_received(&receiver, "abcd", "");
    g_assert_cmpuint(receiver.stream.retransmissions, ==, 2);
    end(&receiver);
}

static void
test_acknowledged(void)
{
    receiver receiver;

    begin(&receiver);
    acknowledge(&receiver, 77); /* before anything was seen */
    add(&receiver, 0, "ab");
    add(&receiver, 4, "ef");
    add(&receiver, 8, "ij");
    acknowledge(&receiver, 2);
    assert_received(&receiver, "ab", "");
    acknowledge(&receiver, 3); /* of a hole of two octets, the first */
    assert_received(&receiver, "ab\xff", "2+1 ");
    acknowledge(&receiver, 7);
    assert_received(&receiver, "ab\xff\xff" "ef\xff", "2+1 3+1 6+1 ");
    acknowledge(&receiver, 8);
    assert_received(&receiver, "ab\xff\xff" "ef\xff\xff" "ij", "2+1 3+1 6+1 7+1 ");
    acknowledge(&receiver, 14);
    assert_received(&receiver, "ab\xff\xff" "ef\xff\xff" "ij\xff\xff\xff\xff", "2+1 3+1 6+1 7+1 10+4 ");
    g_assert_cmpuint(receiver.stream.lost, ==, 8);
    acknowledge(&receiver, 13); /* old */
    acknowledge(&receiver, 14 + (UINT32_C(1) << 30) + 1); /* absurd */
    g_assert_cmpint(add(&receiver, 10, "klmnop"), ==, WIRE_NEW); /* came after all, but too late */
    assert_received(&receiver, "ab\xff\xff" "ef\xff\xff" "ij\xff\xff\xff\xffop", "2+1 3+1 6+1 7+1 10+4 ");
    end(&receiver);
}

/* The FIN takes a number too, which the other side acknowledges. */
static void
test_fin(void)
{
    receiver receiver;

    begin(&receiver);
    add(&receiver, 0, "ab");
    acknowledge(&receiver, 3);
    assert_received(&receiver, "ab", "");
    g_assert_cmpint(add(&receiver, 3, ""), ==, WIRE_NOTHING);
    g_assert_cmpint(add(&receiver, 3, "d"), ==, WIRE_EARLY); /* it was an octet */
    acknowledge(&receiver, 4);
    assert_received(&receiver, "ab\xff" "d", "2+1 ");
    end(&receiver);
}

/* What is kept has its bounds. */
static void
test_bounds(void)
{
    receiver receiver;
    char     large[30001];

    begin(&receiver);
    add(&receiver, 0, "a");
    for (uint32_t i = 1; i <= WIRE_STREAM_MAX_SEGMENTS; i++)
        g_assert_cmpint(add(&receiver, 2 * i, "b"), ==, WIRE_EARLY);
    g_assert_cmpuint(receiver.stream.lost, ==, 0);
    g_assert_cmpint(add(&receiver, 2 * WIRE_STREAM_MAX_SEGMENTS + 2, "b"), ==, WIRE_EARLY);
    assert_received(&receiver, "a\xff" "b", "1+1 ");
    g_assert_cmpuint(receiver.stream.pending->len, ==, WIRE_STREAM_MAX_SEGMENTS);
    end(&receiver);

    begin(&receiver);
    memset(large, 'x', 30000);
    large[30000] = '\0';
    add(&receiver, 0, "a");
    add(&receiver, 11, large);
    add(&receiver, 40011, large);
    assert_received(&receiver, "a", "");
    add(&receiver, 80011, large);
    g_assert_cmpstr(receiver.gaps->str, ==, "1+10 ");
    g_assert_cmpuint(receiver.stream.octets, ==, 30011);
    g_assert_cmpuint(receiver.stream.pending_octets, ==, 60000);
    end(&receiver);
}

/* What the capture cut off is told, not handed on. */
static void
test_cut(void)
{
    receiver      receiver;
    const uint8_t data[] = { 'c', 'd', 'e' };

    begin(&receiver);
    add(&receiver, 0, "ab");
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 2, false, data, 3, 5), ==, WIRE_NEW);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 9, false, data, 1, 4), ==, WIRE_EARLY);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 5, false, data, 0, 3), ==, WIRE_NEW);
    g_assert_cmpint(add(&receiver, 8, "zz"), ==, WIRE_NEW);
    assert_received(&receiver, "abcde\xff\xff\xffzc\xff\xff\xff", "");
    end(&receiver);
}

/* Nothing that is 2^30 and more away belongs to the stream. */
static void
test_far(void)
{
    static const uint32_t steps[] = { INT32_MIN, INT32_MIN + 1, -(INT32_C(1) << 30) - 1, -(INT32_C(1) << 30) };
    receiver              receiver;

    begin(&receiver);
    add(&receiver, 7, "ab");
    for (size_t i = 0; i < G_N_ELEMENTS(steps); i++)
        g_assert_cmpint(add(&receiver, 9 + steps[i], "xyz"), ==, WIRE_RETRANSMISSION);
    g_assert_cmpint(wire_stream_add(&receiver.stream, &sink, &receiver, 9, false, NULL, 0, SIZE_MAX), ==, WIRE_NOTHING);
    assert_received(&receiver, "ab", "");
    end(&receiver);
}

typedef struct {
    uint32_t start, length;
} stretch;

/* Cuts `total` octets into segments, some of which overlap the one before or come twice, and shuffles each `window` of
 * them. */
static GArray *
shuffled(GRand *random, uint32_t total, unsigned window)
{
    GArray *segments = g_array_new(FALSE, FALSE, sizeof(stretch));

    for (uint32_t start = 0; start < total;) {
        uint32_t length = (uint32_t)g_rand_int_range(random, 1, 300), back = (uint32_t)g_rand_int_range(random, 0, 400);
        stretch  segment = { start, MIN(length, total - start) };

        start += segment.length;
        if (g_rand_int_range(random, 0, 5) == 0) {
            back = MIN(back, segment.start);
            segment.start -= back;
            segment.length += back;
        }
        g_array_append_val(segments, segment);
        if (g_rand_int_range(random, 0, 5) == 0)
            g_array_append_val(segments, segment);
    }
    for (guint i = 1; i < segments->len; i++) { /* the first begins the stream */
        guint   other = (guint)g_rand_int_range(random, (gint)i, (gint)MIN((i / window + 1) * window, segments->len));
        stretch moved = g_array_index(segments, stretch, i);

        g_array_index(segments, stretch, i) = g_array_index(segments, stretch, other);
        g_array_index(segments, stretch, other) = moved;
    }
    return segments;
}

/* Runs over 2^32, in every order that the bounds allow, and with losses that are acknowledged. */
static void
test_random(gconstpointer data)
{
    unsigned loss = GPOINTER_TO_UINT(data); /* in a hundred */
    GRand   *random = g_rand_new_with_seed(20240229 + loss);

    for (int turn = 0; turn < 500; turn++) {
        uint32_t   total = (uint32_t)g_rand_int_range(random, 1, 20000);
        uint32_t   base = (uint32_t)-g_rand_int_range(random, 0, 20000);
        GArray    *segments = shuffled(random, total, (unsigned)g_rand_int_range(random, 1, 16));
        uint8_t   *sent = g_malloc(total);
        bool      *seen = g_new0(bool, total);
        uint64_t   missing = 0;
        receiver   receiver;

        for (uint32_t i = 0; i < total; i++)
            sent[i] = (uint8_t)g_rand_int_range(random, 0, MISSING);
        begin(&receiver);
        wire_stream_add(&receiver.stream, &sink, &receiver, base - 1, true, NULL, 0, 0);
        for (guint i = 0; i < segments->len; i++) {
            stretch  segment = g_array_index(segments, stretch, i);
            uint8_t *copy = g_memdup2(sent + segment.start, segment.length);

            if ((unsigned)g_rand_int_range(random, 0, 100) >= loss) {
                uint32_t     sequence = base + segment.start;
                bool         is_new = memchr(seen + segment.start, false, segment.length) != NULL;
                bool         is_probe = segment.length == 1 && sequence == receiver.stream.next - 1;
                wire_novelty novelty = wire_stream_add(&receiver.stream, &sink, &receiver, sequence, false, copy,
                                                       segment.length, segment.length);

                g_assert_cmpint(is_new, ==, novelty == WIRE_NEW || novelty == WIRE_EARLY);
                g_assert_cmpint(is_probe, ==, novelty == WIRE_KEEP_ALIVE);
                memset(seen + segment.start, true, segment.length);
            }
            g_free(copy);
        }
        for (uint32_t i = 0; i < total; i++)
            missing += !seen[i];
        acknowledge(&receiver, base + total + 1); /* with the FIN */
        if (missing == 0) {
            g_assert_cmpmem(receiver.octets->data, receiver.octets->len, sent, total);
        } else { /* a last octet that is missing may be told from the FIN or not */
            g_assert_cmpuint(receiver.octets->len, >=, total);
            g_assert_cmpuint(receiver.octets->len, <=, total + 1);
            for (uint32_t i = 0; i < total; i++)
                g_assert_cmphex(receiver.octets->data[i], ==, seen[i] ? sent[i] : MISSING);
        }
        g_assert_null(receiver.stream.pending);
        g_assert_cmpuint(receiver.stream.octets, ==, receiver.octets->len);
        g_assert_cmpuint(receiver.stream.lost, ==, missing + receiver.octets->len - total);
        end(&receiver);
        g_free(seen);
        g_free(sent);
        g_array_free(segments, TRUE);
    }
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    g_test_add_func("/stream/in-order", test_in_order);
    g_test_add_func("/stream/syn", test_syn);
    g_test_add_func("/stream/middle", test_middle);
    g_test_add_func("/stream/early", test_early);
    g_test_add_func("/stream/overlaps", test_overlaps);
    g_test_add_func("/stream/keep-alive", test_keep_alive);
    g_test_add_func("/stream/acknowledged", test_acknowledged);
    g_test_add_func("/stream/fin", test_fin);
    g_test_add_func("/stream/bounds", test_bounds);
    g_test_add_func("/stream/cut", test_cut);
    g_test_add_func("/stream/far", test_far);
    g_test_add_data_func("/stream/random", GUINT_TO_POINTER(0), test_random);
    g_test_add_data_func("/stream/random-loss", GUINT_TO_POINTER(5), test_random);
    return support_run();
}
