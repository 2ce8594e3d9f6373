/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is around the records in the file that scepmatch writes: section, interfaces, decryption secrets, names of hosts and
 * statistics of all sources.
 */
#include <string.h>

#include <wiretap/secrets-types.h>

#include "match_support.h"

#define SECOND INT64_C(1000000000)

enum { LINK_ETHERNET = 1, LINK_TOKEN_RING = 6, LINK_RAW = 101 };

/* Options of pcapng's blocks: of all, of sections, of interfaces and of statistics. */
enum { COMMENT = 1 };
enum { SECTION_HARDWARE = 2, SECTION_SYSTEM = 3, APPLICATION = 4 };
enum { NAME = 2, DESCRIPTION = 3, SPEED = 8, RESOLUTION = 9, FILTER = 11, SYSTEM = 12, HARDWARE = 15 };
enum { START_TIME = 2, END_TIME = 3, RECEIVED = 4, DROPPED = 5 };

/* With its decryption secrets. */
#define DEVICE "windows-get", "device.pcapng"

static void
test_section(void)
{
    GByteArray           *made = g_byte_array_new(), *options = g_byte_array_new();
    g_autofree char      *path = NULL, *log = sample_file("logs/reference", "crp/CRP.log");
    g_autofree char      *account = NULL, *comment = NULL, *application = NULL, *system = NULL, *hardware = NULL;
    g_autofree char      *own_system = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *file;

    put_text_option(options, COMMENT, "It failed again");
    put_text_option(options, APPLICATION, "Dumpcap 4.2");
    put_text_option(options, SECTION_SYSTEM, "64-bit Windows Server 2022");
    put_text_option(options, SECTION_HARDWARE, "Xeon");
    put_section(made, options);
    put_interface(made, LINK_ETHERNET, 0, NULL);
    options = g_byte_array_new();
    put_text_option(options, SYSTEM, "FreeBSD"); /* of a probe */
    put_interface(made, LINK_ETHERNET, 0, options);
    path = made_file("section.pcapng", made);
    add_source(sources, "wap", path);
    add_source(sources, "crp", log);
    file = merge("merged.pcapng", sources, "CLIENT_RANDOM 00 11\n", NULL);
    account = section_text(file, COMMENT, 0);
    comment = section_text(file, COMMENT, 1);
    application = section_text(file, APPLICATION, 0);
    g_assert_true(g_str_has_prefix(account, "Merged by scepmatch"));
    g_assert_nonnull(strstr(account, path));
    g_assert_nonnull(strstr(account, log));
    g_assert_nonnull(strstr(account, "Dumpcap 4.2"));
    g_assert_null(strstr(account, "CLIENT_RANDOM"));
    g_assert_cmpstr(comment, ==, "wap: It failed again");
    g_assert_true(g_str_has_prefix(application, "scepmatch "));
    /* What is true of one machine is told of its interface. */
    system = interface_text(file, 0, SYSTEM);
    hardware = interface_text(file, 0, HARDWARE);
    own_system = interface_text(file, 1, SYSTEM);
    g_assert_cmpstr(system, ==, "64-bit Windows Server 2022");
    g_assert_cmpstr(own_system, ==, "FreeBSD");
    g_assert_cmpstr(hardware, ==, "Xeon");
    png_free(file);
}

static void
assert_interface(const png_file *file, unsigned number, unsigned code, const char *expected)
{
    g_autofree char *text = interface_text(file, number, code);

    g_assert_cmpstr(text, ==, expected);
}

