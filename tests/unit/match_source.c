/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The inputs of scepmatch: what is read from captures of several kinds and from logs, against the octets of the files
 * themselves and Wireshark's own programs; filters; where files end; and what is refused.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wsutil/exported_pdu_tlvs.h>

#include "logfile/logfile.h"
#include "match/source.h"
#include "match_support.h"

#define SECOND INT64_C(1000000000)

/* Link types, as registered at tcpdump.org. */
enum { LINK_ETHERNET = 1, LINK_RAW = 101, LINK_MTP2 = 139, LINK_UPPER_PDU = 252 };

/* Of 807 packets and 2, which real peers sent. */
#define BROWSING "foreign", "browsing-api.pcapng"
#define DEVICE   "windows-get", "device.pcapng"
#define WAP      "windows-get", "wap.pcapng"

/* --- reading --- */

static match_source *
open_filtered(const char *path, const char *filter)
{
    char         *problem = NULL;
    match_source *source = source_open("client", path, filter, &problem);

    if (!source)
        g_error("%s", problem);
    g_assert_null(problem);
    return source;
}

static match_source *
opened(const char *path)
{
    return open_filtered(path, NULL);
}

/* The next record, which must be there. */
static match_record
next_of(match_source *source)
{
    match_record record;
    char        *problem = NULL;

    if (!source_next(source, &record, &problem))
        g_error("no record: %s", problem);
    return record;
}

static void
assert_ends(match_source *source)
{
    match_record record;
    char        *problem = NULL;

    g_assert_false(source_next(source, &record, &problem));
    g_assert_cmpstr(problem, ==, NULL);
}

static void
rewind_it(match_source *source)
{
    char *problem = NULL;

    g_assert_true(source_rewind(source, &problem));
    g_assert_null(problem);
}

/* All that pass; `problem` is what ends them, or NULL. */
static unsigned
count_of(match_source *source, char **problem)
{
    match_record record;
    unsigned     count = 0;

    while (source_next(source, &record, problem))
        count++;
    return count;
}

/* Every record is the packet of that number in the file, whose ticks are nanoseconds. */
static void
assert_packets(match_source *source, const png_file *file)
{
    unsigned count = png_count(file, PACKET);

    g_assert_cmpuint(count, >, 0);
    for (unsigned i = 0; i < count; i++) {
        png_packet   packet = png_packet_of(file, i);
        match_record record = next_of(source);

        g_assert_cmpuint(record.number, ==, i + 1);
        g_assert_true(record.has_time);
        g_assert_cmpint(record.time, ==, (int64_t)packet.ticks);
        g_assert_cmpuint(record.interface, ==, packet.interface);
        g_assert_cmpuint(record.length, ==, packet.length);
        g_assert_cmpmem(record.octets, record.captured, packet.octets, packet.captured);
        g_assert_cmpint(record.link, ==, WIRE_LINK_ETHERNET);
        g_assert_false(record.is_log);
    }
    assert_ends(source);
}

static void
test_pcapng(void)
{
    const char *samples[][2] = { { DEVICE }, { WAP }, { BROWSING } };

    for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
        g_autofree char *path = sample_file(samples[i][0], samples[i][1]);
        png_file        *file = png_read(path);
        match_source    *source = opened(path);
        g_autofree char *resolution = interface_text(file, 0, 9);

        g_assert_cmpstr(resolution, ==, "\t"); /* 9: nanoseconds */
        g_assert_cmpstr(source_name(source), ==, "client");
        g_assert_cmpstr(source_path(source), ==, path);
        g_assert_false(source_is_log(source));
        g_assert_null(source_log_format(source));
        assert_packets(source, file);
        rewind_it(source);
        assert_packets(source, file);
        rewind_it(source);
        next_of(source); /* and from the middle */
        rewind_it(source);
        assert_packets(source, file);
        source_close(source);
        png_free(file);
    }
}

