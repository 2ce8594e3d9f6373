/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The blocks of a merged file that are no records (pcapng, draft-ietf-opsawg-pcapng): section header 4.1, interface
 * descriptions 4.2, name resolution 4.5, interface statistics 4.6, decryption secrets 4.7.
 */
#include <string.h>

#include <wiretap/secrets-types.h>

#include "merged_internal.h"

#define SECOND INT64_C(1000000000) /* ns */

/* if_tsresol of nanoseconds. */
#define NANOSECONDS 9

/* So many octets of a key log are one block, which any reader takes. */
#define SECRETS_AT_ONCE (1 << 20)

#define STATISTICS_BLOCK 5
#define STATISTICS_FIXED 24 /* octets of it without options */

void
merged_add_text(wtap_block_t block, unsigned option, const char *text)
{
    size_t length = strlen(text);

    while (length > MERGED_MAX_TEXT || (length > 0 && ((uint8_t)text[length] & 0xC0) == 0x80))
        length--; /* to where a character begins */
    wtap_block_add_string_option(block, option, text, length);
}

/* --- the section --- */

/* What scepmatch did. */
static char *
account_of(const GPtrArray *sources)
{
    GString *text = g_string_new("Merged by scepmatch, all times by one clock, from");

    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];
        g_autofree char    *path = g_filename_display_name(source->path);

        g_string_append_printf(text, "\n%s: %s", source->name, path);
        if (source->expression)
            g_string_append_printf(text, ", packets that fit \"%s\"", source->expression);
        if (source->application)
            g_string_append_printf(text, ", written by %s", source->application);
        if (source->unwritable)
            g_string_append_printf(text, "; without %" G_GUINT64_FORMAT " records that pcapng has no place for",
                                   source->unwritable);
        if (source->hosts_left_out)
            g_string_append_printf(text, "; without %" G_GUINT64_FORMAT " names of hosts beyond %u",
                                   source->hosts_left_out, SOURCE_MAX_HOSTS);
    }
    return g_string_free(text, FALSE);
}

GArray *
merged_section(const GPtrArray *sources)
{
    GArray                     *sections = g_array_new(FALSE, FALSE, sizeof(wtap_block_t));
    wtap_block_t                section = wtap_block_create(WTAP_BLOCK_SECTION);
    wtapng_section_mandatory_t *fixed = wtap_block_get_mandatory_data(section);
    g_autofree char            *account = account_of(sources);

    fixed->section_length = UINT64_MAX; /* not told */
    merged_add_text(section, OPT_COMMENT, account);
    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];

        for (guint j = 0; j < source->comments->len; j++) {
            g_autofree char *comment = g_strdup_printf("%s: %s", source->name, (char *)source->comments->pdata[j]);

            merged_add_text(section, OPT_COMMENT, comment);
        }
    }
    merged_add_text(section, OPT_SHB_USERAPPL, "scepmatch " SCEPSHARK_VERSION);
    g_array_append_val(sections, section);
    return sections;
}

/* --- interfaces --- */

static char *
text_of(wtap_block_t block, unsigned option)
{
    char *text = NULL;

    if (!block || wtap_block_get_string_option_value(block, option, &text) != WTAP_OPTTYPE_SUCCESS || !*text)
        return NULL;
    return text;
}

static void
set_text(wtap_block_t block, unsigned option, const char *text)
{
    wtap_block_remove_option(block, option);
    merged_add_text(block, option, text);
}

static bool
has_several_interfaces(const match_source *source)
{
    unsigned count = 0;

    for (guint i = 0; i < source->interfaces->len; i++)
        count += g_array_index(source->interfaces, source_interface, i).is_writable;
    return count > 1;
}