/* A name for each source, or for each of its interfaces; what they were is kept. */
static void
test_interfaces(void)
{
    static const uint8_t  milliseconds = 3, speed[] = { 0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0 };
    static const char     filter[] = "\0tcp port 443"; /* 0: as text */
    GByteArray           *one = g_byte_array_new(), *two = g_byte_array_new(), *options = g_byte_array_new();
    g_autofree char      *one_path = NULL, *two_path = NULL, *described = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    const png_block      *block;
    png_file             *file;

    put_section(one, NULL);
    put_text_option(options, NAME, "\\Device\\NPF_{1}");
    put_text_option(options, DESCRIPTION, "Ethernet0");
    put_text_option(options, SYSTEM, "Windows");
    put_text_option(options, COMMENT, "outside");
    put_option(options, RESOLUTION, &milliseconds, 1);
    put_option(options, SPEED, speed, sizeof speed);
    put_option(options, FILTER, filter, sizeof filter - 1);
    put_interface(one, LINK_RAW, 96, options);
    put_packet(one, 0, 1500000000123, "a", 1, 1, NULL);
    one_path = made_file("one.pcapng", one);
    put_section(two, NULL);
    options = g_byte_array_new();
    put_text_option(options, NAME, "eth0");
    put_interface(two, LINK_ETHERNET, 0, options);
    put_interface(two, LINK_ETHERNET, 0, NULL);
    put_packet(two, 1, 7, "b", 1, 1, NULL);
    two_path = made_file("two.pcapng", two);
    add_source(sources, "client", one_path);
    add_source(sources, "wap", two_path);
    file = merge("merged.pcapng", sources, NULL, NULL);

    g_assert_cmpuint(png_count(file, INTERFACE), ==, 3);
    described = g_strdup_printf("\\Device\\NPF_{1}, Ethernet0, %s", one_path);
    assert_interface(file, 0, NAME, "client");
    assert_interface(file, 0, DESCRIPTION, described);
    assert_interface(file, 0, SYSTEM, "Windows");
    assert_interface(file, 0, COMMENT, "outside");
    assert_interface(file, 0, RESOLUTION, "\t"); /* 9: nanoseconds */
    assert_interface(file, 1, NAME, "wap/eth0");
    assert_interface(file, 2, NAME, "wap/2");
    assert_interface(file, 2, DESCRIPTION, two_path);
    block = png_find(file, INTERFACE, 0);
    g_assert_cmpuint(block->body[0], ==, LINK_RAW);
    g_assert_cmpuint(u32_at(block->body + 4), ==, 96);
    for (unsigned i = 0; i < 2; i++) {
        unsigned          code = i == 0 ? SPEED : FILTER;
        g_autoptr(GBytes) option = option_octets(block->body + INTERFACE_FIXED, block->length - INTERFACE_FIXED, code, 0);

        g_assert_cmpmem(g_bytes_get_data(option, NULL), g_bytes_get_size(option), i == 0 ? (const char *)speed : filter,
                        i == 0 ? sizeof speed : sizeof filter - 1);
    }
    g_assert_cmpuint(png_packet_of(file, 0).ticks, ==, 1500000000 * SECOND + 123000000);
    g_assert_cmpuint(png_packet_of(file, 1).interface, ==, 2);
    g_assert_cmpuint(png_packet_of(file, 1).ticks, ==, 7000); /* microseconds, where nothing is said */
    png_free(file);
}

/* Packets of several link types without a description of their own: Network Monitor tells it with each. */
static void
test_mixed_links(void)
{
    GByteArray           *made = file_of(LINK_ETHERNET);
    g_autofree char      *png = NULL, *path = scratch_file("mixed.cap");
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *file;

    put_interface(made, LINK_TOKEN_RING, 0, NULL);
    put_packet(made, 0, 1500000000000000, "aaaaaaaaaaaaaaaaaaaa", 20, 20, NULL);
    put_packet(made, 1, 1500000001000000, "bbbbbbbbbbbbbbbbbbbb", 20, 20, NULL);
    put_packet(made, 0, 1500000002000000, "cccccccccccccccccccc", 20, 20, NULL);
    png = made_file("mixed.pcapng", made);
    MAKE("editcap", "-F", "netmon2", png, path);
    add_source(sources, "client", path);
    file = merge("merged.pcapng", sources, NULL, NULL);
    g_assert_cmpuint(png_count(file, INTERFACE), ==, 2);
    g_assert_cmpuint(png_find(file, INTERFACE, 0)->body[0], ==, LINK_ETHERNET);
    g_assert_cmpuint(png_find(file, INTERFACE, 1)->body[0], ==, LINK_TOKEN_RING);
    g_assert_cmpuint(png_packet_of(file, 0).interface, ==, 0);
    g_assert_cmpuint(png_packet_of(file, 1).interface, ==, 1);
    g_assert_cmpuint(png_packet_of(file, 2).interface, ==, 0);
    png_free(file);
}

