/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The file that scepmatch writes: everything the sources have is in it, by the octets of the file and by Wireshark's own
 * programs; what is added; and that it is there whole or not at all.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include "../../plugin/wiretap_compat.h"
#include "match_support.h"

#define SECOND INT64_C(1000000000)

enum { LINK_ETHERNET = 1, LINK_MTP2 = 139, LINK_ERF = 197, LINK_NOBODYS = 4242 };

/* Options of pcapng's blocks: of all, of interfaces and of packets. */
enum { COMMENT = 1, CUSTOM_TEXT = 2988, CUSTOM_OCTETS = 2989, CUSTOM_TEXT_TO_STAY = 19372 };
enum { NAME = 2, DESCRIPTION = 3 };
enum { FLAGS = 2, HASH = 3, DROP_COUNT = 4, PACKET_ID = 5, QUEUE = 6, VERDICT = 7 };

/* The enterprise number for examples, RFC 5612. */
#define ENTERPRISE "\xd9\x7e\0\0"

/* With their decryption secrets, with one interface and with two. */
#define DEVICE "windows-get", "device.pcapng"
#define WAP    "windows-get", "wap.pcapng"

static char *
comment_of(const png_file *file, unsigned packet, unsigned n)
{
    png_packet told = png_packet_of(file, packet);

    return option_text(told.options, told.options_length, COMMENT, n);
}

/* --- records --- */

/* Several records are under way at once, of two sources, and come out in another order and at other times. */
static void
test_packets(void)
{
    g_autofree char      *device = sample_file(DEVICE), *wap = sample_file(WAP), *path = scratch_file("packets.pcapng");
    png_file             *files[] = { png_read(device), png_read(wap) }, *all;
    unsigned              counts[] = { png_count(files[0], PACKET), png_count(files[1], PACKET) }, total = 0;
    g_autoptr(GPtrArray)  sources = no_sources();
    GPtrArray            *kept[] = { g_ptr_array_new(), g_ptr_array_new() };
    merged               *file;
    match_record          record;
    char                 *problem = NULL;

    add_source(sources, "client", device);
    add_source(sources, "wap", wap);
    file = begin_merging(path, sources, NULL);
    for (unsigned i = 0; i < 2; i++) {
        while (source_next(sources->pdata[i], &record, &problem)) {
            kept_record *one = merged_keep(file, sources->pdata[i], i);

            g_assert_cmpuint(kept_record_size(one), >=, record.captured);
            g_assert_cmpuint(kept_record_size(one), <=, record.captured + 64);
            g_ptr_array_add(kept[i], one);
        }
        g_assert_cmpuint(kept[i]->len, ==, counts[i]);
    }
    /* From the last to the first, the two by turns. */
    for (unsigned i = 0; i < MAX(counts[0], counts[1]); i++) {
        for (unsigned j = 0; j < 2; j++) {
            if (i < counts[j])
                write_record(file, kept[j]->pdata[counts[j] - 1 - i], (int64_t)(1000 * i + j), NULL);
        }
    }
    end_merging(file);

    all = png_read(path);
    g_assert_cmpuint(png_count(all, PACKET), ==, counts[0] + counts[1]);
    for (unsigned i = 0; i < MAX(counts[0], counts[1]); i++) {
        for (unsigned j = 0; j < 2; j++) {
            png_packet expected, packet;

            if (i >= counts[j])
                continue;
            expected = png_packet_of(files[j], counts[j] - 1 - i);
            packet = png_packet_of(all, total++);
            g_assert_cmpuint(packet.ticks, ==, 1000 * i + j);
            g_assert_cmpuint(packet.interface, ==, expected.interface + (j == 1)); /* the device has one */
            g_assert_cmpuint(packet.length, ==, expected.length);
            g_assert_cmpmem(packet.octets, packet.captured, expected.octets, expected.captured);
        }
    }
    png_free(all);
    for (unsigned i = 0; i < 2; i++) {
        png_free(files[i]);
        g_ptr_array_unref(kept[i]);
    }
}

