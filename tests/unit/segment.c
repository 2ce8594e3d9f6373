/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reader of captured frames, against frames made by the rules of the standards, and against tshark on the samples.
 */
#include <string.h>

#include <arpa/inet.h>

#include "capture.h"
#include "support.h"
#include "wire/segment.h"

/* Port 443 to 50000, sequence 0x01020304, acknowledgement 0x05060708, PSH and ACK, window 0xfaf0, four octets. */
#define TCP        "01bb c350 01020304 05060708 5018 faf0 0000 0000 "
#define PAYLOAD    "c0ffee00 "
#define SOURCE4    "c000020a "
#define TARGET4    "cb007105 "
#define SOURCE6    "20010db8000000000000000000000010 "
#define TARGET6    "20010db8000000000000000000000020 "
#define ETHERNET   "0a0000000001 0a0000000002 "
#define ADDRESSES4 SOURCE4 TARGET4
#define ADDRESSES6 SOURCE6 TARGET6
#define IPV4       "4500 002c 0001 4000 3f 06 0000 " ADDRESSES4
#define IPV6       "60000000 0018 06 40 " ADDRESSES6
#define ADDRESSES802 "0a0000000001 0a0000000002 0a0000000003 "
#define SNAP4      "aaaa03 000000 0800 "
#define DATA4      IPV4 TCP PAYLOAD
#define DATA6      IPV6 TCP PAYLOAD

typedef struct {
    const char *name;
    wire_link   link;
    const char *frame;
    unsigned    version;
    unsigned    hops;
    size_t      behind; /* octets of the frame behind the payload */
} good_frame;