static void
assert_secrets(const png_file *file, unsigned n, uint32_t type, const char *text)
{
    const png_block *block = png_find(file, SECRETS, n);

    g_assert_nonnull(block);
    g_assert_cmpuint(u32_at(block->body), ==, type);
    g_assert_cmpmem(block->body + 8, u32_at(block->body + 4), text, strlen(text));
}

/* Each once, and before the packets, wherever they were. */
static void
test_secrets(void)
{
    static const char     shared[] = "CLIENT_RANDOM 01 02\n", late[] = "CLIENT_RANDOM 03 04\n";
    static const char     wireguard[] = "a WireGuard key";
    GByteArray           *one = file_of(LINK_ETHERNET), *two = file_of(LINK_ETHERNET);
    g_autofree char      *one_path = NULL, *two_path = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *file;

    put_secrets(one, SECRETS_TYPE_TLS, shared);
    put_packet(one, 0, 1, "a", 1, 1, NULL);
    put_secrets(one, SECRETS_TYPE_TLS, late);
    one_path = made_file("one.pcapng", one);
    put_secrets(two, SECRETS_TYPE_WIREGUARD, wireguard);
    put_secrets(two, SECRETS_TYPE_TLS, shared);
    put_packet(two, 0, 1, "b", 1, 1, NULL);
    two_path = made_file("two.pcapng", two);
    add_source(sources, "client", one_path);
    add_source(sources, "wap", two_path);
    file = merge("merged.pcapng", sources, "# of the device\nCLIENT_RANDOM 05 06\n", NULL);
    g_assert_cmpuint(png_count(file, SECRETS), ==, 4);
    assert_secrets(file, 0, SECRETS_TYPE_TLS, shared);
    assert_secrets(file, 1, SECRETS_TYPE_TLS, late);
    assert_secrets(file, 2, SECRETS_TYPE_WIREGUARD, wireguard);
    assert_secrets(file, 3, SECRETS_TYPE_TLS, "# of the device\nCLIENT_RANDOM 05 06\n");
    g_assert_true(png_find(file, SECRETS, 3) < png_find(file, PACKET, 0));
    png_free(file);
}

/* A key log makes Wireshark decrypt what the capture has no secrets for. */
static void
test_keylog(void)
{
    g_autofree char      *sample = sample_file(DEVICE), *bare = NULL, *path = scratch_file("keyed.pcapng");
    g_autofree char      *before = NULL, *after = NULL;
    png_file             *file = png_read(sample), *keyed;
    GByteArray           *rest = g_byte_array_new();
    const png_block      *secrets = png_find(file, SECRETS, 0);
    g_autofree char      *keylog = g_strndup((const char *)secrets->body + 8, u32_at(secrets->body + 4));
    g_autoptr(GPtrArray)  sources = no_sources();

    for (guint i = 0; i < file->blocks->len; i++) {
        const png_block *block = &g_array_index(file->blocks, png_block, i);

        if (block->type != SECRETS)
            put_block(rest, block->type, g_byte_array_append(g_byte_array_new(), block->body, (guint)block->length));
    }
    bare = made_file("bare.pcapng", rest);
    add_source(sources, "client", bare);
    keyed = merge("keyed.pcapng", sources, keylog, NULL);
    before = RUN("tshark", "-r", bare, "-Y", "http.request", "-T", "fields", "-e", "http.request.uri");
    after = RUN("tshark", "-r", path, "-Y", "http.request", "-T", "fields", "-e", "http.request.uri");
    g_assert_cmpstr(before, ==, "");
    g_assert_nonnull(strstr(after, "operation=PKIOperation"));
    png_free(keyed);
    png_free(file);
}

