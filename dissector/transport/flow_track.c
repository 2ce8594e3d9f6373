/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Wireshark knows of a frame as evidence: its segment, what TLS decrypted, the SCEP messages in it, and the calls of
 * a registration point.
 */
#include "flow_track.h"

#include <string.h>

#include <epan/dissectors/packet-tcp.h>
#include <epan/dissectors/packet-tls-utils.h>
#include <epan/prefs.h>
#include <epan/to_str.h>
#include <wiretap/wtap.h>
#include <wsutil/filesystem.h>
#include <wsutil/report_message.h>

#include "../ca/icert.h"
#include "../compat.h"
#include "../crp/exchange.h"
#include "../flow/evidence.h"
#include "../flow/knowledge.h"
#include "../scep/exchange.h"
#include "../wire/link.h"
#include "certificate.h"
#include "http.h"
#include "track.h"

/* Longer header values are of no interest. */
#define MAX_VALUE 1024

static const enum_val_t vantages[] = {
    { "auto", "Found out", 0 }, { "client", "Device", 1 }, { "wap", "Web Application Proxy", 2 },
    { "ndes", "NDES", 3 },      { "crp", "CRP", 4 },       { NULL, NULL, 0 },
};

static int             proto_tls = -1;
static flow_knowledge *knowledge; /* as long as the program */

/* As long as the file. */
static flow_model *model;
static tracker    *all;
static GHashTable *exchanges; /* scep_record or crp_record of a request -> flow_exchange */
static GHashTable *told_in;   /* number of a frame with a line of a log -> flow_conversation */

static const char *servers = "";
static const char *expected_flow = "auto";
static const char *log_time_zone = "auto";
static gint        vantage;

static const flow_knowledge *
learn(bool with_catalogue)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);

    if (!knowledge) {
        char *folder = get_persconffile_path("scepshark", TRUE);

        knowledge = flow_knowledge_begin(folder, problems);
        g_free(folder);
    }
    if (with_catalogue)
        flow_knowledge_complete(knowledge, problems);
    for (guint i = 0; i < problems->len; i++)
        report_failure("scepshark: %s", (char *)problems->pdata[i]);
    g_ptr_array_unref(problems);
    return knowledge;
}

static void
file_opened(void)
{
    flow_settings settings = { servers, expected_flow, vantages[vantage].name, log_time_zone, learn };

    model = flow_model_new(NULL, &settings);
    if (!flow_zone_is_known(log_time_zone))
        report_failure("scepshark: scepflow.log_time_zone: \"%s\" is no time zone; expected auto, an offset such as +02:00, "
                       "or a name such as Europe/Berlin",
                       log_time_zone);
    told_in = g_hash_table_new(NULL, NULL);
    all = tracker_new(model, certificate_read);
    exchanges = g_hash_table_new(NULL, NULL);
}

static void
file_closed(void)
{
    if (!model)
        return;
    g_hash_table_unref(exchanges);
    g_hash_table_unref(told_in);
    tracker_free(all);
    flow_model_free(model);
    model = NULL;
    all = NULL;
    exchanges = told_in = NULL;
}

static int64_t
nanoseconds(const nstime_t *time)
{
    return (int64_t)time->secs * 1000000000 + time->nsecs;
}

/* A segment that has only its ends: of a frame whose encapsulation wire/ does not know, as Wireshark sees it. */
static bool
ends_of(const packet_info *pinfo, wire_segment *segment)
{
    memset(segment, 0, sizeof *segment);
    if (pinfo->ptype != PT_TCP || pinfo->src.type != pinfo->dst.type ||
        (pinfo->src.type != AT_IPv4 && pinfo->src.type != AT_IPv6))
        return false;
    segment->ip_version = pinfo->src.type == AT_IPv4 ? 4 : 6;
    segment->source = pinfo->src.data;
    segment->destination = pinfo->dst.data;
    segment->source_port = (uint16_t)pinfo->srcport;
    segment->destination_port = (uint16_t)pinfo->destport;
    return true;
}

static bool
segment_of(tvbuff_t *frame, const packet_info *pinfo, wire_segment *segment)
{
    wire_link link = wire_link_of(pinfo->rec->rec_header.packet_header.pkt_encap);
    int       captured = (int)tvb_captured_length(frame);

    if (link == WIRE_LINK_UNKNOWN || captured <= 0)
        return ends_of(pinfo, segment);
    return wire_segment_read(link, tvb_get_ptr(frame, 0, captured), (size_t)captured, tvb_reported_length(frame),
                             segment) ||
           ends_of(pinfo, segment);
}

static void
name_track(packet_info *pinfo, track *one)
{
    conversation_t      *conversation = compat_tcp_conversation(pinfo);
    struct tcp_analysis *tcp = conversation ? get_tcp_conversation_data(conversation, pinfo) : NULL;

    track_name(one, tcp ? tcp->stream : 0, compat_interface_name(pinfo));
}