static void
set_name(wtap_block_t block, const match_source *source, unsigned index)
{
    const source_interface *interface = &g_array_index(source->interfaces, source_interface, index);
    const char             *own = text_of(interface->description, OPT_IDB_NAME);
    g_autofree char        *name = NULL;

    if (!has_several_interfaces(source))
        name = g_strdup(source->name);
    else if (own)
        name = g_strdup_printf("%s/%s", source->name, own);
    else
        name = g_strdup_printf("%s/%u", source->name, index + 1);
    set_text(block, OPT_IDB_NAME, name);
}

/* What it was called, and the file. */
static void
set_description(wtap_block_t block, const match_source *source, unsigned index)
{
    const source_interface *interface = &g_array_index(source->interfaces, source_interface, index);
    const char             *name = text_of(interface->description, OPT_IDB_NAME);
    const char             *description = text_of(interface->description, OPT_IDB_DESCRIPTION);
    g_autofree char        *path = g_filename_display_name(source->path);
    GString                *text = g_string_new(NULL);

    if (name)
        g_string_append_printf(text, "%s, ", name);
    if (description)
        g_string_append_printf(text, "%s, ", description);
    g_string_append(text, path);
    set_text(block, OPT_IDB_DESCRIPTION, text->str);
    g_string_free(text, TRUE);
}

static void
forget_statistics(wtapng_if_descr_mandatory_t *fixed)
{
    for (unsigned i = 0; i < fixed->num_stat_entries; i++)
        wtap_block_unref(g_array_index(fixed->interface_statistics, wtap_block_t, i));
    if (fixed->interface_statistics)
        g_array_free(fixed->interface_statistics, TRUE);
    fixed->interface_statistics = NULL;
    fixed->num_stat_entries = 0;
}

wtap_block_t
merged_interface(const match_source *source, unsigned index)
{
    const source_interface      *interface = &g_array_index(source->interfaces, source_interface, index);
    wtap_block_t                 block = interface->description ? wtap_block_make_copy(interface->description)
                                                                : wtap_block_create(WTAP_BLOCK_IF_ID_AND_INFO);
    wtapng_if_descr_mandatory_t *fixed = wtap_block_get_mandatory_data(block);

    forget_statistics(fixed);
    fixed->wtap_encap = interface->encapsulation;
    fixed->time_units_per_second = SECOND;
    fixed->tsprecision = WTAP_TSPREC_NSEC;
    if (fixed->snap_len == 0)
        fixed->snap_len = WTAP_MAX_PACKET_SIZE_STANDARD;
    wtap_block_remove_option(block, OPT_IDB_TSOFFSET); /* part of the times already */
    wtap_block_remove_option(block, OPT_IDB_TSRESOL);
    wtap_block_add_uint8_option(block, OPT_IDB_TSRESOL, NANOSECONDS);
    set_name(block, source, index);
    set_description(block, source, index);
    /* There is one section for all machines. */
    if (source->system && !text_of(block, OPT_IDB_OS))
        set_text(block, OPT_IDB_OS, source->system);
    if (source->hardware && !text_of(block, OPT_IDB_HARDWARE))
        set_text(block, OPT_IDB_HARDWARE, source->hardware);
    return block;
}

/* --- secrets --- */

static unsigned
hash_secrets(gconstpointer data)
{
    const wtapng_dsb_mandatory_t *secrets = wtap_block_get_mandatory_data((wtap_block_t)data);
    unsigned                      hash = secrets->secrets_type;

    for (uint32_t i = 0; i < secrets->secrets_len; i++)
        hash = hash * 33 + secrets->secrets_data[i];
    return hash;
}

static gboolean
are_same_secrets(gconstpointer one, gconstpointer other)
{
    const wtapng_dsb_mandatory_t *a = wtap_block_get_mandatory_data((wtap_block_t)one);
    const wtapng_dsb_mandatory_t *b = wtap_block_get_mandatory_data((wtap_block_t)other);

    return a->secrets_type == b->secrets_type && a->secrets_len == b->secrets_len &&
           (a->secrets_len == 0 || memcmp(a->secrets_data, b->secrets_data, a->secrets_len) == 0);
}