/* A key log that is too long for one block is several, of whole lines. */
static void
test_long_keylog(void)
{
    g_autofree char      *path = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    GString              *keylog = g_string_new(NULL), *written = g_string_new(NULL);
    png_file             *file;

    for (unsigned i = 0; keylog->len < 3000000; i++)
        g_string_append_printf(keylog, "CLIENT_RANDOM %08x %0*x\n", i, 40 + (int)(i % 7), i);
    path = made_file("made.pcapng", file_of(LINK_ETHERNET));
    add_source(sources, "client", path);
    file = merge("merged.pcapng", sources, keylog->str, NULL);
    for (unsigned i = 0; i < png_count(file, SECRETS); i++) {
        const png_block *block = png_find(file, SECRETS, i);
        uint32_t         length = u32_at(block->body + 4);

        g_assert_cmpuint(length, <=, 1 << 20);
        g_assert_cmpint(block->body[8 + length - 1], ==, '\n');
        g_string_append_len(written, (const char *)block->body + 8, length);
    }
    g_assert_cmpuint(png_count(file, SECRETS), >, 2);
    g_assert_true(g_string_equal(written, keylog));
    g_string_free(written, TRUE);
    g_string_free(keylog, TRUE);
    png_free(file);
}

/* Names of hosts: records of an address and names, each ended by NUL. */
static void
put_names(GByteArray *file, const void *address, size_t length, const char *names, size_t names_length)
{
    GByteArray *body = g_byte_array_new();

    put_u16(body, length == 4 ? 1 : 2);
    put_u16(body, (unsigned)(length + names_length));
    g_byte_array_append(body, address, (guint)length);
    g_byte_array_append(body, (const uint8_t *)names, (guint)names_length);
    while (body->len % 4)
        g_byte_array_append(body, (const uint8_t *)"", 1);
    put_u32(body, 0);
    put_block(file, NAMES, body);
}

static int
compare_texts(gconstpointer one, gconstpointer other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* All names of a file in alphabetical order, each as "LENGTH OF ADDRESS .LAST OCTET NAME". */
static GPtrArray *
names_in(const png_file *file)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    for (unsigned i = 0; i < png_count(file, NAMES); i++) {
        const png_block *block = png_find(file, NAMES, i);

        for (size_t at = 0; at + 4 <= block->length && block->body[at] != 0;) {
            size_t         length = block->body[at] == 1 ? 4 : 16;
            size_t         size = block->body[at + 2] | (size_t)block->body[at + 3] << 8;
            const uint8_t *address = block->body + at + 4;

            g_ptr_array_add(names, g_strdup_printf("%zu .%u %s", length, address[length - 1],
                                                   (const char *)address + length));
            at += 4 + ((size + 3) & ~(size_t)3);
        }
    }
    g_ptr_array_sort(names, compare_texts);
    return names;
}

static void
test_names(void)
{
    static const uint8_t  ipv4[] = { 192, 0, 2, 20 }, other[] = { 192, 0, 2, 30 };
    static const uint8_t  ipv6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };
    static const char     two_names[] = "scep.contoso.com\0ndes.contoso.com";
    GByteArray           *one = file_of(LINK_ETHERNET), *two = file_of(LINK_ETHERNET);
    static const char    *expected[] = { "16 .7 six.contoso.com", "4 .20 ndes.contoso.com", "4 .20 scep.contoso.com",
                                         "4 .30 crp.contoso.com" };
    g_autofree char      *one_path = NULL, *two_path = NULL, *shown = NULL;
    g_autoptr(GPtrArray)  names = NULL;
    g_autofree char      *merged_path = scratch_file("merged.pcapng");
    g_autoptr(GPtrArray)  sources = no_sources();
    png_file             *file;

    put_names(one, ipv4, sizeof ipv4, two_names, sizeof two_names);
    put_packet(one, 0, 1, "a", 1, 1, NULL);
    put_names(one, ipv6, sizeof ipv6, "six.contoso.com", 16);
    one_path = made_file("one.pcapng", one);
    put_names(two, ipv4, sizeof ipv4, "scep.contoso.com", 17);
    put_names(two, other, sizeof other, "crp.contoso.com", 16);
    put_packet(two, 0, 1, "a", 1, 1, NULL);
    two_path = made_file("two.pcapng", two);
    add_source(sources, "client", one_path);
    add_source(sources, "wap", two_path);
    file = merge("merged.pcapng", sources, NULL, NULL);
    names = names_in(file);
    g_assert_cmpuint(names->len, ==, G_N_ELEMENTS(expected));
    for (guint i = 0; i < names->len; i++)
        g_assert_cmpstr(names->pdata[i], ==, expected[i]);
    shown = RUN("tshark", "-r", merged_path, "-q", "-z", "hosts");
    g_assert_nonnull(strstr(shown, "192.0.2.30\tcrp.contoso.com"));
    g_assert_nonnull(strstr(shown, "2001:db8::7\tsix.contoso.com"));
    png_free(file);
}