/* Files of other programs. Each keeps time in units of its own. */
static void
test_formats(void)
{
    static const struct {
        const char *format;
        int64_t     unit; /* ns */
    } cases[] = { { "pcap", 1000 }, { "nsecpcap", 1 }, { "netmon2", 1000 }, { "snoop", 1000 } };
    g_autofree char *path = sample_file(BROWSING);
    png_file        *file = png_read(path);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *copy = scratch_file(cases[i].format);
        match_source    *source;

        MAKE("editcap", "-F", cases[i].format, path, copy);
        source = opened(copy);
        for (unsigned j = 0; j < png_count(file, PACKET); j++) {
            png_packet   packet = png_packet_of(file, j);
            match_record record = next_of(source);

            g_assert_cmpint(ABS(record.time - (int64_t)packet.ticks), <=, cases[i].unit - 1);
            g_assert_cmpuint(record.length, ==, packet.length);
            g_assert_cmpmem(record.octets, record.captured, packet.octets, packet.captured);
            g_assert_cmpint(record.link, ==, WIRE_LINK_ETHERNET);
        }
        assert_ends(source);
        source_close(source);
    }
    png_free(file);
}

static void
test_compressed(void)
{
    g_autofree char *path = sample_file(DEVICE), *copy = scratch_file("device.pcapng");
    g_autofree char *packed = g_strconcat(copy, ".gz", NULL);
    g_autoptr(GBytes) octets = contents_of(path);
    png_file        *file = png_read(path);
    match_source    *source;

    write_file(copy, g_bytes_get_data(octets, NULL), g_bytes_get_size(octets));
    MAKE("gzip", "-f", copy);
    source = opened(packed);
    assert_packets(source, file);
    rewind_it(source);
    assert_packets(source, file);
    source_close(source);
    png_free(file);
}

/* A record of Endace's format with an Ethernet frame: 16 octets before it, and two of padding. The time is seconds and
 * their fraction in units of 2^-32. */
static void
test_erf(void)
{
    static const uint8_t frame[60] = { 1, 2, 3 };
    GByteArray          *octets = g_byte_array_new();
    g_autofree char     *path = NULL;
    match_source        *source;
    match_record         record;

    for (unsigned i = 0; i < 20; i++) {
        static const uint8_t head[] = { 2, 4, 0, 16 + 2 + sizeof frame, 0, 0, 0, sizeof frame, 0, 0 };

        put_u32(octets, 0x80000000); /* half a second */
        put_u32(octets, 1500000000 + i);
        g_byte_array_append(octets, head, sizeof head);
        g_byte_array_append(octets, frame, sizeof frame);
    }
    path = made_file("a.erf", octets);
    source = opened(path);
    record = next_of(source);
    g_assert_cmpint(record.time, ==, 1500000000 * SECOND + SECOND / 2);
    g_assert_cmpint(record.link, ==, WIRE_LINK_ETHERNET);
    g_assert_cmpmem(record.octets, record.captured, frame, sizeof frame);
    source_close(source);
}