/* What Wireshark says of the file: as much as of its sources, later by a second and a half. */
static void
test_tshark(void)
{
    g_autofree char      *device = sample_file(DEVICE), *path = scratch_file("shifted.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();
    const char           *fields[] = { "tshark", "-n", "-r", device, "-T", "fields", "-e", "frame.time_epoch", "-e",
                                       "http.request.uri", "-e", "tls.handshake.type", "-e", "frame.cap_len", NULL };
    g_autofree char      *before = run(fields), *after = NULL;
    g_auto(GStrv)         lines = g_strsplit(before, "\n", -1), shifted = NULL;
    merged               *file;

    add_source(sources, "client", device);
    file = begin_merging(path, sources, NULL);
    write_source(file, sources, 0, 3 * SECOND / 2, NULL);
    end_merging(file);
    fields[3] = path;
    after = run(fields);
    shifted = g_strsplit(after, "\n", -1);
    g_assert_nonnull(strstr(before, "operation=GetCACert")); /* it decrypts */
    g_assert_cmpuint(g_strv_length(lines), ==, g_strv_length(shifted));
    for (guint i = 0; *lines[i]; i++) {
        char *rest, *shifted_rest;
        long  seconds = strtol(lines[i], &rest, 10), later = strtol(shifted[i], &shifted_rest, 10);
        long  fraction = strtol(rest + 1, &rest, 10), later_fraction = strtol(shifted_rest + 1, &shifted_rest, 10);

        g_assert_cmpint((later - seconds) * SECOND + later_fraction - fraction, ==, 3 * SECOND / 2);
        g_assert_cmpstr(rest, ==, shifted_rest);
    }
}

/* Comments stay, and another comes behind them. */
static void
test_comments(void)
{
    g_autofree char      *sample = sample_file("foreign", "browsing-api.pcapng");
    g_autofree char      *path = scratch_file("commented.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();
    g_autofree char      *first = NULL, *second = NULL, *added = NULL, *none = NULL, *shown = NULL;
    g_autofree char      *merged_path = scratch_file("comments.pcapng");
    png_file             *file;

    MAKE("editcap", "-a", "2:What is it?", sample, path);
    add_source(sources, "client", path);
    file = merge("comments.pcapng", sources, NULL, "Seen at wap too");
    first = comment_of(file, 1, 0);
    second = comment_of(file, 1, 1);
    added = comment_of(file, 0, 0);
    none = comment_of(file, 0, 1);
    g_assert_cmpstr(first, ==, "What is it?");
    g_assert_cmpstr(second, ==, "Seen at wap too");
    g_assert_cmpstr(added, ==, "Seen at wap too");
    g_assert_cmpstr(none, ==, NULL);
    shown = RUN("tshark", "-r", merged_path, "-c", "2", "-T", "fields", "-e", "frame.comment");
    g_assert_cmpstr(shown, ==, "Seen at wap too\nWhat is it?,Seen at wap too\n");
    png_free(file);
}

/* A comment that is longer than an option can be ends where a character begins. */
static void
test_long_comment(void)
{
    GByteArray      *file = file_of(LINK_ETHERNET);
    GString         *comment = g_string_new("ab");
    g_autofree char *written = NULL;
    png_file        *all;

    put_packet(file, 0, 1, "a", 1, 1, NULL);
    while (comment->len <= 65535)
        g_string_append(comment, "\u20ac"); /* three octets */
    all = merge_file(file, comment->str);
    written = comment_of(all, 0, 0);
    g_assert_cmpuint(strlen(written), ==, 2 + (65535 - 2) / 3 * 3);
    g_assert_true(g_str_has_prefix(comment->str, written));
    g_string_free(comment, TRUE);
    png_free(all);
}

static void
assert_option(const png_packet *packet, unsigned code, const void *octets, size_t length)
{
    g_autoptr(GBytes) option = option_octets(packet->options, packet->options_length, code, 0);

    g_assert_cmpmem(g_bytes_get_data(option, NULL), g_bytes_get_size(option), octets, length);
}

/* What else a packet may have. libwiretap 4.0 does not read hashes, and cannot write verdicts: these become a comment. */
static void
test_options(void)
{
    static const uint8_t flags[] = { 0x22, 0, 0, 1 }, drops[] = { 1, 2, 3, 4, 5, 6, 7, 8 }, queue[] = { 9, 0, 0, 0 };
    static const uint8_t id[] = { 8, 7, 6, 5, 4, 3, 2, 1 }, verdict[] = { 1, 2, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t hash[] = { 2, 0xde, 0xad, 0xbe, 0xef };
    static const char    text[] = ENTERPRISE "text", octets[] = ENTERPRISE "\0\1\2", stays[] = ENTERPRISE "stays";
    GByteArray          *file = file_of(LINK_ETHERNET), *options = g_byte_array_new();
    g_autofree char     *comment = NULL, *first = NULL, *last = NULL, *gone = NULL;
    png_packet           packet;
    png_file            *all;

    put_text_option(options, COMMENT, "first");
    put_option(options, FLAGS, flags, sizeof flags);
    put_option(options, HASH, hash, sizeof hash);
    put_option(options, DROP_COUNT, drops, sizeof drops);
    put_option(options, PACKET_ID, id, sizeof id);
    put_option(options, QUEUE, queue, sizeof queue);
    put_option(options, VERDICT, verdict, sizeof verdict);
    put_option(options, CUSTOM_TEXT, text, sizeof text - 1);
    put_option(options, CUSTOM_OCTETS, octets, sizeof octets - 1);
    put_option(options, CUSTOM_TEXT_TO_STAY, stays, sizeof stays - 1);
    put_packet(file, 0, 1, "abc", 3, 3, options);
    put_packet(file, 0, 2, "next", 4, 4, NULL);
    all = merge_file(file, "last");
    packet = png_packet_of(all, 0);
    assert_option(&packet, FLAGS, flags, sizeof flags);
    assert_option(&packet, DROP_COUNT, drops, sizeof drops);
    assert_option(&packet, PACKET_ID, id, sizeof id);
    assert_option(&packet, QUEUE, queue, sizeof queue);
    assert_option(&packet, CUSTOM_TEXT, text, sizeof text - 1);
    assert_option(&packet, CUSTOM_OCTETS, octets, sizeof octets - 1);
    gone = option_text(packet.options, packet.options_length, CUSTOM_TEXT_TO_STAY, 0);
    g_assert_cmpstr(gone, ==, NULL); /* that is what its code means */
    first = comment_of(all, 0, 0);
    g_assert_cmpstr(first, ==, "first");
    if (COMPAT_WRITES_VERDICTS) {
        assert_option(&packet, VERDICT, verdict, sizeof verdict);
        assert_option(&packet, HASH, hash, sizeof hash);
    } else {
        comment = comment_of(all, 0, 1);
        g_assert_cmpstr(comment, ==, "Verdict of the Linux eBPF TC: 2");
    }
    last = comment_of(all, 0, COMPAT_WRITES_VERDICTS ? 1 : 2);
    g_assert_cmpstr(last, ==, "last");
    packet = png_packet_of(all, 1);
    g_assert_cmpmem(packet.octets, packet.captured, "next", 4);
    png_free(all);
}

/* Verdicts without another comment, of each kind. */
static void
test_verdicts(void)
{
    static const struct {
        const char *octets;
        size_t      length;
        const char *comment;
    } cases[] = {
        { "\0\x0a\xff", 3, "Verdict of the hardware: 0aff" },
        { "\1\2\0\0\0\0\0\0\0", 9, "Verdict of the Linux eBPF TC: 2" },
        { "\2\1\0\0\0\0\0\0\0", 9, "Verdict of the Linux eBPF XDP: 1" },
    };
    GByteArray *file = file_of(LINK_ETHERNET);
    png_file   *all;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        GByteArray *options = g_byte_array_new();

        put_option(options, VERDICT, cases[i].octets, cases[i].length);
        put_packet(file, 0, i, "abc", 3, 3, options);
    }
    all = merge_file(file, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        png_packet       packet = png_packet_of(all, i);
        g_autofree char *comment = comment_of(all, i, 0);

        if (COMPAT_WRITES_VERDICTS)
            assert_option(&packet, VERDICT, cases[i].octets, cases[i].length);
        else
            g_assert_cmpstr(comment, ==, cases[i].comment);
    }
    png_free(all);
}

/* Blocks that are records and no packets are the same as they were; pcapng's for copying. */
static void
test_other_records(void)
{
    static const char entry[] = "__REALTIME_TIMESTAMP=1500000000000001\nMESSAGE=abc\n", data[] = ENTERPRISE "12345678";
    GByteArray       *file = file_of(LINK_ETHERNET);
    const png_block  *block;
    png_file         *all;

    put_block(file, JOURNAL, g_byte_array_append(g_byte_array_new(), (const uint8_t *)entry, sizeof entry - 1));
    put_block(file, CUSTOM, g_byte_array_append(g_byte_array_new(), (const uint8_t *)data, sizeof data - 1));
    put_packet(file, 0, 1, "a", 1, 1, NULL);
    all = merge_file(file, "comment");
    block = png_find(all, JOURNAL, 0);
    g_assert_cmpmem(block->body, sizeof entry - 1, entry, sizeof entry - 1);
    block = png_find(all, CUSTOM, 0);
    g_assert_cmpmem(block->body, block->length, data, sizeof data - 1);
    g_assert_cmpuint(png_count(all, PACKET), ==, 1);
    png_free(all);
}

/* Of some links libwiretap takes the begin of a packet for more than octets; in the file it is as it was. */
static void
test_headers(void)
{
    static const uint8_t erf[78] = { 1, 2, 3, 4, 5, 6, 7, 8, /* type */ 2, 4, 0, sizeof erf, 0, 0, 0, 60, 7, 8, 9 };
    static const uint8_t mtp2[] = { 1, 1, 0, 5, 'm', 't', 'p' };
    GByteArray          *file = file_of(LINK_ERF);
    png_packet           packet;
    png_file            *all;

    put_interface(file, LINK_MTP2, 0, NULL);
    put_packet(file, 0, 1, erf, sizeof erf, sizeof erf, NULL);
    put_packet(file, 1, 2, mtp2, sizeof mtp2, 100, NULL);
    all = merge_file(file, NULL);
    packet = png_packet_of(all, 0);
    g_assert_cmpmem(packet.octets, packet.captured, erf, sizeof erf);
    packet = png_packet_of(all, 1);
    g_assert_cmpmem(packet.octets, packet.captured, mtp2, sizeof mtp2);
    g_assert_cmpuint(packet.length, ==, 100);
    png_free(all);
}

/* A packet of a link type that libwiretap does not know has no place in a file that it writes. That is told. */
static void
test_without_place(void)
{
    GByteArray      *file = file_of(LINK_ETHERNET);
    g_autofree char *account = NULL;
    png_file        *all;

    put_interface(file, LINK_NOBODYS, 0, NULL);
    put_packet(file, 1, 1, "a", 1, 1, NULL);
    put_packet(file, 0, 2, "b", 1, 1, NULL);
    put_packet(file, 1, 3, "c", 1, 1, NULL);
    all = merge_file(file, NULL);
    g_assert_cmpuint(png_count(all, PACKET), ==, 1);
    g_assert_cmpuint(png_count(all, INTERFACE), ==, 1);
    g_assert_cmpint(*png_packet_of(all, 0).octets, ==, 'b');
    account = section_text(all, COMMENT, 0);
    g_assert_nonnull(strstr(account, "without 2 records"));
    png_free(all);
}

/* pcapng has no times before 1970, which a relative clock may lead to. */
static void
test_early(void)
{
    g_autofree char      *path = NULL, *merged_path = scratch_file("early.pcapng");
    GByteArray           *made = file_of(LINK_ETHERNET);
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *all;
    merged               *file;

    put_packet(made, 0, 5, "a", 1, 1, NULL);
    path = made_file("made.pcapng", made);
    add_source(sources, "client", path);
    file = begin_merging(merged_path, sources, NULL);
    write_source(file, sources, 0, -SECOND, NULL);
    end_merging(file);
    all = png_read(merged_path);
    g_assert_cmpuint(png_packet_of(all, 0).ticks, ==, 0);
    png_free(all);
}

/* The line of a log is a packet that Wireshark understands. */
static void
test_log(void)
{
    g_autofree char      *path = sample_file("logs/reference", "ndes/u_ex160610.log"), *shown = NULL, *expected = NULL;
    g_autofree char      *merged_path = scratch_file("log.pcapng"), *name = NULL, *description = NULL;
    g_autofree char      *lines = RUN("grep", "-n", "^[0-9]", path);
    g_auto(GStrv)         each = g_strsplit(lines, "\n", -1);
    GString              *wanted = g_string_new(NULL);
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *file;

    add_source(sources, "ndes", path);
    file = merge("log.pcapng", sources, NULL, NULL);
    name = interface_text(file, 0, NAME);
    description = interface_text(file, 0, DESCRIPTION);
    g_assert_cmpstr(name, ==, "ndes");
    g_assert_cmpstr(description, ==, path);
    for (char **line = each; **line; line++)
        g_string_append_printf(wanted, "iis\t%d\tndes\n", atoi(*line));
    expected = g_string_free(wanted, FALSE);
    shown = RUN("tshark", "-r", merged_path, "-T", "fields", "-e", "exported_pdu.prot_name", "-e",
                "exported_pdu.orig_fno", "-e", "frame.interface_name");
    g_assert_cmpstr(shown, ==, expected);
    png_free(file);
}

/* --- all of it or nothing --- */

static void
assert_objection(const char *path, GPtrArray *sources, const char *reason)
{
    g_autofree char *problem = NULL;
    unsigned         before = scratch_count();
    merged          *file = merged_new(path, sources, NULL, &problem);

    if (file || !problem || !strstr(problem, reason))
        g_error("%s: %s, not for %s", path, problem ? problem : "not refused", reason);
    g_assert_cmpuint(scratch_count(), ==, before);
}

static void
test_refused(void)
{
    g_autofree char      *input = NULL, *symbolic = scratch_file("link.pcapng"), *hard = scratch_file("hard.pcapng");
    g_autofree char      *folder = scratch_file(""), *missing = scratch_file("missing/out.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();
    g_autoptr(GBytes)     before = NULL, after = NULL;

    input = made_file("input.pcapng", file_of(LINK_ETHERNET));
    before = contents_of(input);
    g_assert_cmpint(symlink(input, symbolic), ==, 0);
    g_assert_cmpint(link(input, hard), ==, 0);
    add_source(sources, "client", input);
    assert_objection(input, sources, "is an input (client)");
    assert_objection(symbolic, sources, "is an input (client)");
    assert_objection(hard, sources, "is an input (client)");
    assert_objection(folder, sources, "folder");
    assert_objection(missing, sources, "No such file");
    assert_objection("/dev/null", sources, "no file");
    after = contents_of(input);
    g_assert_true(g_bytes_equal(before, after));
}

/* A file without an interface is no use. */
static void
test_nothing(void)
{
    GByteArray           *made = g_byte_array_new();
    g_autofree char      *path = NULL, *out = scratch_file("nothing.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();

    put_section(made, NULL);
    path = made_file("made.pcapng", made);
    add_source(sources, "client", path);
    assert_objection(out, sources, "nothing to write");
}

/* What was there stays until the file is complete, and stays when it is given up. */
static void
test_given_up(void)
{
    g_autofree char      *sample = sample_file(DEVICE), *path = scratch_file("there.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();
    unsigned              before;
    char                 *problem = NULL;

    write_file(path, "before", 6);
    before = scratch_count();
    add_source(sources, "client", sample);
    for (int complete = 0; complete < 2; complete++) {
        merged             *file = begin_merging(path, sources, NULL);
        g_autoptr(GBytes)   meanwhile = NULL, then = NULL;

        write_source(file, sources, 0, 0, NULL);
        meanwhile = contents_of(path);
        g_assert_cmpmem(g_bytes_get_data(meanwhile, NULL), g_bytes_get_size(meanwhile), "before", 6);
        g_assert_true(merged_close(file, complete, &problem));
        g_assert_null(problem);
        g_assert_cmpuint(scratch_count(), ==, before);
        then = contents_of(path);
        g_assert_true(g_bytes_equal(meanwhile, then) != complete);
        g_assert_true(source_rewind(sources->pdata[0], &problem));
    }
}

/* As much as a limit lets through, in the place of a full disk. */
static void
test_full(void)
{
    g_autofree char      *sample = sample_file("foreign", "browsing-api.pcapng"), *path = scratch_file("full.pcapng");
    g_autofree char      *problem = NULL, *ignored = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    unsigned              before = scratch_count();
    struct rlimit         usual, little;
    match_record          record;
    bool                  is_fine = true;
    merged               *file;

    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &usual), ==, 0);
    little = usual;
    little.rlim_cur = 100000; /* of 350,000 */
    signal(SIGXFSZ, SIG_IGN);
    add_source(sources, "client", sample);
    file = begin_merging(path, sources, NULL);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &little), ==, 0);
    while (is_fine && source_next(sources->pdata[0], &record, &ignored))
        is_fine = merged_write(file, merged_keep(file, sources->pdata[0], 0), record.time, NULL, &problem);
    merged_close(file, false, &ignored);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &usual), ==, 0);
    g_assert_false(is_fine);
    g_assert_nonnull(strstr(problem, path));
    g_assert_nonnull(strstr(problem, "File too large"));
    g_assert_cmpuint(scratch_count(), ==, before);
}