/* --- what TLS decrypted --- */

static void
take_decrypted(packet_info *pinfo, track_place place, flow_moment now)
{
    const SslPacketInfo *info = p_get_proto_data(wmem_file_scope(), pinfo, proto_tls, COMPAT_TLS_LAYER);
    bool                 has_data = false;

    for (const SslRecordInfo *record = info ? info->records : NULL; record; record = record->next) {
        if (record->type == SSL_ID_HANDSHAKE)
            track_decrypted_handshake(place, record->plain_data, record->data_len, now);
        else if (record->type == SSL_ID_ALERT && record->data_len == 2)
            track_decrypted_alert(place, record->plain_data[0], record->plain_data[1], now);
        has_data = has_data || record->type == SSL_ID_APP_DATA;
    }
    if (has_data && (http_in_frame(pinfo) || http2_in_frame(pinfo)))
        track_is_read(place.track);
}

/* Where a message belongs that Wireshark read: it puts the captures of one connection together and reads it once, from
 * whichever frame is first. */
static track *
home_of(track_place place)
{
    track *original = track_original(place.track);

    return track_conversation(original)->tcp_stream == track_conversation(place.track)->tcp_stream ? original : place.track;
}

/* --- SCEP's messages --- */

static flow_step
step_of(const scep_record *record)
{
    switch (record->operation) {
    case SCEP_GET_CA_CAPS: return FLOW_GET_CA_CAPS;
    case SCEP_GET_CA_CERT: return FLOW_GET_CA_CERT;
    case SCEP_GET_NEXT_CA_CERT: return FLOW_GET_NEXT_CA_CERT;
    case SCEP_PKI_OPERATION: return FLOW_PKI_OPERATION;
    default: return FLOW_OTHER_REQUEST;
    }
}

static const char *
header(packet_info *pinfo, bool is_request, const char *name)
{
    char value[MAX_VALUE];

    return http_header(pinfo, is_request, name, value, sizeof value) ? flow_intern(model, value) : NULL;
}

/* True when a finding says why a message does not do what it should. */
static bool
is_problem(scep_finding_kind kind)
{
    return kind == SCEP_FINDING_MALFORMED || kind == SCEP_FINDING_NONCE || kind == SCEP_FINDING_TRANSACTION ||
           kind == SCEP_FINDING_RECIPIENT || kind == SCEP_FINDING_SIGNATURE || kind == SCEP_FINDING_EMPTY_ANSWER;
}

/* What is wrong with a request or its answer, or NULL. */
static const char *
problem_of(const scep_record *record)
{
    for (unsigned i = 0; record->findings && i < wmem_array_get_count(record->findings); i++) {
        const scep_finding *finding = wmem_array_index(record->findings, i);

        if (is_problem(finding->kind))
            return flow_intern(model, finding->text);
    }
    return NULL;
}

/* A public key's identifier as text. */
static const char *
key_name(packet_info *pinfo, const uint8_t *key_id)
{
    return flow_intern(model, bytes_to_str(pinfo->pool, key_id, SCEP_THUMBPRINT_SIZE));
}

static void
take_request(packet_info *pinfo, const scep_record *record, track_place place, flow_moment now)
{
    const scep_message *message = record->message;
    track              *home = home_of(place);
    flow_exchange      *exchange = flow_add_exchange(track_conversation(home), FLOW_DECRYPTED, now);

    g_hash_table_insert(exchanges, (gpointer)record, exchange);
    exchange->step = step_of(record);
    exchange->operation = flow_intern(model, record->operation_name);
    exchange->message = flow_intern(model, record->message_parameter);
    exchange->is_post = record->is_post;
    exchange->target_length = (uint32_t)http_target_length(pinfo);
    exchange->user_agent = header(pinfo, true, "User-Agent");
    exchange->host = header(pinfo, true, "Host");
    exchange->problem = problem_of(record);
    track_count_request(home, exchange);
    if (message) {
        exchange->transaction_id = flow_intern(model, message->transaction_id);
        exchange->message_type = message->has_message_type ? (int)message->message_type : -1;
    }
    if (record->request)
        exchange->subject = flow_intern(model, record->request->subject);
    if (record->has_key_id)
        exchange->request_key = key_name(pinfo, record->key_id);
}

/* True when an answer is of the kind that was asked for. */
static bool
is_readable(const scep_record *record)
{
    switch (record->operation) {
    case SCEP_GET_CA_CAPS:
        return !record->has_body || scep_capabilities_are_known(record->capabilities);
    case SCEP_GET_CA_CERT:
    case SCEP_GET_NEXT_CA_CERT:
        return record->certificates && wmem_array_get_count(record->certificates) > 0;
    case SCEP_PKI_OPERATION:
        return record->message && record->message->has_pki_status;
    default:
        return record->has_body;
    }
}