static const good_frame good_frames[] = {
    { "ethernet", WIRE_LINK_ETHERNET, ETHERNET "0800" DATA4, 4, 63, 0 },
    { "ethernet-padding", WIRE_LINK_ETHERNET, ETHERNET "0800" DATA4 "0000", 4, 63, 2 },
    { "ethernet-ipv6", WIRE_LINK_ETHERNET, ETHERNET "86dd" DATA6, 6, 64, 0 },
    { "ethernet-ipv6-padding", WIRE_LINK_ETHERNET, ETHERNET "86dd" DATA6 "00", 6, 64, 1 },
    { "vlan", WIRE_LINK_ETHERNET, ETHERNET "8100 0005 0800" DATA4, 4, 63, 0 },
    { "vlan-ipv6", WIRE_LINK_ETHERNET, ETHERNET "8100 0005 86dd" DATA6, 6, 64, 0 },
    { "vlan-service", WIRE_LINK_ETHERNET, ETHERNET "88a8 0005 8100 0006 0800" DATA4, 4, 63, 0 },
    { "vlan-four", WIRE_LINK_ETHERNET, ETHERNET "9100 0005 9100 0006 88a8 0007 8100 0008 0800" DATA4, 4, 63, 0 },
    { "pppoe", WIRE_LINK_ETHERNET, ETHERNET "8864 1100 0001 002e 0021" DATA4, 4, 63, 0 },
    { "pppoe-vlan-ipv6", WIRE_LINK_ETHERNET, ETHERNET "8100 0007 8864 1100 0001 0042 0057" DATA6, 6, 64, 0 },
    { "802.3", WIRE_LINK_ETHERNET, ETHERNET "0034" SNAP4 DATA4 "00000000", 4, 63, 4 },
    { "802.3-bridge-tunnel", WIRE_LINK_ETHERNET, ETHERNET "0048 aaaa03 0000f8 86dd" DATA6, 6, 64, 0 },
    { "raw", WIRE_LINK_RAW_IP, DATA4, 4, 63, 0 },
    { "raw-ipv6", WIRE_LINK_RAW_IP, DATA6, 6, 64, 0 },
    { "null-little", WIRE_LINK_NULL, "02000000" DATA4, 4, 63, 0 },
    { "null-big", WIRE_LINK_NULL, "00000002" DATA4, 4, 63, 0 },
    { "null-linux", WIRE_LINK_NULL, "0a000000" DATA6, 6, 64, 0 },
    { "null-windows", WIRE_LINK_NULL, "17000000" DATA6, 6, 64, 0 },
    { "null-netbsd", WIRE_LINK_NULL, "18000000" DATA6, 6, 64, 0 },
    { "null-freebsd", WIRE_LINK_NULL, "1c000000" DATA6, 6, 64, 0 },
    { "null-darwin", WIRE_LINK_NULL, "1e000000" DATA6, 6, 64, 0 },
    { "loop", WIRE_LINK_NULL, "0000001e" DATA6, 6, 64, 0 },
    { "sll", WIRE_LINK_SLL, "0000 0001 0006 0a00000000010000 0800" DATA4, 4, 63, 0 },
    { "sll-vlan", WIRE_LINK_SLL, "0004 0001 0006 0a00000000010000 8100 0005 86dd" DATA6, 6, 64, 0 },
    { "sll-llc", WIRE_LINK_SLL, "0000 0001 0006 0a00000000010000 0004" SNAP4 DATA4, 4, 63, 0 },
    { "sll2", WIRE_LINK_SLL2, "0800 0000 00000002 0001 00 06 0a00000000010000" DATA4, 4, 63, 0 },
    { "sll2-ipv6", WIRE_LINK_SLL2, "86dd 0000 00000002 0001 04 06 0a00000000010000" DATA6, 6, 64, 0 },
    { "802.11", WIRE_LINK_IEEE80211, "0801 0000" ADDRESSES802 "1000" SNAP4 DATA4, 4, 63, 0 },
    { "802.11-fcs", WIRE_LINK_IEEE80211, "0802 0000" ADDRESSES802 "1000" SNAP4 DATA4 "01020304", 4, 63, 4 },
    { "802.11-qos", WIRE_LINK_IEEE80211, "8802 0000" ADDRESSES802 "1000 0500" SNAP4 DATA4, 4, 63, 0 },
    { "802.11-qos-ht", WIRE_LINK_IEEE80211, "8881 0000" ADDRESSES802 "1000 0500 01020304" SNAP4 DATA4, 4, 63, 0 },
    { "802.11-order", WIRE_LINK_IEEE80211, "0881 0000" ADDRESSES802 "1000" SNAP4 DATA4, 4, 63, 0 },
    { "802.11-four-addresses", WIRE_LINK_IEEE80211, "8803 0000" ADDRESSES802 "1000 0a0000000004 0000" SNAP4 DATA4, 4, 63,
      0 },
    { "ipv4-options", WIRE_LINK_RAW_IP, "4700 0034 0001 0000 3f 06 0000" ADDRESSES4 "94040000 01010100" TCP PAYLOAD, 4,
      63, 0 },
    { "ipv4-no-length", WIRE_LINK_RAW_IP, "4500 0000 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD, 4, 63, 0 },
    { "ipv6-no-length", WIRE_LINK_RAW_IP, "60000000 0000 06 40" ADDRESSES6 TCP PAYLOAD, 6, 64, 0 },
    { "ipv6-extensions", WIRE_LINK_RAW_IP,
      "60000000 0048 00 40" ADDRESSES6 "2b00 000000000000 3c01 000000000000 0000000000000000 3300 000000000000 0602 "
      "000000000000 00000000 00000000" TCP PAYLOAD, 6, 64, 0 },
    { "ipv6-atomic-fragment", WIRE_LINK_RAW_IP, "60000000 0020 2c 40" ADDRESSES6 "0600 0000 00000001" TCP PAYLOAD, 6,
      64, 0 },
    { "4in4", WIRE_LINK_RAW_IP, "4500 0040 0001 0000 09 04 0000 01010101 02020202" DATA4, 4, 63, 0 },
    { "6in4", WIRE_LINK_RAW_IP, "4500 0054 0001 0000 09 29 0000 01010101 02020202" DATA6, 6, 64, 0 },
    { "4in6", WIRE_LINK_RAW_IP, "60000000 002c 04 09" ADDRESSES6 DATA4 "ff", 4, 63, 1 },
    { "6in4in4", WIRE_LINK_RAW_IP,
      "4500 0068 0001 0000 09 04 0000 01010101 02020202 4500 0054 0001 0000 09 29 0000 01010101 02020202" DATA6, 6, 64,
      0 },
    { "gre", WIRE_LINK_RAW_IP, "4500 0044 0001 0000 09 2f 0000 01010101 02020202 0000 0800" DATA4, 4, 63, 0 },
};

/* The first `captured` octets of a frame of `length`, in an allocation of their own, which ends with the test. */
static bool
read_first(wire_link link, GBytes *frame, size_t captured, size_t length, wire_segment *segment)
{
    const uint8_t *cut = wmem_memdup(support_scope(), g_bytes_get_data(frame, NULL), captured);

    return wire_segment_read(link, cut, captured, length, segment);
}

static void
assert_segment(const wire_segment *segment, const good_frame *expected)
{
    g_assert_cmpuint(segment->ip_version, ==, expected->version);
    g_assert_cmpuint(segment->hops, ==, expected->hops);
    assert_hex(segment->source, expected->version == 4 ? 4 : 16, expected->version == 4 ? SOURCE4 : SOURCE6);
    assert_hex(segment->destination, expected->version == 4 ? 4 : 16, expected->version == 4 ? TARGET4 : TARGET6);
    g_assert_cmpuint(segment->source_port, ==, 443);
    g_assert_cmpuint(segment->destination_port, ==, 50000);
    g_assert_cmphex(segment->sequence, ==, 0x01020304);
    g_assert_cmphex(segment->acknowledgement, ==, 0x05060708);
    g_assert_cmphex(segment->flags, ==, WIRE_PSH | WIRE_ACK);
    g_assert_cmphex(segment->window, ==, 0xfaf0);
    g_assert_cmpuint(segment->maximum_segment, ==, 0);
    g_assert_cmpuint(segment->length, ==, 4);
}

/* Whole, and cut behind every octet. */
static void
test_good_frame(gconstpointer data)
{
    const good_frame *expected = data;
    GBytes           *frame = bytes_of_hex(expected->frame);
    size_t            length = g_bytes_get_size(frame), payload = length - expected->behind - 4;
    wire_segment      segment;

    for (size_t captured = 0; captured <= length; captured++) {
        bool is_segment = read_first(expected->link, frame, captured, length, &segment);

        g_assert_cmpint(is_segment, ==, captured >= payload);
        if (!is_segment)
            continue;
        assert_segment(&segment, expected);
        g_assert_cmpuint(segment.captured, ==, MIN(captured - payload, 4));
        g_assert_cmpmem(segment.payload, segment.captured, "\xc0\xff\xee\x00", segment.captured);
        support_free_scope();
    }
    g_bytes_unref(frame);
}

static const struct {
    const char *name;
    wire_link   link;
    const char *frame;
} bad_frames[] = {
    { "unknown", WIRE_LINK_UNKNOWN, DATA4 },
    { "arp", WIRE_LINK_ETHERNET, ETHERNET "0806 0001 0800 0604 0001" DATA4 },
    { "five-tags", WIRE_LINK_ETHERNET, ETHERNET "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800" DATA4 },
    { "pppoe-discovery", WIRE_LINK_ETHERNET, ETHERNET "8863 1109 0000 002e 0021" DATA4 },
    { "pppoe-lcp", WIRE_LINK_ETHERNET, ETHERNET "8864 1100 0001 002e c021" DATA4 },
    { "stp", WIRE_LINK_ETHERNET, ETHERNET "0034 424203 000000 0800" DATA4 },
    { "cisco-snap", WIRE_LINK_ETHERNET, ETHERNET "0034 aaaa03 00000c 0800" DATA4 },
    { "wrong-version", WIRE_LINK_ETHERNET, ETHERNET "0800" DATA6 },
    { "wrong-version-6", WIRE_LINK_ETHERNET, ETHERNET "86dd" DATA4 },
    { "raw-version-5", WIRE_LINK_RAW_IP, "5500 002c 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "appletalk", WIRE_LINK_NULL, "10000000" DATA4 },
    { "beacon", WIRE_LINK_IEEE80211, "8000 0000" ADDRESSES802 "1000" SNAP4 DATA4 },
    { "protected", WIRE_LINK_IEEE80211, "0841 0000" ADDRESSES802 "1000" SNAP4 DATA4 },
    { "no-data", WIRE_LINK_IEEE80211, "4801 0000" ADDRESSES802 "1000" SNAP4 DATA4 },
    { "802.11-more-fragments", WIRE_LINK_IEEE80211, "0805 0000" ADDRESSES802 "1000" SNAP4 DATA4 },
    { "802.11-last-fragment", WIRE_LINK_IEEE80211, "0801 0000 0a0000000001 0a0000000002 0a0000000003 1100" SNAP4 DATA4 },
    { "a-msdu", WIRE_LINK_IEEE80211, "8801 0000" ADDRESSES802 "1000 8000" SNAP4 DATA4 },
    { "udp", WIRE_LINK_RAW_IP, "4500 002c 0001 4000 3f 11 0000" ADDRESSES4 TCP PAYLOAD },
    { "first-fragment", WIRE_LINK_RAW_IP, "4500 002c 0001 2000 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "last-fragment", WIRE_LINK_RAW_IP, "4500 002c 0001 0003 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "ipv4-short-header", WIRE_LINK_RAW_IP, "4400 002c 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "ipv4-length-in-header", WIRE_LINK_RAW_IP, "4500 0013 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "ipv4-length-in-tcp", WIRE_LINK_RAW_IP, "4500 0027 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD },
    { "ipv6-first-fragment", WIRE_LINK_RAW_IP, "60000000 0020 2c 40" ADDRESSES6 "0600 0001 00000001" TCP PAYLOAD },
    { "ipv6-last-fragment", WIRE_LINK_RAW_IP, "60000000 0020 2c 40" ADDRESSES6 "0600 0010 00000001" TCP PAYLOAD },
    { "ipv6-nothing", WIRE_LINK_RAW_IP, "60000000 0018 3b 40" ADDRESSES6 TCP PAYLOAD },
    { "ipv6-encrypted", WIRE_LINK_RAW_IP, "60000000 0018 32 40" ADDRESSES6 TCP PAYLOAD },
    { "short-tcp", WIRE_LINK_RAW_IP, IPV4 "01bb c350 01020304 05060708 4018 faf0 0000 0000" PAYLOAD },
    { "long-tcp", WIRE_LINK_RAW_IP, IPV4 "01bb c350 01020304 05060708 7018 faf0 0000 0000" PAYLOAD },
    { "gre-checksum", WIRE_LINK_RAW_IP, "4500 0048 0001 0000 09 2f 0000 01010101 02020202 8000 0800 00000000" DATA4 },
    { "deep", WIRE_LINK_RAW_IP,
      "4500 0068 0001 0000 09 04 0000 01010101 02020202 4500 0054 0001 0000 09 04 0000 01010101 02020202 "
      "4500 0040 0001 0000 09 04 0000 01010101 02020202" DATA4 },
};

static void
test_bad_frames(void)
{
    wire_segment segment;

    for (size_t i = 0; i < G_N_ELEMENTS(bad_frames); i++) {
        GBytes *frame = bytes_of_hex(bad_frames[i].frame);

        g_test_message("%s", bad_frames[i].name);
        for (size_t captured = 0; captured <= g_bytes_get_size(frame); captured++)
            g_assert_false(read_first(bad_frames[i].link, frame, captured, g_bytes_get_size(frame), &segment));
        support_free_scope();
        g_bytes_unref(frame);
    }
}

/* More extension headers than there are kinds: the padding of destination options, again and again. */
static void
test_many_extensions(void)
{
    GString     *hex = g_string_new("60000000 0000 3c 40" ADDRESSES6);
    GBytes      *frame;
    wire_segment segment;

    for (int i = 0; i < 100; i++)
        g_string_append(hex, "3c00 010400000000");
    g_string_append(hex, "0600 010400000000" TCP);
    frame = bytes_of_hex(hex->str);
    g_assert_false(read_first(WIRE_LINK_RAW_IP, frame, g_bytes_get_size(frame), g_bytes_get_size(frame), &segment));
    support_free_scope();
    g_bytes_unref(frame);
    g_string_free(hex, TRUE);
}

/* What was on the wire comes from IP, unless IP does not say. */
static void
test_lengths(void)
{
    static const struct {
        const char *frame;
        size_t      length, captured_payload, payload;
    } cases[] = {
        { IPV4 TCP "c0", 44, 1, 4 },                                                  /* cut by the capture */
        { IPV4 TCP, 44, 0, 4 },                                                       /* headers only */
        { IPV4 TCP "c0", 41, 1, 4 },                                                  /* the file does not tell */
        { IPV4 TCP "c0", 0, 1, 4 },                                                   /* nor here */
        { "4500 0000 0001 4000 3f 06 0000" ADDRESSES4 TCP PAYLOAD, 64000, 4, 63960 }, /* offloaded, and cut */
        { "60000000 0000 06 40" ADDRESSES6 TCP PAYLOAD, 64000, 4, 63940 },
        { "4500 0028 0001 4000 3f 06 0000" ADDRESSES4 TCP "000000000000", 46, 0, 0 }, /* nothing but padding */
    };
    wire_segment segment;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GBytes *frame = bytes_of_hex(cases[i].frame);

        g_assert_true(read_first(WIRE_LINK_RAW_IP, frame, g_bytes_get_size(frame), cases[i].length, &segment));
        g_assert_cmpuint(segment.captured, ==, cases[i].captured_payload);
        g_assert_cmpuint(segment.length, ==, cases[i].payload);
        support_free_scope();
        g_bytes_unref(frame);
    }
}

/* RFC 9293 3.1 and 3.2. */
static void
test_options(void)
{
    static const struct {
        const char *offset_and_flags, *options;
        uint16_t    maximum_segment;
    } cases[] = {
        { "6002", "020405b4", 1460 },
        { "6012", "020405a0", 1440 },
        { "60c2", "020405b4", 1460 }, /* ECE and CWR, RFC 3168 6.1.1 */
        { "a002", "0402 080a0102030400000000 01 020405b4 030307 ", 1460 },
        { "7002", "010101 020405b4 00", 1460 },
        { "7002", "00 01 020405b4 0000", 0 },   /* behind the end */
        { "6010", "020405b4", 0 },              /* no SYN */
        { "7002", "0300 0000 020405b4", 0 },    /* an option of no length */
        { "7002", "0401 0101 020405b4", 0 },    /* one that ends before its length */
        { "7002", "0309 0000 020405b4", 0 },    /* one that is longer than the header */
        { "7002", "020605b4 0000 0101", 0 },    /* an MSS that is none */
        { "6002", "01010102", 0 },              /* cut short */
        { "6002", "01020405", 0 },
    };
    wire_segment segment;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        char   *hex = g_strconcat("4500 0000 0001 4000 3f 06 0000" ADDRESSES4 "01bb c350 01020304 05060708",
                                  cases[i].offset_and_flags, "faf0 0000 0000", cases[i].options, NULL);
        GBytes *frame = bytes_of_hex(hex);
        bool    whole = read_first(WIRE_LINK_RAW_IP, frame, g_bytes_get_size(frame), 0, &segment);

        g_test_message("%s", cases[i].options);
        g_assert_true(whole);
        g_assert_cmpuint(segment.maximum_segment, ==, cases[i].maximum_segment);
        g_assert_cmpuint(segment.length, ==, 0);
        g_assert_cmphex(segment.flags & ~(WIRE_SYN | WIRE_ACK), ==, 0);
        support_free_scope();
        g_bytes_unref(frame);
        g_free(hex);
    }
}

/* Every TCP segment of a sample, as tshark reads it. */
static void
test_sample(gconstpointer data)
{
    static const char *const fields[] = { "frame.number", "tcp.srcport", "tcp.dstport", "tcp.seq_raw", "tcp.ack_raw",
                                          "tcp.len", "tcp.window_size_value", "tcp.options.mss_val", "ip.ttl",
                                          "ipv6.hlim", "ip.src", "ipv6.src", NULL };
    GPtrArray               *frames = capture_frames(data);
    GPtrArray               *facts = capture_facts(frames, "tcp && !icmp && !icmpv6", fields);
    guint                    row = 0;

    for (guint i = 0; facts && i < frames->len; i++) {
        ber_slice    frame = slice_of(frames->pdata[i]);
        wire_segment segment;

        if (!wire_segment_read(WIRE_LINK_ETHERNET, frame.data, frame.length, frame.length, &segment))
            continue;
        g_assert_cmpuint(row, <, facts->len);

        bool  is_ipv4 = segment.ip_version == 4;
        char  name[INET6_ADDRSTRLEN];

        inet_ntop(is_ipv4 ? AF_INET : AF_INET6, segment.source, name, sizeof name);

        char *mss = segment.maximum_segment ? g_strdup_printf("%u", segment.maximum_segment) : g_strdup("");
        char *hops = g_strdup_printf("%u", segment.hops);
        char *mine = g_strdup_printf("%u|%u|%u|%u|%u|%zu|%u|%s|%s|%s|%s|%s", i + 1, segment.source_port,
                                     segment.destination_port, segment.sequence, segment.acknowledgement,
                                     segment.length, segment.window, mss, is_ipv4 ? hops : "", is_ipv4 ? "" : hops, is_ipv4 ? name : "",
                                     is_ipv4 ? "" : name);
        char *theirs = g_strjoinv("|", facts->pdata[row++]);

        g_assert_cmpstr(mine, ==, theirs);
        g_free(theirs);
        g_free(mine);
        g_free(hops);
        g_free(mss);
    }
    if (facts) {
        g_assert_cmpuint(row, ==, facts->len);
        g_ptr_array_unref(facts);
    }
    g_ptr_array_unref(frames);
}

static const char *const samples[] = { "tls13/device.pcapng", "ipv6/device.pcapng", "windows-post/wap.pcapng" };

int
main(int argc, char **argv)
{
    support_init(&argc, &argv);
    for (size_t i = 0; i < G_N_ELEMENTS(good_frames); i++) {
        char *path = g_strdup_printf("/segment/frame/%s", good_frames[i].name);

        g_test_add_data_func(path, &good_frames[i], test_good_frame);
        g_free(path);
    }
    g_test_add_func("/segment/none", test_bad_frames);
    g_test_add_func("/segment/many-extensions", test_many_extensions);
    g_test_add_func("/segment/lengths", test_lengths);
    g_test_add_func("/segment/options", test_options);
    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        char *path = g_strdup_printf("/segment/sample/%s", samples[i]);

        g_test_add_data_func(path, samples[i], test_sample);
        g_free(path);
    }
    return support_run();
}
