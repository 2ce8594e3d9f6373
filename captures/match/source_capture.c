/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Captures as inputs: whatever libwiretap reads, of as many interfaces and sections as there are.
 */
#include "source_internal.h"

#include <arpa/inet.h>
#include <string.h>

#include <wsutil/privileges.h>
#include <wsutil/report_message.h>
#include <wsutil/wslog.h>

/* Whose records are read, for what libwiretap tells about hosts without saying whose. */
static match_source *reading;

/* --- libwiretap --- */

static void G_GNUC_PRINTF(1, 0)
report(const char *format, va_list arguments)
{
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void
capture_start(void)
{
    /* What is wrong with one of its plugins it tells in this way. */
    static const struct report_message_routines reports = { .vreport_failure = report, .vreport_warning = report };
    static bool                                 has_started;

    if (has_started)
        return;
    has_started = true;
    ws_log_init("scepmatch", NULL); /* without it everything is logged */
    init_process_policies();        /* it loads no personal plugins for root */
    init_report_message("scepmatch", &reports);
    wtap_init(true);
}

/* --- hosts --- */

static void
add_host(unsigned ip_version, const void *address, const char *name)
{
    char         text[INET6_ADDRSTRLEN] = "";
    char        *key;
    source_host *host;

    if (!reading || reading->is_known)
        return;
    inet_ntop(ip_version == 4 ? AF_INET : AF_INET6, address, text, sizeof text);
    key = g_strdup_printf("%s %s", text, name);
    if (g_hash_table_contains(reading->host_keys, key) || reading->hosts->len == SOURCE_MAX_HOSTS) {
        reading->hosts_left_out += !g_hash_table_contains(reading->host_keys, key);
        g_free(key);
        return;
    }
    host = g_new0(source_host, 1);
    host->ip_version = ip_version;
    memcpy(host->address, address, ip_version == 4 ? 4 : 16);
    host->key = key;
    host->name = key + strlen(text) + 1;
    g_ptr_array_add(reading->hosts, host);
    g_hash_table_add(reading->host_keys, key);
}

static void
meet_ipv4(const unsigned address, const char *name COMPAT_HOST_PARAMETERS)
{
    add_host(4, &address, name);
}

static void
meet_ipv6(const void *address, const char *name COMPAT_HOST_PARAMETERS)
{
    add_host(6, address, name);
}

/* --- opening --- */

/* What libwiretap opens too, and what is none. */
static bool
is_no_capture(int encapsulation)
{
    static const int foreign[] = { WTAP_ENCAP_MIME, WTAP_ENCAP_JSON, WTAP_ENCAP_RFC7468, WTAP_ENCAP_BER };

    for (size_t i = 0; i < G_N_ELEMENTS(foreign); i++) {
        if (encapsulation == foreign[i])
            return true;
    }
    return false;
}

static char *
unknown_file(const match_source *source)
{
    return g_strdup_printf("%s is neither a capture that Wireshark reads nor a log of IIS, HTTP.sys, NDES or the "
                           "registration point",
                           source->path);
}

/* Why it could not be opened. */
static char *
open_problem(const match_source *source, int error, const char *detail)
{
    switch (error) {
    case WTAP_ERR_FILE_UNKNOWN_FORMAT:
        return unknown_file(source);
    case WTAP_ERR_SHORT_READ:
        return g_strdup_printf("%s is cut short before its first record", source->path);
    default:
        return g_strdup_printf("%s: %s%s%s%s", source->path, wtap_strerror(error), detail ? " (" : "",
                               detail ? detail : "", detail ? ")" : "");
    }
}

/* Those interfaces that were described since the last record. */
static void
meet_interfaces(match_source *source)
{
    wtap_block_t description;

    while ((description = wtap_get_next_interface_description(source->wth)) != NULL) {
        const wtapng_if_descr_mandatory_t *fixed = wtap_block_get_mandatory_data(description);

        /* Where each packet says what it is, that comes with the packets. */
        if (fixed->wtap_encap > WTAP_ENCAP_UNKNOWN)
            source_interface_of(source, source->numbered, fixed->wtap_encap, source->is_known ? NULL : description);
        source->numbered++;
    }
}

bool
capture_open(match_source *source, char **problem)
{
    int              error = 0;
    g_autofree char *detail = NULL;

    source->section = source->first_interface = source->numbered = 0;
    source->wth = wtap_open_offline(source->path, WTAP_TYPE_AUTO, &error, &detail, FALSE);
    if (!source->wth) {
        *problem = open_problem(source, error, detail);
        return false;
    }
    if (is_no_capture(wtap_file_encap(source->wth))) {
        *problem = unknown_file(source);
        return false;
    }
    reading = source;
    wtap_set_cb_new_ipv4(source->wth, meet_ipv4);
    wtap_set_cb_new_ipv6(source->wth, meet_ipv6);
    meet_interfaces(source);
    return true;
}

void
capture_close(match_source *source)
{
    wtap_rec_reset(&source->rec);
    g_clear_pointer(&source->wth, wtap_close);
    if (reading == source)
        reading = NULL;
}

/* --- records --- */

/* Finds the interface of the current packet. */
static void
find_interface(match_source *source)
{
    const wtap_rec         *rec = &source->rec;
    int                     encapsulation = rec->rec_header.packet_header.pkt_encap;
    bool                    is_told = rec->presence_flags & WTAP_HAS_INTERFACE_ID;
    uint64_t                number = is_told ? rec->rec_header.packet_header.interface_id : 0;
    const source_interface *last;

    number += source->first_interface;
    if (number >= source->numbered)
        number = SOURCE_NO_INTERFACE;
    if (source->interface < source->interfaces->len) {
        last = &g_array_index(source->interfaces, source_interface, source->interface);
        if (last->number == number && last->encapsulation == encapsulation)
            return;
    }
    source->interface = source_interface_of(source, (unsigned)number, encapsulation, NULL);
}

/* Records of Endace's cards come with what they hold (ERF types). */
static wire_link
link_of_erf(unsigned type)
{
    enum { ETHERNET = 2, COLOR_ETHERNET = 11, DSM_COLOR_ETHERNET = 16, COLOR_HASH_ETHERNET = 20, IPV4 = 22, IPV6 = 23 };

    switch (type & 0x7F) {
    case ETHERNET:
    case COLOR_ETHERNET:
    case DSM_COLOR_ETHERNET:
    case COLOR_HASH_ETHERNET: return WIRE_LINK_ETHERNET;
    case IPV4:
    case IPV6: return WIRE_LINK_RAW_IP;
    default: return WIRE_LINK_UNKNOWN;
    }
}

static void
take_packet(match_source *source, match_record *record)
{
    const wtap_packet_header *header = &source->rec.rec_header.packet_header;
    const source_interface   *interface;
    logfile_format            format;
    size_t                    offset;

    find_interface(source);
    interface = &g_array_index(source->interfaces, source_interface, source->interface);
    source->captured = header->caplen;
    record->length = header->len;
    record->interface = source->interface;
    record->link = interface->encapsulation == WTAP_ENCAP_ERF ? link_of_erf(header->pseudo_header.erf.phdr.type)
                                                              : interface->link;
    record->is_log = interface->encapsulation == WTAP_ENCAP_WIRESHARK_UPPER_PDU &&
                     logfile_pdu_read(source->octets, source->captured, &format, &offset);
}

/* Octets of a record that is no packet. */
static size_t
octets_of(const wtap_rec *rec)
{
    switch (rec->rec_type) {
    case REC_TYPE_FT_SPECIFIC_EVENT:
    case REC_TYPE_FT_SPECIFIC_REPORT:
        return rec->rec_header.ft_specific_header.record_len;
    case REC_TYPE_SYSCALL:
        return rec->rec_header.syscall_header.event_filelen;
    case REC_TYPE_SYSTEMD_JOURNAL_EXPORT:
        return rec->rec_header.systemd_journal_export_header.record_len;
    case REC_TYPE_CUSTOM_BLOCK:
        /* Of these all there is are options, and the length is another's. */
        if (rec->rec_header.custom_block_header.pen == PEN_NFLX)
            return 0;
        return rec->rec_header.custom_block_header.length;
    default:
        return 0;
    }
}

static void
take_time(const wtap_rec *rec, match_record *record)
{
    int64_t seconds;

    record->has_time = (rec->presence_flags & WTAP_HAS_TS) &&
                       !__builtin_mul_overflow((int64_t)rec->ts.secs, INT64_C(1000000000), &seconds) &&
                       !__builtin_add_overflow(seconds, (int64_t)rec->ts.nsecs, &record->time);
    if (!record->has_time)
        record->time = 0;
}

/* What ended the reading, or NULL. */
static char *
read_problem(const match_source *source, int error, const char *detail)
{
    if (error == 0)
        return NULL;
    if (error == WTAP_ERR_SHORT_READ)
        return g_strdup_printf("%s is cut short after record %u: what was before it counts", source->path, source->number);
    if (error > 0)
        return g_strdup_printf("%s: %s", source->path, g_strerror(error));
    return g_strdup_printf("%s is damaged after record %u: what was before it counts. %s%s%s%s", source->path,
                           source->number, wtap_strerror(error), detail ? " (" : "", detail ? detail : "",
                           detail ? ")" : "");
}

bool
capture_next(match_source *source, match_record *record, char **problem)
{
    wtap_rec        *rec = &source->rec;
    int              error = 0;
    g_autofree char *detail = NULL;
    int64_t          offset;
    unsigned         numbered = source->numbered;

    wtap_rec_reset(rec);
    reading = source;
    if (!wtap_read(source->wth, rec, &source->buffer, &error, &detail, &offset)) {
        *problem = read_problem(source, error, detail);
        return false;
    }
    meet_interfaces(source);
    if ((rec->presence_flags & WTAP_HAS_SECTION_NUMBER) && rec->section_number != source->section) {
        source->section = rec->section_number;
        source->first_interface = compat_first_interface(source->wth, source->section, numbered);
    }
    source->octets = ws_buffer_start_ptr(&source->buffer);
    take_time(rec, record);
    if (rec->rec_type == REC_TYPE_PACKET) {
        take_packet(source, record);
    } else {
        source->captured = octets_of(rec);
        record->length = (uint32_t)source->captured;
    }
    record->octets = source->octets;
    record->captured = source->captured;
    return true;
}

double
capture_progress(const match_source *source)
{
    int     error;
    int64_t size = source->wth ? wtap_file_size(source->wth, &error) : 0;

    return size > 0 ? CLAMP((double)wtap_read_so_far(source->wth) / (double)size, 0, 1) : 0;
}

/* --- what it knows besides --- */

static void
learn_sections(match_source *source)
{
    struct {
        unsigned option;
        char   **text;
    } kept[] = {
        { OPT_SHB_USERAPPL, &source->application },
        { OPT_SHB_OS, &source->system },
        { OPT_SHB_HARDWARE, &source->hardware },
    };

    for (unsigned i = 0; i < wtap_file_get_num_shbs(source->wth); i++) {
        wtap_block_t section = wtap_file_get_shb(source->wth, i);
        char        *text;

        for (unsigned j = 0; wtap_block_get_nth_string_option_value(section, OPT_COMMENT, j, &text) ==
                             WTAP_OPTTYPE_SUCCESS; j++)
            g_ptr_array_add(source->comments, g_strdup(text));
        for (size_t j = 0; i == 0 && j < G_N_ELEMENTS(kept); j++) {
            if (wtap_block_get_string_option_value(section, kept[j].option, &text) == WTAP_OPTTYPE_SUCCESS)
                *kept[j].text = g_strdup(text);
        }
    }
}

void
capture_learn(match_source *source)
{
    wtap_dump_params params;

    meet_interfaces(source);
    learn_sections(source);
    wtap_dump_params_init_no_idbs(&params, source->wth);
    for (guint i = 0; params.dsbs_growing && i < params.dsbs_growing->len; i++)
        g_ptr_array_add(source->secrets, wtap_block_ref(g_array_index(params.dsbs_growing, wtap_block_t, i)));
    g_free(params.idb_inf);
    wtap_dump_params_cleanup(&params);
}