static void
take_answer(packet_info *pinfo, const scep_record *record, track_place place, flow_moment now)
{
    const scep_message *message = record->message;
    flow_exchange      *exchange = record->peer ? g_hash_table_lookup(exchanges, record->peer) : NULL;

    if (!exchange) { /* its request was not captured */
        exchange = flow_add_exchange(track_conversation(home_of(place)), FLOW_DECRYPTED, now);
        exchange->step = step_of(record);
        exchange->operation = flow_intern(model, record->operation_name);
    }
    exchange->response = exchange->response_end = now;
    exchange->http_status = (int)record->http_status;
    exchange->http_server = header(pinfo, false, "Server");
    exchange->location = header(pinfo, false, "Location");
    exchange->content_type = header(pinfo, false, "Content-Type");
    exchange->is_answer_readable = is_readable(record);
    track_count_answer(home_of(place), exchange);
    if (!exchange->problem)
        exchange->problem = problem_of(record);
    if (message) {
        if (!exchange->transaction_id)
            exchange->transaction_id = flow_intern(model, message->transaction_id);
        exchange->pki_status = message->has_pki_status ? (int)message->pki_status : -1;
        exchange->fail_info = message->has_fail_info ? (int)message->fail_info : -1;
        exchange->has_hresult = message->has_hresult;
        exchange->hresult = message->hresult;
    }
    flow_changed(track_conversation(place.track));
}

static void
take_messages(packet_info *pinfo, track_place place, flow_moment now)
{
    wmem_array_t *records = scep_exchange_records(pinfo);

    for (unsigned i = 0; records && i < wmem_array_get_count(records); i++) {
        const scep_record *record = *(scep_record **)wmem_array_index(records, i);

        if (record->is_response)
            take_answer(pinfo, record, place, now);
        else
            take_request(pinfo, record, place, now);
    }
}

/* --- the registration point's calls --- */

static void
take_call(packet_info *pinfo, const crp_record *record, track_place place, flow_moment now)
{
    track         *home = home_of(place);
    flow_exchange *exchange = flow_add_exchange(track_conversation(home), FLOW_DECRYPTED, now);

    g_hash_table_insert(exchanges, (gpointer)record, exchange);
    exchange->step = crp_is_notification(record->target.call) ? FLOW_NOTIFY : FLOW_VERIFY_REQUEST;
    exchange->operation = record->target.name;
    exchange->product = record->target.product;
    exchange->is_post = true;
    exchange->target_length = (uint32_t)http_target_length(pinfo);
    exchange->user_agent = flow_intern(model, record->user_agent);
    exchange->host = header(pinfo, true, "Host");
    exchange->transaction_id = flow_intern(model, crp_record_value(record, CRP_ITEM_TRANSACTION));
    if (record->request) {
        exchange->request_key = key_name(pinfo, record->request->key_id);
        exchange->subject = flow_intern(model, record->request->subject);
    }
    exchange->tells_failure = exchange->step == FLOW_NOTIFY && crp_record_tells_failure(record);
    track_count_request(home, exchange);
}

static void
take_verdict(packet_info *pinfo, const crp_record *record, track_place place, flow_moment now)
{
    flow_exchange *exchange = g_hash_table_lookup(exchanges, record->peer);
    const char    *code = crp_record_value(record, CRP_ITEM_CODE);

    if (!exchange)
        return;
    exchange->response = exchange->response_end = now;
    exchange->http_status = (int)record->http_status;
    exchange->http_substatus = record->body.substatus;
    exchange->http_server = header(pinfo, false, "Server");
    exchange->content_type = header(pinfo, false, "Content-Type");
    exchange->verified = crp_record_verified(record);
    exchange->code = flow_intern(model, code);
    exchange->code_meaning = exchange->step == FLOW_VERIFY_REQUEST ? crp_code_meaning(code) : NULL;
    exchange->is_answer_readable = record->http_status < 300;
    exchange->problem = flow_intern(model, crp_record_value(record, CRP_ITEM_DESCRIPTION));
    if (exchange->problem && !*exchange->problem)
        exchange->problem = NULL;
    track_count_answer(home_of(place), exchange);
    flow_changed(track_conversation(place.track));
}

/* What a request to the CA holds that ends in this frame. */
static void
take_certificate_request(packet_info *pinfo, track_place place)
{
    const flow_conversation *conversation = track_conversation(place.track);
    GPtrArray               *calls = conversation->is_rpc ? conversation->exchanges : NULL;
    flow_exchange           *last = calls && calls->len ? calls->pdata[calls->len - 1] : NULL;
    const scep_request      *request;

    if (!last || last->step != FLOW_CA_ISSUE || last->request_end.frame != pinfo->num ||
        (request = icert_request(pinfo)) == NULL)
        return;
    last->request_key = key_name(pinfo, request->key_id);
    last->subject = flow_intern(model, request->subject);
}

