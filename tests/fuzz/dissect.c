/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole plugin in Wireshark: a conversation over HTTP, dissected twice as "tshark -2" does.
 *
 * An input is what client and server send in turn, one segment each; the two octets ff fe stand between the turns.
 */
#include <stdio.h>
#include <string.h>

#include <epan/column.h>
#include <epan/column-info.h>
#include <epan/epan.h>
#include <epan/epan_dissect.h>
#include <epan/frame_data.h>
#include <epan/prefs.h>
#include <epan/tap.h>
#include <epan/timestamp.h>
#include <wiretap/wtap.h>
#include <wsutil/privileges.h>
#include <wsutil/report_message.h>
#include <wsutil/wslog.h>

#include "fuzz.h"

/* Segments of one input, and octets of one segment: what an IPv4 datagram holds. */
#define MAX_FRAMES  16
#define MAX_PAYLOAD 60000
#define HEADERS     40 /* IPv4 and TCP */

/* A file ends after so many inputs, and everything in file scope with it. */
#define INPUTS_PER_FILE 20

void plugin_register(void);

static column_info columns;
static epan_t     *session;
static unsigned    inputs;
static guint32     frames;
static unsigned    messages; /* of SCEP that the tap has told of */

static const nstime_t *
frame_time(struct packet_provider_data *provider G_GNUC_UNUSED, guint32 number G_GNUC_UNUSED)
{
    static const nstime_t epoch;

    return &epoch;
}

static void
new_session(void)
{
    static const struct packet_provider_funcs functions = { .get_frame_ts = frame_time };

    if (session)
        epan_free(session);
    session = epan_new(NULL, &functions);
    inputs = 0;
    frames = 0;
}

static void
report(const char *format, va_list arguments)
{
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

static void
set_preference(const char *name, const char *value)
{
    char *text = g_strdup_printf("%s:%s", name, value), *problem = NULL;

    if (prefs_set_pref(text, &problem) != PREFS_SET_OK)
        g_error("%s: %s", text, problem);
    g_free(problem);
    g_free(text);
}

static tap_packet_status
count_message(void *data G_GNUC_UNUSED, packet_info *pinfo G_GNUC_UNUSED, epan_dissect_t *dissection G_GNUC_UNUSED,
              const void *tapped G_GNUC_UNUSED, tap_flags_t flags G_GNUC_UNUSED)
{
    messages++;
    return TAP_PACKET_DONT_REDRAW;
}

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    static const char                           request[] = "GET /scep?operation=GetCACaps HTTP/1.1\r\n\r\n";
    static const struct report_message_routines routines = { .vreport_failure = report, .vreport_warning = report };
    char *key = g_build_filename(SOURCE_ROOT, "captures/record/keys/ra-encryption.key", NULL);

    g_setenv("XDG_CONFIG_HOME", "/nonexistent", TRUE); /* a user's settings change nothing */
    init_process_policies();
    ws_log_init("fuzz-dissect", NULL);
    ws_log_set_level(LOG_LEVEL_ERROR);
    init_report_message("fuzz-dissect", &routines);
    wtap_init(FALSE);
    plugin_register();
    if (!epan_init(NULL, NULL, FALSE))
        g_error("Wireshark's dissectors do not start");
    epan_load_settings();
    set_preference("scep.private_key", key);
    prefs_apply_all();
    timestamp_set_type(TS_RELATIVE);
    timestamp_set_precision(TS_PREC_FIXED_USEC);
    timestamp_set_seconds_type(TS_SECONDS_DEFAULT);
    build_column_format_array(&columns, prefs.num_cols, TRUE);
    if (register_tap_listener("scep", NULL, NULL, TL_REQUIRES_NOTHING, NULL, count_message, NULL, NULL))
        g_error("the plugin has no tap");
    new_session();
    LLVMFuzzerTestOneInput((const uint8_t *)request, strlen(request));
    if (messages != 2) /* one for each visit; otherwise nothing would be tested */
        g_error("the plugin does not see a request");
    g_free(key);
    return 0;
}

static void
put(uint8_t *at, unsigned octets, guint32 value)
{
    while (octets-- > 0) {
        at[octets] = (uint8_t)value;
        value >>= 8;
    }
}

/* Writes the headers of a segment; a client port of its own keeps each input a conversation of its own. */
static void
write_headers(uint8_t *packet, size_t payload, bool from_client, guint32 sequence, guint32 acknowledged)
{
    static const uint8_t client[] = { 192, 0, 2, 10 }, server[] = { 203, 0, 113, 5 };
    guint32              client_port = 10000 + inputs;

    memset(packet, 0, HEADERS);
    packet[0] = 0x45;
    put(packet + 2, 2, (guint32)(HEADERS + payload));
    packet[8] = 64; /* time to live */
    packet[9] = 6;  /* TCP */
    memcpy(packet + 12, from_client ? client : server, 4);
    memcpy(packet + 16, from_client ? server : client, 4);
    put(packet + 20, 2, from_client ? client_port : 80);
    put(packet + 22, 2, from_client ? 80 : client_port);
    put(packet + 24, 4, sequence);
    put(packet + 28, 4, acknowledged);
    packet[32] = 0x50; /* five words of header */
    packet[33] = 0x18; /* ACK and PSH */
    put(packet + 34, 2, 0xffff);
}

static void
dissect(GByteArray *packet, frame_data *frame, bool first)
{
    wtap_rec        record;
    epan_dissect_t *dissection = epan_dissect_new(session, TRUE, TRUE);

    memset(&record, 0, sizeof record);
    record.rec_type = REC_TYPE_PACKET;
    record.presence_flags = WTAP_HAS_TS | WTAP_HAS_CAP_LEN;
    record.rec_header.packet_header.caplen = packet->len;
    record.rec_header.packet_header.len = packet->len;
    record.rec_header.packet_header.pkt_encap = WTAP_ENCAP_RAW_IP;
    if (first)
        frame_data_init(frame, ++frames, &record, 0, 0);
    epan_dissect_run_with_taps(dissection, WTAP_FILE_TYPE_SUBTYPE_UNKNOWN, &record,
                               tvb_new_real_data(packet->data, packet->len, (gint)packet->len), frame, &columns);
    if (first)
        frame_data_set_after_dissect(frame, &(guint32){ 0 });
    epan_dissect_free(dissection);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t separator[] = { 0xff, 0xfe };
    const uint8_t       *end = data + size;
    GByteArray          *packets[MAX_FRAMES];
    frame_data           infos[MAX_FRAMES];
    guint32              sent[2] = { 1, 1 };
    unsigned             count = 0;

    if (++inputs > INPUTS_PER_FILE)
        new_session();
    for (bool from_client = true; data < end && count < MAX_FRAMES; from_client = !from_client) {
        const uint8_t *stop = memmem(data, (size_t)(end - data), separator, sizeof separator);
        size_t         payload = MIN((size_t)((stop ? stop : end) - data), MAX_PAYLOAD);
        uint8_t        headers[HEADERS];

        write_headers(headers, payload, from_client, sent[from_client], sent[!from_client]);
        packets[count] = g_byte_array_new();
        g_byte_array_append(packets[count], headers, HEADERS);
        g_byte_array_append(packets[count++], data, (guint)payload);
        sent[from_client] += (guint32)payload;
        data = stop ? stop + sizeof separator : end;
    }
    for (int visit = 0; visit < 2; visit++) {
        for (unsigned i = 0; i < count; i++)
            dissect(packets[i], &infos[i], visit == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        frame_data_destroy(&infos[i]);
        g_byte_array_unref(packets[i]);
    }
    return 0;
}