/* What an interface counted, by its own clock in milliseconds; the merged file's is two seconds ahead. */
static void
test_statistics(void)
{
    static const uint8_t  milliseconds = 3;
    const uint64_t        written = 1500000005000, start = 1500000001000, stop = 1500000004500;
    const uint64_t        received = 1234, dropped = 5;
    const uint64_t        start_option = start << 32 | start >> 32, stop_option = stop << 32 | stop >> 32;
    GByteArray           *made = g_byte_array_new(), *options = g_byte_array_new(), *body = g_byte_array_new();
    g_autofree char      *path = NULL, *merged_path = scratch_file("statistics.pcapng"), *comment = NULL, *shown = NULL;
    g_autoptr(GPtrArray)  sources = no_sources();
    const uint8_t        *rest;
    const png_block      *block;
    size_t                length;
    merged               *file;
    png_file             *all;

    put_section(made, NULL);
    put_interface(made, LINK_ETHERNET, 0, NULL);
    put_option(options, RESOLUTION, &milliseconds, 1);
    put_interface(made, LINK_ETHERNET, 0, options);
    put_packet(made, 1, 1500000002000, "a", 1, 1, NULL);
    put_u32(body, 1);
    put_u32(body, (uint32_t)(written >> 32));
    put_u32(body, (uint32_t)written);
    put_text_option(body, COMMENT, "Counters");
    put_option(body, START_TIME, &start_option, 8);
    put_option(body, END_TIME, &stop_option, 8);
    put_option(body, RECEIVED, &received, 8);
    put_option(body, DROPPED, &dropped, 8);
    put_option(body, 0, "", 0);
    put_block(made, STATISTICS, body);
    path = made_file("made.pcapng", made);
    add_source(sources, "client", path);
    file = begin_merging(merged_path, sources, NULL);
    write_source(file, sources, 0, 2 * SECOND, NULL);
    end_merging(file);

    all = png_read(merged_path);
    g_assert_cmpuint(png_count(all, STATISTICS), ==, 1);
    block = png_find(all, STATISTICS, 0);
    g_assert_cmpuint(u32_at(block->body), ==, 1);
    g_assert_cmpuint((uint64_t)u32_at(block->body + 4) << 32 | u32_at(block->body + 8), ==, 1500000007 * SECOND);
    rest = block->body + STATISTICS_FIXED;
    length = block->length - STATISTICS_FIXED;
    comment = option_text(rest, length, COMMENT, 0);
    g_assert_cmpstr(comment, ==, "Counters");
    for (unsigned code = START_TIME; code <= DROPPED; code++) {
        g_autoptr(GBytes) option = option_octets(rest, length, code, 0);
        uint64_t          value = u64_at(g_bytes_get_data(option, NULL));

        switch (code) {
        case START_TIME: g_assert_cmpuint(value << 32 | value >> 32, ==, 1500000003 * SECOND); break;
        case END_TIME: g_assert_cmpuint(value << 32 | value >> 32, ==, 1500000006 * SECOND + SECOND / 2); break;
        case RECEIVED: g_assert_cmpuint(value, ==, received); break;
        default: g_assert_cmpuint(value, ==, dropped);
        }
    }
    shown = RUN("capinfos", "-M", merged_path);
    g_assert_nonnull(strstr(shown, "Number of stat entries = 1"));
    png_free(all);
}

int
main(int argc, char **argv)
{
    match_test_init(&argc, &argv);
    g_test_add_func("/match/blocks/section", test_section);
    g_test_add_func("/match/blocks/interfaces", test_interfaces);
    g_test_add_func("/match/blocks/mixed-links", test_mixed_links);
    g_test_add_func("/match/blocks/secrets", test_secrets);
    g_test_add_func("/match/blocks/keylog", test_keylog);
    g_test_add_func("/match/blocks/long-keylog", test_long_keylog);
    g_test_add_func("/match/blocks/names", test_names);
    g_test_add_func("/match/blocks/statistics", test_statistics);
    return match_test_run();
}