/* The last octets find no room when the file is closed. */
static void
test_full_at_end(void)
{
    g_autofree char      *path = NULL, *merged_path = scratch_file("full.pcapng"), *problem = NULL;
    GByteArray           *made = file_of(LINK_ETHERNET);
    g_autoptr(GPtrArray)  sources = no_sources();
    struct rlimit         usual, none;
    unsigned              before;
    merged               *file;

    put_packet(made, 0, 1, "a", 1, 1, NULL);
    path = made_file("made.pcapng", made);
    g_assert_cmpint(getrlimit(RLIMIT_FSIZE, &usual), ==, 0);
    none = usual;
    none.rlim_cur = 0;
    signal(SIGXFSZ, SIG_IGN);
    add_source(sources, "client", path);
    before = scratch_count();
    file = begin_merging(merged_path, sources, NULL);
    write_source(file, sources, 0, 0, NULL);
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &none), ==, 0);
    g_assert_false(merged_close(file, true, &problem));
    g_assert_cmpint(setrlimit(RLIMIT_FSIZE, &usual), ==, 0);
    g_assert_nonnull(strstr(problem, "File too large"));
    g_assert_cmpuint(scratch_count(), ==, before);
}

/* Whom the file is for is as for other files, and a link leads to it. */
static void
test_place(void)
{
    g_autofree char      *sample = sample_file(DEVICE);
    g_autofree char      *path = scratch_file("place.pcapng"), *link = scratch_file("to-place");
    g_autoptr(GPtrArray)  sources = no_sources();
    mode_t                mask = umask(027);
    png_file             *file;
    GStatBuf              status;

    write_file(path, "before", 6);
    g_assert_cmpint(symlink(path, link), ==, 0);
    add_source(sources, "client", sample);
    file = merge("to-place", sources, NULL, NULL);
    umask(mask);
    g_assert_cmpint(g_lstat(link, &status), ==, 0);
    g_assert_true(S_ISLNK(status.st_mode));
    g_assert_cmpint(g_lstat(path, &status), ==, 0);
    g_assert_cmpuint(status.st_mode & 0777, ==, 0640);
    g_assert_cmpuint((unsigned)status.st_size, >, 6);
    png_free(file);
}

int
main(int argc, char **argv)
{
    match_test_init(&argc, &argv);
    g_test_add_func("/match/merged/packets", test_packets);
    g_test_add_func("/match/merged/tshark", test_tshark);
    g_test_add_func("/match/merged/comments", test_comments);
    g_test_add_func("/match/merged/long-comment", test_long_comment);
    g_test_add_func("/match/merged/options", test_options);
    g_test_add_func("/match/merged/verdicts", test_verdicts);
    g_test_add_func("/match/merged/other-records", test_other_records);
    g_test_add_func("/match/merged/headers", test_headers);
    g_test_add_func("/match/merged/without-place", test_without_place);
    g_test_add_func("/match/merged/early", test_early);
    g_test_add_func("/match/merged/log", test_log);
    g_test_add_func("/match/merged/refused", test_refused);
    g_test_add_func("/match/merged/nothing", test_nothing);
    g_test_add_func("/match/merged/given-up", test_given_up);
    g_test_add_func("/match/merged/full", test_full);
    g_test_add_func("/match/merged/full-at-end", test_full_at_end);
    g_test_add_func("/match/merged/place", test_place);
    return match_test_run();
}