/* Times are in units of the interface, which are powers of 10 or of 2, and counted from an offset in seconds. */
static void
test_times(void)
{
    static const struct {
        uint8_t  resolution;
        int64_t  offset;
        uint64_t ticks;
        int64_t  time;
    } cases[] = {
        { 6, 0, 1500000000123456, 1500000000 * SECOND + 123456000 },
        { 3, 0, 1500000000123, 1500000000 * SECOND + 123000000 },
        { 0, 0, 1500000000, 1500000000 * SECOND },
        { 9, 1500000000, 123456789, 1500000000 * SECOND + 123456789 },
        { 0x80 | 10, 0, UINT64_C(1500000000) << 10 | 512, 1500000000 * SECOND + SECOND / 2 },
        { 0x80 | 20, 0, UINT64_C(1500000000) << 20 | 1 << 18, 1500000000 * SECOND + SECOND / 4 },
    };
    GByteArray      *file = g_byte_array_new();
    g_autofree char *path = NULL;
    match_source    *source;

    put_section(file, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *options = g_byte_array_new();

        put_option(options, 9, &cases[i].resolution, 1);
        if (cases[i].offset)
            put_option(options, 14, &cases[i].offset, sizeof cases[i].offset);
        put_interface(file, LINK_ETHERNET, 0, options);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
        put_packet(file, (uint32_t)i, cases[i].ticks, "frame", 5, 1500, NULL);
    /* No time of this century: what cannot be told in nanoseconds since 1970 is none. */
    put_packet(file, 2, UINT64_C(1) << 60, "frame", 5, 5, NULL);
    path = made_file("times.pcapng", file);
    source = opened(path);
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        match_record record = next_of(source);

        g_assert_true(record.has_time);
        g_assert_cmpint(record.time, ==, cases[i].time);
        g_assert_cmpuint(record.interface, ==, i);
        g_assert_cmpuint(record.length, ==, 1500);
        g_assert_cmpmem(record.octets, record.captured, "frame", 5);
    }
    g_assert_false(next_of(source).has_time);
    assert_ends(source);
    source_close(source);
}

/* Interfaces are counted over the sections of a file, and may come at any time. */
static void
test_sections(void)
{
    GByteArray      *file = g_byte_array_new();
    g_autofree char *path = NULL;
    match_source    *source;
    unsigned         expected[] = { 0, 1, 2, 3, 4 };

    put_section(file, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_packet(file, 0, 1, "a", 1, 1, NULL);
    put_packet(file, 1, 2, "b", 1, 1, NULL);
    put_interface(file, LINK_RAW, 0, NULL);
    put_packet(file, 2, 3, "c", 1, 1, NULL);
    put_section(file, NULL);
    put_interface(file, LINK_RAW, 0, NULL);
    put_packet(file, 0, 4, "d", 1, 1, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_packet(file, 1, 5, "e", 1, 1, NULL);
    path = made_file("sections.pcapng", file);
    source = opened(path);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
            match_record record = next_of(source);

            g_assert_cmpuint(record.interface, ==, expected[i]);
            g_assert_cmpint(record.link, ==, i == 2 || i == 3 ? WIRE_LINK_RAW_IP : WIRE_LINK_ETHERNET);
            g_assert_cmpint(*record.octets, ==, "abcde"[i]);
        }
        assert_ends(source);
        rewind_it(source);
    }
    source_close(source);
}