/* Takes a reference to the block, or gives it up. */
static void
add_secrets(GArray *all, GHashTable *known, wtap_block_t block)
{
    if (g_hash_table_add(known, block))
        g_array_append_val(all, block);
    else
        wtap_block_unref(block);
}

/* A part of a key log: some lines. */
static wtap_block_t
secrets_of(const char *text, size_t length)
{
    wtap_block_t            block = wtap_block_create(WTAP_BLOCK_DECRYPTION_SECRETS);
    wtapng_dsb_mandatory_t *fixed = wtap_block_get_mandatory_data(block);

    fixed->secrets_type = SECRETS_TYPE_TLS;
    fixed->secrets_len = (uint32_t)length;
    fixed->secrets_data = g_memdup2(text, length);
    return block;
}

/* As much of the text as becomes one block: whole lines, if there are any. */
static size_t
lines_of(const char *text, size_t length)
{
    const char *end;

    if (length <= SECRETS_AT_ONCE)
        return length;
    end = g_strrstr_len(text, SECRETS_AT_ONCE, "\n");
    return end ? (size_t)(end + 1 - text) : SECRETS_AT_ONCE;
}

GArray *
merged_secrets(const GPtrArray *sources, const char *keylog)
{
    GArray     *all = g_array_new(FALSE, FALSE, sizeof(wtap_block_t));
    GHashTable *known = g_hash_table_new(hash_secrets, are_same_secrets);
    size_t      length = keylog ? strlen(keylog) : 0;

    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];

        for (guint j = 0; j < source->secrets->len; j++)
            add_secrets(all, known, wtap_block_ref(source->secrets->pdata[j]));
    }
    for (size_t taken; length > 0; keylog += taken, length -= taken) {
        taken = lines_of(keylog, length);
        add_secrets(all, known, secrets_of(keylog, taken));
    }
    g_hash_table_unref(known);
    return all;
}

/* --- hosts --- */

static void
add_host(addrinfo_lists_t *lists, GPtrArray *entries, const source_host *host)
{
    if (host->ip_version == 4) {
        hashipv4_t *entry = g_new0(hashipv4_t, 1);

        memcpy(&entry->addr, host->address, sizeof entry->addr);
        g_strlcpy(entry->name, host->name, sizeof entry->name);
        lists->ipv4_addr_list = g_list_prepend(lists->ipv4_addr_list, entry);
        g_ptr_array_add(entries, entry);
    } else {
        hashipv6_t *entry = g_new0(hashipv6_t, 1);

        memcpy(entry->addr, host->address, sizeof entry->addr);
        g_strlcpy(entry->name, host->name, sizeof entry->name);
        lists->ipv6_addr_list = g_list_prepend(lists->ipv6_addr_list, entry);
        g_ptr_array_add(entries, entry);
    }
}

addrinfo_lists_t
merged_hosts(const GPtrArray *sources, GPtrArray *entries)
{
    addrinfo_lists_t lists = { NULL, NULL };
    GHashTable      *known = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < sources->len; i++) {
        const match_source *source = sources->pdata[i];

        for (guint j = 0; j < source->hosts->len; j++) {
            const source_host *host = source->hosts->pdata[j];

            if (g_hash_table_add(known, host->key))
                add_host(&lists, entries, host);
        }
    }
    g_hash_table_unref(known);
    lists.ipv4_addr_list = g_list_reverse(lists.ipv4_addr_list);
    lists.ipv6_addr_list = g_list_reverse(lists.ipv6_addr_list);
    return lists;
}

/* --- statistics --- */

static void
add_u32(GByteArray *blocks, uint32_t number)
{
    g_byte_array_append(blocks, (const uint8_t *)&number, sizeof number);
}