static void
take_calls(packet_info *pinfo, track_place place, flow_moment now)
{
    wmem_array_t *records = crp_exchange_records(pinfo);

    for (unsigned i = 0; records && i < wmem_array_get_count(records); i++) {
        const crp_record *record = *(crp_record **)wmem_array_index(records, i);

        if (record->is_response)
            take_verdict(pinfo, record, place, now);
        else
            take_call(pinfo, record, place, now);
    }
}

/* A record of a log has addresses and ports as packets have, but is none. */
static bool
is_log(const packet_info *pinfo)
{
    static const char *const formats[] = { "iis", "httperr", "cmtrace", "svclog" };

    if (pinfo->rec->rec_header.packet_header.pkt_encap != WTAP_ENCAP_WIRESHARK_UPPER_PDU)
        return false;
    for (size_t i = 0; i < array_length(formats); i++) {
        if (proto_is_frame_protocol(pinfo->layers, formats[i]))
            return true;
    }
    return false;
}

const flow_conversation *
flow_track_visit(tvbuff_t *frame, packet_info *pinfo, flow_side *from)
{
    wire_segment segment;
    track_place  place;
    flow_moment  now = { pinfo->num, nanoseconds(&pinfo->abs_ts) };

    *from = FLOW_CLIENT;
    if (model && is_log(pinfo))
        return g_hash_table_lookup(told_in, GUINT_TO_POINTER(pinfo->num));
    if (!model || !segment_of(frame, pinfo, &segment)) {
        if (model && !PINFO_FD_VISITED(pinfo))
            flow_model_saw_frame(model, now.frame, now.time);
        return NULL;
    }
    segment.point = (uint16_t)compat_interface(pinfo);
    if (PINFO_FD_VISITED(pinfo)) {
        place = tracker_find(all, &segment, pinfo->num);
    } else {
        flow_model_saw_frame(model, now.frame, now.time);
        place = tracker_place(all, &segment, now);
        if (place.is_new)
            name_track(pinfo, place.track);
        track_segment(place, &segment, now);
        take_decrypted(pinfo, place, now);
        take_messages(pinfo, place, now);
        take_calls(pinfo, place, now);
        take_certificate_request(pinfo, place);
    }
    *from = place.from;
    return place.track ? track_conversation(place.track) : NULL;
}

void
flow_track_log(packet_info *pinfo, const char *format, const flow_log_line *line)
{
    flow_moment        now = { pinfo->num, nanoseconds(&pinfo->abs_ts) };
    flow_conversation *conversation;
    flow_log          *log;

    if (!model || PINFO_FD_VISITED(pinfo))
        return;
    log = flow_log_of(model, compat_interface(pinfo), format, compat_interface_name(pinfo),
                      compat_interface_description(pinfo));
    conversation = flow_log_add(log, now, line);
    if (conversation)
        g_hash_table_insert(told_in, GUINT_TO_POINTER(pinfo->num), conversation);
    /* Local time tells nothing about how long the file goes on. */
    flow_model_saw_frame(model, now.frame, line->is_utc ? now.time : 0);
}

const flow_result *
flow_track_result(void)
{
    static const flow_result nothing;

    return model ? flow_evaluate(model) : &nothing;
}

const flow_result *
flow_track_result_so_far(void)
{
    return flow_evaluate_lately(model);
}

void
flow_track_register(int proto)
{
    module_t *module = prefs_register_protocol(proto, NULL);

    prefs_register_string_preference(module, "servers", "SCEP servers",
                                     "Names and addresses that answer SCEP, separated by commas; what cannot be decrypted "
                                     "is then not left to guesses. wap=, ndes=, device=, crp=, ca= and mdm= before one "
                                     "tell its role.",
                                     &servers);
    prefs_register_string_preference(module, "expected_flow", "Expected flow",
                                     "What enrolments are compared with: auto, or the name of a flow (windows-mdm, "
                                     "windows, ios, android, macos, rfc8894, or one of your own)",
                                     &expected_flow);
    prefs_register_enum_preference(module, "vantage", "Captured at",
                                   "Where the capture was made, if the names of its interfaces do not tell", &vantage,
                                   vantages, FALSE);
    prefs_register_string_preference(module, "log_time_zone", "Time zone of logs",
                                     "Of logs that have none (CRP.log): auto, which compares them with the other evidence, "
                                     "an offset such as +02:00, or a name such as Europe/Berlin",
                                     &log_time_zone);
    register_init_routine(file_opened);
    register_cleanup_routine(file_closed);
}

void
flow_track_init(void)
{
    proto_tls = proto_get_id_by_filter_name("tls");
}