/* Records that are no packets have their number, too. */
static void
test_other_records(void)
{
    static const char entry[] = "__CURSOR=a\n__REALTIME_TIMESTAMP=1500000000000001\nMESSAGE=b\n";
    GByteArray       *file = g_byte_array_new(), *custom = g_byte_array_new();
    GByteArray       *journal = g_byte_array_append(g_byte_array_new(), (const uint8_t *)entry, sizeof entry - 1);
    g_autofree char  *path = NULL;
    match_source     *source;
    match_record      record;

    put_section(file, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_block(file, JOURNAL, journal);
    put_u32(custom, 32473); /* the enterprise number for examples, RFC 5612 */
    g_byte_array_append(custom, (const uint8_t *)"12345678", 8);
    put_block(file, CUSTOM, custom);
    put_packet(file, 0, 1, "a", 1, 1, NULL);
    path = made_file("others.pcapng", file);
    source = open_filtered(path, "len == 1");
    record = next_of(source);
    g_assert_cmpuint(record.number, ==, 1);
    g_assert_cmpint(record.time, ==, INT64_C(1500000000000001) * 1000);
    g_assert_cmpint(record.link, ==, WIRE_LINK_UNKNOWN);
    g_assert_cmpmem(record.octets, record.captured, entry, sizeof entry - 1);
    record = next_of(source);
    g_assert_cmpuint(record.number, ==, 2);
    g_assert_false(record.has_time);
    g_assert_cmpmem(record.octets, record.captured, "12345678", 8);
    record = next_of(source);
    g_assert_cmpuint(record.number, ==, 3);
    g_assert_cmpint(record.link, ==, WIRE_LINK_ETHERNET);
    assert_ends(source);
    source_close(source);
}

/* --- logs --- */

/* A tag of an exported PDU by Wireshark's numbers; what follows it. */
static const uint8_t *
take_tag(const uint8_t *at, unsigned tag, const void *value, size_t length)
{
    size_t filled = (length + 3) & ~(size_t)3;

    g_assert_cmpuint((unsigned)at[0] << 8 | at[1], ==, tag);
    g_assert_cmpuint((unsigned)at[2] << 8 | at[3], ==, filled);
    g_assert_cmpmem(at + 4, length, value, length);
    return at + 4 + filled;
}

/* What a line of IIS's log becomes: its addresses and ports, the number of its line, its directives and the line. */
static void
test_log_packet(void)
{
    static const char fields[] = "date time s-ip cs-method cs-uri-stem s-port c-ip sc-status";
    static const char line[] = "2016-06-10 02:44:06 10.0.0.20 GET /scep 443 2001:db8::a 200";
    static const char text[] = "#Line: 3\n#Fields: date time s-ip cs-method cs-uri-stem s-port c-ip sc-status\n"
                               "2016-06-10 02:44:06 10.0.0.20 GET /scep 443 2001:db8::a 200";
    static const uint8_t server[] = { 10, 0, 0, 20 }, port[] = { 0, 0, 1, 187 }, number[] = { 0, 0, 0, 3 };
    static const uint8_t client[] = { 0x20, 1, 0xd, 0xb8, [15] = 10 }, tcp[] = { 0, 0, 0, EXP_PDU_PT_TCP };
    static const char    software[] = "#Software: Microsoft Internet Information Services 10.0";
    g_autofree char     *log = g_strdup_printf("%s\r\n#Fields: %s\r\n%s\r\n", software, fields, line);
    g_autofree char     *path = scratch_file("u_ex160610.log");
    match_source        *source;
    match_record         record;
    logfile_format       format;
    size_t               offset;
    const uint8_t       *at;

    write_file(path, log, strlen(log));
    source = opened(path);
    g_assert_true(source_is_log(source));
    g_assert_cmpstr(source_log_format(source), ==, "iis");
    record = next_of(source);
    g_assert_cmpuint(record.number, ==, 1);
    g_assert_cmpint(record.time, ==, 1465526646 * SECOND); /* date -u -d '2016-06-10 02:44:06' +%s */
    g_assert_true(record.has_time);
    g_assert_true(record.is_log);
    g_assert_cmpint(record.link, ==, WIRE_LINK_UNKNOWN);
    g_assert_cmpuint(record.length, ==, record.captured);
    at = take_tag(record.octets, EXP_PDU_TAG_DISSECTOR_NAME, "iis\0", 4);
    at = take_tag(at, EXP_PDU_TAG_IPV6_SRC, client, sizeof client);
    at = take_tag(at, EXP_PDU_TAG_IPV4_DST, server, sizeof server);
    at = take_tag(at, EXP_PDU_TAG_PORT_TYPE, tcp, sizeof tcp);
    at = take_tag(at, EXP_PDU_TAG_DST_PORT, port, sizeof port);
    at = take_tag(at, EXP_PDU_TAG_ORIG_FNO, number, sizeof number);
    at = take_tag(at, EXP_PDU_TAG_END_OF_OPT, "", 0);
    g_assert_cmpmem(at, record.captured - (size_t)(at - record.octets), text, sizeof text - 1);
    for (size_t length = 0; length <= record.captured; length++) {
        bool is_whole = length >= (size_t)(at - record.octets);

        g_assert_true(logfile_pdu_read(record.octets, length, &format, &offset) == is_whole);
        g_assert_true(!is_whole || (format == LOGFILE_IIS && record.octets + offset == at));
    }
    assert_ends(source);
    source_close(source);
}

/* The logs of a real enrolment: as many records as they have lines that are none of IIS's directives, or begins of
 * messages of CMTrace. */
static void
test_logs(void)
{
    static const struct {
        const char *name, *format, *pattern;
    } cases[] = {
        { "ndes/u_ex160610.log", "iis", "^[0-9]" },
        { "ndes/NDESPlugin.log", "cmtrace", "<!\\[LOG\\[" },
        { "crp/CRP.log", "cmtrace", "<!\\[LOG\\[" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = sample_file("logs/reference", cases[i].name), *copy = scratch_file("packed.log.gz");
        g_autofree char *found = RUN("grep", "-c", "-e", cases[i].pattern, path);
        g_autofree char *command = g_strdup_printf("gzip -c '%s' > '%s'", path, copy);
        match_source    *plain = opened(path), *compressed;
        unsigned         count = (unsigned)atoi(found);

        MAKE("sh", "-c", command);
        compressed = opened(copy);
        g_assert_cmpstr(source_log_format(plain), ==, cases[i].format);
        for (int pass = 0; pass < 2; pass++) {
            for (unsigned j = 0; j < count; j++) {
                match_record record = next_of(plain), same = next_of(compressed);

                g_assert_cmpuint(record.number, ==, j + 1);
                g_assert_true(record.has_time);
                g_assert_cmpint(record.time, ==, same.time);
                g_assert_cmpmem(record.octets, record.captured, same.octets, same.captured);
            }
            assert_ends(plain);
            assert_ends(compressed);
            rewind_it(plain);
            rewind_it(compressed);
        }
        source_close(plain);
        source_close(compressed);
    }
}

/* A line of a log that was exported into a capture is one still, and other exported PDUs are none. */
static void
test_log_in_capture(void)
{
    static const uint8_t other[] = { 0, EXP_PDU_TAG_DISSECTOR_NAME, 0, 4, 'h', 't', 't', 'p', 0, 0, 0, 0, 'G', 'E', 'T' };
    static const uint8_t cut[] = { 0, EXP_PDU_TAG_DISSECTOR_NAME, 0, 4, 'i', 'i', 's' };
    g_autofree char     *log = sample_file("logs/reference", "ndes/u_ex160610.log"), *path = NULL;
    match_source        *source = opened(log);
    match_record         line = next_of(source);
    GByteArray          *file = g_byte_array_new();
    char                *problem = NULL;
    match_record         record;

    put_section(file, NULL);
    put_interface(file, LINK_UPPER_PDU, 0, NULL);
    put_packet(file, 0, 1, line.octets, line.captured, line.length, NULL);
    put_packet(file, 0, 2, other, sizeof other, sizeof other, NULL);
    put_packet(file, 0, 3, cut, sizeof cut, sizeof cut, NULL);
    source_close(source);
    path = made_file("exported.pcapng", file);
    source = opened(path);
    g_assert_false(source_is_log(source));
    g_assert_true(next_of(source).is_log);
    g_assert_false(next_of(source).is_log);
    g_assert_false(next_of(source).is_log);
    assert_ends(source);
    source_close(source);

    source = open_filtered(path, "tcp port 443");
    g_assert_true(next_of(source).is_log);
    g_assert_false(source_next(source, &record, &problem)); /* no filter is for these */
    g_assert_nonnull(strstr(problem, path));
    g_free(problem);
    source_close(source);
}

/* --- filters --- */

/* Those of a sample's packets that tshark shows with the same filter, by its numbers. */
static void
test_filter(void)
{
    static const struct {
        const char *capture, *display;
    } cases[] = {
        { "tcp port 443", "tcp.port == 443" },
        { "tcp[tcpflags] & tcp-syn != 0", "tcp.flags.syn == 1" },
        { "arp", "arp" },
        { "udp", "udp" }, /* none */
        { "greater 1000", "frame.len >= 1000" },
        { "host 192.0.2.10 and not arp", "ip.addr == 192.0.2.10 && !icmp.type" },
    };
    g_autofree char *path = sample_file(WAP);

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *output = RUN("tshark", "-n", "-r", path, "-Y", cases[i].display, "-T", "fields", "-e",
                                      "frame.number");
        g_auto(GStrv)    numbers = g_strsplit(output, "\n", -1);
        match_source    *source = open_filtered(path, cases[i].capture);

        for (char **number = numbers; *number && **number; number++)
            g_assert_cmpuint(next_of(source).number, ==, (unsigned)atoi(*number));
        assert_ends(source);
        source_close(source);
    }
}

/* A filter is another program for each link type: the same IPv4 and TCP headers with and without an Ethernet header. */
static void
test_filter_links(void)
{
    static const uint8_t frame[] = {
        2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0,                                                 /* Ethernet */
        0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 192, 0, 2, 10, 192, 0, 2, 20,                    /* IPv4 */
        0xC3, 0x50, 1, 187, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0,                 /* TCP, to port 443 */
    };
    GByteArray      *file = g_byte_array_new();
    g_autofree char *path = NULL;
    match_source    *source;

    put_section(file, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_interface(file, LINK_RAW, 0, NULL);
    put_packet(file, 0, 1, frame, sizeof frame, sizeof frame, NULL);
    put_packet(file, 1, 2, frame + 14, sizeof frame - 14, sizeof frame - 14, NULL);
    put_packet(file, 0, 3, frame + 14, sizeof frame - 14, sizeof frame - 14, NULL);
    put_packet(file, 1, 4, frame, sizeof frame, sizeof frame, NULL);
    path = made_file("links.pcapng", file);
    source = open_filtered(path, "tcp dst port 443");
    g_assert_cmpuint(next_of(source).number, ==, 1);
    g_assert_cmpuint(next_of(source).number, ==, 2);
    assert_ends(source);
    source_close(source);
}

static void
assert_refused(const char *path, const char *filter, const char *reason)
{
    g_autofree char *problem = NULL;
    match_source    *source = source_open("client", path, filter, &problem);

    if (source || !problem || !strstr(problem, path) || !strstr(problem, reason))
        g_error("%s: %s, not for %s", path, problem ? problem : "not refused", reason);
}

/* Before anything is read, in libpcap's words, which are those of tcpdump. */
static void
test_filter_problems(void)
{
    GByteArray      *file = g_byte_array_new();
    g_autofree char *mtp2 = NULL, *browsing = sample_file(BROWSING), *device = sample_file(DEVICE);

    put_section(file, NULL);
    put_interface(file, LINK_MTP2, 0, NULL);
    mtp2 = made_file("mtp2.pcapng", file);
    assert_refused(browsing, "tcp prt 443", "syntax error");
    assert_refused(browsing, "port nosuchport", "unknown port 'nosuchport'");
    /* Its decryption secrets come before its interface. */
    assert_refused(device, "tcp prt 443", "syntax error");
    /* libwiretap takes off the begin of its packets. */
    assert_refused(mtp2, "len > 1", "no capture filters");
}

/* --- ends --- */

/* What a file says that ends with half a record: those before count, every time. */
static void
assert_cut(const char *path, unsigned count, const char *reason)
{
    match_source *source = opened(path);

    for (int pass = 0; pass < 2; pass++) {
        g_autofree char *problem = NULL, *again = NULL;
        match_record     record;

        g_assert_cmpuint(count_of(source, &problem), ==, count);
        if (!problem || !strstr(problem, path) || !strstr(problem, reason))
            g_error("%s ends with: %s", path, problem);
        g_assert_false(source_next(source, &record, &again));
        g_assert_cmpstr(again, ==, problem);
        rewind_it(source);
    }
    source_close(source);
}

static char *
cut_copy(const char *path, const char *name, size_t octets)
{
    g_autoptr(GBytes) whole = contents_of(path);
    char             *copy = scratch_file(name);

    write_file(copy, g_bytes_get_data(whole, NULL), g_bytes_get_size(whole) - octets);
    return copy;
}

static void
test_cut(void)
{
    g_autofree char *sample = sample_file(BROWSING), *pcap = scratch_file("whole.pcap"), *cut_pcap = NULL;
    g_autofree char *png = NULL, *cut_png = NULL;
    GByteArray      *file = g_byte_array_new();

    MAKE("editcap", "-F", "pcap", "-r", sample, pcap, "1-50");
    cut_pcap = cut_copy(pcap, "cut.pcap", 1);
    assert_cut(cut_pcap, 49, "cut short");
    put_section(file, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    for (unsigned i = 0; i < 3; i++)
        put_packet(file, 0, i, "frame", 5, 5, NULL);
    png = made_file("whole.pcapng", file);
    for (unsigned octets = 1; octets < 40; octets++) { /* of which a packet has 40 */
        cut_png = cut_copy(png, "cut.pcapng", octets);
        assert_cut(cut_png, 2, "cut short");
        g_free(g_steal_pointer(&cut_png));
    }
}

/* Of a compressed log that was cut, too. */
static void
test_cut_log(void)
{
    g_autofree char *log = sample_file("logs/reference", "crp/CRP.log"), *packed = scratch_file("log.gz");
    g_autofree char *command = g_strdup_printf("gzip -c '%s' > '%s'", log, packed), *cut = NULL;
    g_autofree char *problem = NULL;
    match_source    *source;

    MAKE("sh", "-c", command);
    cut = cut_copy(packed, "cut.log.gz", 300);
    source = opened(cut);
    g_assert_cmpuint(count_of(source, &problem), >, 0);
    g_assert_nonnull(strstr(problem, "cut short"));
    source_close(source);
}

/* A packet whose interface is not there. */
static void
test_damaged(void)
{
    GByteArray      *file = g_byte_array_new();
    g_autofree char *path = NULL;

    put_section(file, NULL);
    put_interface(file, LINK_ETHERNET, 0, NULL);
    put_packet(file, 0, 1, "a", 1, 1, NULL);
    put_packet(file, 7, 2, "b", 1, 1, NULL);
    put_packet(file, 0, 3, "c", 1, 1, NULL);
    path = made_file("damaged.pcapng", file);
    assert_cut(path, 1, "damaged after record 1");
}

/* A capture that goes on, as dumpcap writes it, is the same every time; one that was shortened is not, and that is told. */
static void
test_changing(void)
{
    g_autofree char   *path = scratch_file("growing.pcap"), *sample = sample_file(BROWSING);
    g_autofree char   *first = NULL, *second = NULL;
    g_autoptr(GBytes)  few = NULL;
    match_source      *source;

    MAKE("editcap", "-F", "pcap", "-r", sample, path, "1-10");
    few = contents_of(path);
    source = opened(path);
    g_assert_cmpuint(count_of(source, &first), ==, 10);
    g_assert_null(first);
    MAKE("editcap", "-F", "pcap", "-r", sample, path, "1-20");
    rewind_it(source);
    g_assert_cmpuint(count_of(source, &first), ==, 10);
    g_assert_null(first);
    write_file(path, g_bytes_get_data(few, NULL), 24); /* the file's header */
    rewind_it(source);
    g_assert_cmpuint(count_of(source, &second), ==, 0);
    g_assert_nonnull(strstr(second, "has changed"));
    source_close(source);
}

static void
test_progress(void)
{
    g_autofree char *capture = sample_file(BROWSING), *log = sample_file("logs/reference", "crp/CRP.log");
    const char      *paths[] = { capture, log };

    for (size_t i = 0; i < G_N_ELEMENTS(paths); i++) {
        match_source *source = opened(paths[i]);
        match_record  record;
        char         *problem = NULL;
        double        before = source_progress(source);

        while (source_next(source, &record, &problem)) {
            double now = source_progress(source);

            g_assert_cmpfloat(now, >=, before);
            g_assert_cmpfloat(now, <=, 1);
            before = now;
        }
        g_assert_cmpfloat(source_progress(source), ==, 1);
        source_close(source);
    }
}

/* --- what is refused --- */

static void
test_refused(void)
{
    static const char lines[] = "2016-06-10 02:44:06 10.0.0.20 GET /scep operation=GetCACaps 443 - 10.0.0.30 200\r\n";
    g_autofree char  *missing = scratch_file("missing.pcapng"), *empty = scratch_file("empty.pcapng");
    g_autofree char  *pasted = scratch_file("pasted.log"), *pipe = scratch_file("pipe"), *folder = source_file("tests");
    g_autofree char  *text = source_file("README.md"), *program = source_file("plugin/try");
    g_autofree char  *picture = source_file("doc/flow.png"), *certificate = sample_file("tls13/truth", "ca.crt");
    g_autofree char  *json = sample_file("tls13/truth", "exchanges.json");
    g_autofree char  *cut = scratch_file("begin.pcapng");

    write_file(empty, "", 0);
    write_file(pasted, lines, sizeof lines - 1);
    write_file(cut, "\n\r\r\n\x1c\0\0\0\x4d\x3c", 10);
    g_assert_cmpint(mkfifo(pipe, 0600), ==, 0);
    assert_refused(missing, NULL, "No such file");
    assert_refused(empty, NULL, "empty");
    assert_refused(pasted, NULL, "#Fields");
    assert_refused(pipe, NULL, "only once");
    assert_refused(folder, NULL, "folder");
    assert_refused(text, NULL, "neither a capture");
    assert_refused(program, NULL, "neither a capture");
    assert_refused(picture, NULL, "neither a capture");
    assert_refused(certificate, NULL, "neither a capture");
    assert_refused(json, NULL, "neither a capture");
    assert_refused(cut, NULL, "");
    assert_refused("/dev/null", NULL, "no file");
}

static void
test_unreadable(void)
{
    g_autofree char *path = scratch_file("closed.pcap");

    if (geteuid() == 0) {
        g_test_skip("root may read everything");
        return;
    }
    write_file(path, "a", 1);
    g_assert_cmpint(chmod(path, 0), ==, 0);
    assert_refused(path, NULL, "Permission denied");
}

int
main(int argc, char **argv)
{
    match_test_init(&argc, &argv);
    g_test_add_func("/match/source/pcapng", test_pcapng);
    g_test_add_func("/match/source/formats", test_formats);
    g_test_add_func("/match/source/compressed", test_compressed);
    g_test_add_func("/match/source/erf", test_erf);
    g_test_add_func("/match/source/times", test_times);
    g_test_add_func("/match/source/sections", test_sections);
    g_test_add_func("/match/source/other-records", test_other_records);
    g_test_add_func("/match/source/log-packet", test_log_packet);
    g_test_add_func("/match/source/logs", test_logs);
    g_test_add_func("/match/source/log-in-capture", test_log_in_capture);
    g_test_add_func("/match/source/filter", test_filter);
    g_test_add_func("/match/source/filter-links", test_filter_links);
    g_test_add_func("/match/source/filter-problems", test_filter_problems);
    g_test_add_func("/match/source/cut", test_cut);
    g_test_add_func("/match/source/cut-log", test_cut_log);
    g_test_add_func("/match/source/damaged", test_damaged);
    g_test_add_func("/match/source/changing", test_changing);
    g_test_add_func("/match/source/progress", test_progress);
    g_test_add_func("/match/source/refused", test_refused);
    g_test_add_func("/match/source/unreadable", test_unreadable);
    return match_test_run();
}