static void
add_option(GByteArray *blocks, unsigned option, const void *value, size_t length)
{
    uint16_t head[2] = { (uint16_t)option, (uint16_t)length };

    g_byte_array_append(blocks, (const uint8_t *)head, sizeof head);
    g_byte_array_append(blocks, value, (guint)length);
    g_byte_array_append(blocks, (const uint8_t *)"\0\0\0", (guint)(-length & 3));
}

/* How the times of an interface become those of the merged file. */
typedef struct {
    uint64_t units;  /* a second has */
    int64_t  offset; /* s */
    int64_t  shift;  /* ns */
} time_change;

/* In the halves that pcapng writes, the upper one first. */
typedef struct {
    uint32_t high, low;
} pcapng_time;

static pcapng_time
changed_time(const time_change *change, uint64_t ticks)
{
    uint64_t units = MAX(change->units, 1), rest = ticks % units;
    uint64_t time = (ticks / units + (uint64_t)change->offset) * (uint64_t)SECOND + (uint64_t)change->shift;

    /* Hostile numbers may go round, and nothing depends on them. */
    time += units <= (uint64_t)SECOND ? rest * (uint64_t)SECOND / units : rest / (units / (uint64_t)SECOND);
    return (pcapng_time){ (uint32_t)(time >> 32), (uint32_t)time };
}

typedef struct {
    GByteArray        *blocks;
    const time_change *change;
} statistics_writing;

static compat_bool
write_option(wtap_block_t block G_GNUC_UNUSED, unsigned option, wtap_opttype_e type, wtap_optval_t *value, void *data)
{
    const statistics_writing *writing = data;

    if (option == OPT_ISB_STARTTIME || option == OPT_ISB_ENDTIME) {
        pcapng_time time = changed_time(writing->change, value->uint64val);

        add_option(writing->blocks, option, &time, sizeof time);
    } else if (type == WTAP_OPTTYPE_UINT64) {
        add_option(writing->blocks, option, &value->uint64val, sizeof value->uint64val);
    } else if (type == WTAP_OPTTYPE_STRING) {
        add_option(writing->blocks, option, value->stringval, MIN(strlen(value->stringval), MERGED_MAX_TEXT));
    }
    return TRUE;
}

static void
add_statistics(wtap_block_t statistics, unsigned number, const time_change *change, GByteArray *blocks)
{
    const wtapng_if_stats_mandatory_t *fixed = wtap_block_get_mandatory_data(statistics);
    pcapng_time        time = changed_time(change, (uint64_t)fixed->ts_high << 32 | fixed->ts_low);
    GByteArray        *options = g_byte_array_new();
    statistics_writing writing = { options, change };
    uint32_t           length;

    wtap_block_foreach_option(statistics, write_option, &writing);
    add_option(options, OPT_EOFOPT, "", 0);
    length = STATISTICS_FIXED + options->len;
    add_u32(blocks, STATISTICS_BLOCK);
    add_u32(blocks, length);
    add_u32(blocks, number);
    add_u32(blocks, time.high);
    add_u32(blocks, time.low);
    g_byte_array_append(blocks, options->data, options->len);
    add_u32(blocks, length);
    g_byte_array_unref(options);
}

void
merged_statistics(const source_interface *interface, unsigned number, int64_t shift, GByteArray *blocks)
{
    const wtapng_if_descr_mandatory_t *fixed;
    time_change                        change = { .shift = shift };

    if (!interface->description)
        return;
    fixed = wtap_block_get_mandatory_data(interface->description);
    change.units = fixed->time_units_per_second;
    if (wtap_block_get_int64_option_value(interface->description, OPT_IDB_TSOFFSET, &change.offset) !=
        WTAP_OPTTYPE_SUCCESS)
        change.offset = 0;
    for (unsigned i = 0; i < fixed->num_stat_entries; i++)
        add_statistics(g_array_index(fixed->interface_statistics, wtap_block_t, i), number, &change, blocks);
}
