/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The SCEP dissector (RFC 8894): where it meets HTTP, and what it takes for SCEP.
 *
 * Bodies reach it by media type, through the text dissectors' entries, and as a heuristic for everything that has no
 * dissector of its own; a request by GET has no body and is met by the post-dissector, as is an answer that holds
 * nothing of SCEP. On a frame's first visit each message becomes a record (exchange.h); every visit shows the records.
 */
#include "scep.h"

#include <epan/prefs.h>
#include <epan/tap.h>
#include <epan/uat.h>
#include <string.h>
#include <wsutil/report_message.h>

#include "../compat.h"
#include "../transport/http.h"
#include "../transport/media.h"
#include "../transport/tls.h"
#include "cms.h"
#include "exchange.h"
#include "tail.h"
#include "tree.h"

/* Keys of per-frame data beside the records (0), all in packet scope: how many bodies this visit has met, how many
 * requests by GET it has added, how many records it has passed on its way through the tree. */
enum { RECORDS, BODIES, GETS, PASSED };

/* A media type that SCEP's answers and requests have. */
typedef struct {
    const char    *name;
    scep_operation operation;
    bool           is_scep_only; /* x-x509-ca-cert is also how certificates are downloaded */
} scep_media_type;

static const scep_media_type media_types[] = {
    { "application/x-pki-message", SCEP_PKI_OPERATION, true },
    { "application/x-x509-ca-ra-cert", SCEP_GET_CA_CERT, true },
    { "application/x-x509-ra-ca-certs", SCEP_GET_CA_CERT, true },
    { "application/x-x509-next-ca-cert", SCEP_GET_NEXT_CA_CERT, true },
    { "application/x-x509-ca-cert", SCEP_GET_CA_CERT, false },
};

typedef struct {
    char *file;
    char *password;
} key_entry;

static int                   proto_scep = -1;
static int                   message_tap = -1, object_tap;
static dissector_handle_t    scep_handle;
static dissector_handle_t    media_handle, http_handle;
static heur_dissector_list_t http_heuristics;

static const char *private_key_file = "";
static key_entry  *key_entries;
static guint       key_entry_count;
static bool        keys_are_stale = true;
static GPtrArray  *keys;
static compat_bool show_secrets;

UAT_FILENAME_CB_DEF(key_entries, file, key_entry)
UAT_CSTRING_CB_DEF(key_entries, password, key_entry)

static void
add_key_file(const char *file, const char *password)
{
    char *problem;

    if (!file || !*file)
        return;
    problem = scep_keys_add_file(keys, file, password);
    if (problem)
        report_failure("SCEP: %s", problem);
    g_free(problem);
}

/* The private keys of the preferences, read when they are first needed after a change. */
static const GPtrArray *
private_keys(void)
{
    if (keys_are_stale) {
        if (keys)
            g_ptr_array_unref(keys);
        keys = scep_keys_new();
        add_key_file(private_key_file, NULL);
        for (guint i = 0; i < key_entry_count; i++)
            add_key_file(key_entries[i].file, key_entries[i].password);
        keys_are_stale = false;
    }
    return keys;
}

static void
preferences_changed(void)
{
    keys_are_stale = true;
}

static void *
key_entry_copy(void *to, const void *from, size_t length _U_)
{
    key_entry       *copy = to;
    const key_entry *entry = from;

    copy->file = g_strdup(entry->file);
    copy->password = g_strdup(entry->password);
    return copy;
}

static void
key_entry_free(void *data)
{
    key_entry *entry = data;

    g_free(entry->file);
    g_free(entry->password);
}

/* A number that begins with 0 and lives as long as this visit of the frame. */
static unsigned *
visit_number(packet_info *pinfo, int key)
{
    unsigned *number = p_get_proto_data(pinfo->pool, pinfo, proto_scep, (guint32)key);

    if (!number) {
        number = wmem_new0(pinfo->pool, unsigned);
        p_add_proto_data(pinfo->pool, pinfo, proto_scep, (guint32)key, number);
    }
    return number;
}

/* True when a request with this query is one of SCEP. Only the names of RFC 8894 are taken wherever they are asked. */
static bool
is_scep_query(const char *target, const scep_query *query)
{
    return query->operation != SCEP_OPERATION_OTHER || scep_query_path_is_usual(target, strlen(target));
}

/* Adds the record of one request without a body, when it is SCEP. */
static void
add_bodiless_request(packet_info *pinfo, const http_request *request)
{
    GByteArray *message = NULL;
    ber_slice   data = { NULL, 0 };
    scep_query  query;
    bool        whole = true;

    if (!scep_query_parse(request->target, strlen(request->target), &query))
        return;
    if (is_scep_query(request->target, &query)) {
        if (query.operation == SCEP_PKI_OPERATION && query.raw)
            message = scep_query_decode_message(query.raw, &whole);
        if (message) {
            data.data = message->data;
            data.length = message->len;
        }

        scep_record *record =
            scep_exchange_add_request(pinfo, &query, strcmp(request->method, "POST") == 0, data, private_keys());

        if (!whole)
            scep_record_add_finding(record, SCEP_FINDING_MALFORMED, "The message parameter is not base64 throughout");
        if (message)
            g_byte_array_unref(message);
    }
    scep_query_clear(&query);
}

/* Adds the records of `requests` that this visit has not met yet. */
static void
add_bodiless_requests(packet_info *pinfo, wmem_array_t *requests)
{
    unsigned *met = visit_number(pinfo, GETS);

    for (; *met < wmem_array_get_count(requests); ++*met)
        add_bodiless_request(pinfo, wmem_array_index(requests, *met));
}

/* The record of a request whose body is `data`, or NULL when it is not SCEP. */
static scep_record *
claim_request(packet_info *pinfo, ber_slice data, const http_message *http, const scep_media_type *type)
{
    scep_record *record = NULL;
    scep_query   query;
    bool         is_named = http && http->target && scep_query_parse(http->target, strlen(http->target), &query);

    if (http)
        add_bodiless_requests(pinfo, http_bodiless_requests(pinfo, data.data));
    if (is_named) {
        if (is_scep_query(http->target, &query))
            record = scep_exchange_add_request(pinfo, &query, true, data, private_keys());
        scep_query_clear(&query);
    } else {
        scep_message message;
        scep_parts   parts;

        if ((type && type->operation == SCEP_PKI_OPERATION) ||
            (scep_message_read(pinfo->pool, pinfo->pool, data, &message, &parts) && scep_message_is_scep(&message)))
            record = scep_exchange_add_request(pinfo, NULL, true, data, private_keys());
    }
    return record;
}

/* The record of an answer whose body is `data`, or NULL when it is not SCEP. */
static scep_record *
claim_response(packet_info *pinfo, ber_slice data, const http_message *http, const scep_media_type *type, bool is_text)
{
    scep_message   message;
    scep_parts     parts;
    bool           has_message = !is_text && scep_message_read(pinfo->pool, pinfo->pool, data, &message, &parts) &&
                       scep_message_is_scep(&message);
    scep_operation operation = type          ? type->operation
                               : has_message ? SCEP_PKI_OPERATION
                                             : SCEP_OPERATION_OTHER;
    scep_record   *request;

    if (http && http->status < 200 && http->status != 0)
        return NULL;
    request = scep_exchange_find_request(pinfo, http ? http->request_frame : 0, has_message ? &message : NULL,
                                         http ? SCEP_OPERATION_OTHER : operation);
    if (!request && !has_message && !(type && type->is_scep_only))
        return NULL;
    return scep_exchange_add_response(pinfo, request, operation, http ? http->status : 0, data, private_keys());
}

/* HTTP/2 does not say what is a request: the server has the smaller port. */
static bool
goes_to_server(const packet_info *pinfo)
{
    return pinfo->destport < pinfo->srcport;
}

/* Shows `record` with its body `tvb`, or NULL, and tells the taps. */
static void
show_record(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const scep_record *record)
{
    scep_tap_data *tapped = wmem_new(pinfo->pool, scep_tap_data);

    tapped->record = record;
    tapped->body = tvb;
    tapped->show_secrets = show_secrets;
    scep_tree_add(tvb, pinfo, tree, record, show_secrets);
    tap_queue_packet(message_tap, pinfo, tapped);
    if (object_tap > 0)
        tap_queue_packet(object_tap, pinfo, tapped);
}

/* Shows the frame's records without a body that stand before `stop`, or all that are left when it is NULL. `parent` is
 * any of the frame's tvbuffs. */
static void
show_bodiless(tvbuff_t *parent, packet_info *pinfo, proto_tree *tree, const scep_record *stop)
{
    wmem_array_t *records = scep_exchange_records(pinfo);
    unsigned     *passed = visit_number(pinfo, PASSED);

    for (; *passed < wmem_array_get_count(records); ++*passed) {
        const scep_record *record = *(scep_record **)wmem_array_index(records, *passed);
        tvbuff_t          *message = NULL;

        if (record == stop)
            return;
        if (record->body != 0)
            continue;
        if (record->get_message.length > 0) {
            message = tvb_new_child_real_data(parent, record->get_message.data, (guint)record->get_message.length,
                                              (gint)record->get_message.length);
            add_new_data_source(pinfo, message, "pkiMessage");
        }
        show_record(message, pinfo, tree, record);
    }
}

/* Shows the body `tvb` when it is SCEP. On the first visit decides, on every visit shows. */
static bool
dissect_body(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, const scep_media_type *type, bool is_text)
{
    unsigned      ordinal = ++*visit_number(pinfo, BODIES);
    int           length = (int)tvb_captured_length(tvb);
    scep_record  *record = NULL;
    wmem_array_t *records;

    if (length == 0)
        return false;
    if (!PINFO_FD_VISITED(pinfo)) {
        ber_slice    data = { tvb_get_ptr(tvb, 0, length), (size_t)length };
        http_message http;
        bool         is_http1 = http_last_message(pinfo, &http);

        if (is_http1 ? http.is_request : goes_to_server(pinfo))
            record = claim_request(pinfo, data, is_http1 ? &http : NULL, type);
        else
            record = claim_response(pinfo, data, is_http1 ? &http : NULL, type, is_text);
        if (record)
            record->body = ordinal;
    } else if ((records = scep_exchange_records(pinfo)) != NULL) {
        for (unsigned i = 0; i < wmem_array_get_count(records) && !record; i++) {
            record = *(scep_record **)wmem_array_index(records, i);
            if (record->body != ordinal)
                record = NULL;
        }
    }
    if (record) {
        show_bodiless(tvb, pinfo, tree, record);
        show_record(tvb, pinfo, tree, record);
    }
    return record != NULL;
}

static int
dissect_media(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data)
{
    const scep_media_type *type = NULL;
    heur_dtbl_entry_t     *entry;

    for (size_t i = 0; i < G_N_ELEMENTS(media_types) && !type && pinfo->match_string; i++) {
        if (g_ascii_strcasecmp(media_types[i].name, pinfo->match_string) == 0)
            type = &media_types[i];
    }
    if (dissect_body(tvb, pinfo, tree, type, false))
        return (int)tvb_captured_length(tvb);
    /* Not SCEP after all: what HTTP/1 does with a type that nobody takes. HTTP/2 does nothing. */
    if (!http_in_frame(pinfo))
        return 0;
    if (!dissector_try_heuristic(http_heuristics, tvb, pinfo, tree, &entry, NULL))
        call_dissector_with_data(media_handle, tvb, pinfo, tree, data);
    return (int)tvb_captured_length(tvb);
}

/* Capabilities and errors: the owner of the type shows its lines in any case. */
static int
visit_text(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data, dissector_handle_t owner)
{
    int length = call_dissector_only(owner, tvb, pinfo, tree, data);

    dissect_body(tvb, pinfo, tree, NULL, true);
    return length;
}

/* What is not SCEP goes to the owner, as ever. */
static int
visit_octets(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data, dissector_handle_t owner)
{
    if (dissect_body(tvb, pinfo, tree, NULL, false))
        return (int)tvb_captured_length(tvb);
    return call_dissector_only(owner, tvb, pinfo, tree, data);
}

static compat_bool
dissect_heuristic(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return dissect_body(tvb, pinfo, tree, NULL, false);
}

/* Adds the record of an answer in which no body was met, when it answers SCEP. */
static void
add_bodiless_response(packet_info *pinfo, const http_message *http)
{
    wmem_array_t *records = scep_exchange_records(pinfo);
    scep_record  *request;
    ber_slice     nothing = { NULL, 0 };
    bool          from_server;

    if (http->status < 200 || !scep_exchange_is_waiting(pinfo, &from_server) || !from_server)
        return;
    for (unsigned i = 0; records && i < wmem_array_get_count(records); i++) {
        if ((*(scep_record **)wmem_array_index(records, i))->is_response)
            return;
    }
    request = scep_exchange_find_request(pinfo, http->request_frame, NULL, SCEP_OPERATION_OTHER);
    if (request)
        scep_exchange_add_response(pinfo, request, SCEP_OPERATION_OTHER, http->status, nothing, private_keys());
}

static void
meet_bodiless(packet_info *pinfo)
{
    wmem_array_t *requests = http2_bodiless_requests(pinfo);
    http_message  http;

    if (requests)
        add_bodiless_requests(pinfo, requests);
    if (!http_in_frame(pinfo) || !http_last_message(pinfo, &http))
        return;
    if (http.is_request)
        add_bodiless_requests(pinfo, http_bodiless_requests(pinfo, NULL));
    else
        add_bodiless_response(pinfo, &http);
}

static int
dissect_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    wmem_array_t  *records;
    wmem_strbuf_t *info;
    tvbuff_t      *answer;

    if (!PINFO_FD_VISITED(pinfo))
        meet_bodiless(pinfo);
    answer = scep_tail_answer(tvb, pinfo);
    if (answer) {
        add_new_data_source(pinfo, answer, "Answer up to the end of the connection");
        call_dissector_only(http_handle, answer, pinfo, tree, NULL);
    }
    records = scep_exchange_records(pinfo);
    if (!records)
        return 0;
    show_bodiless(tvb, pinfo, tree, NULL);
    info = wmem_strbuf_new(pinfo->pool, "");
    col_clear_fence(pinfo->cinfo, COL_INFO);
    for (unsigned i = 0; i < wmem_array_get_count(records); i++)
        wmem_strbuf_append_printf(info, "%s%s", i == 0 ? "" : "; ",
                                  scep_summary(pinfo, *(scep_record **)wmem_array_index(records, i)));
    col_add_str(pinfo->cinfo, COL_INFO, wmem_strbuf_get_str(info));
    return (int)tvb_captured_length(tvb);
}

/* True when the frame may hold something that no body brings, or has something to show. */
static bool
has_business(packet_info *pinfo, bool has_new_http)
{
    if (scep_exchange_records(pinfo) || scep_tail_has_business(pinfo))
        return true;
    return has_new_http || (!PINFO_FD_VISITED(pinfo) && http2_bodiless_requests(pinfo));
}

bool
scep_shows_secrets(void)
{
    return show_secrets;
}

void
scep_meet_frame(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, bool has_new_http)
{
    if (has_business(pinfo, has_new_http))
        call_dissector_only(scep_handle, tvb, pinfo, tree, NULL);
}

void
proto_register_scep(void)
{
    static uat_field_t key_fields[] = {
        UAT_FLD_FILENAME(key_entries, file, "Key file", "Private key, PEM or PKCS #12"),
        UAT_FLD_CSTRING(key_entries, password, "Password", "Password of the file, if it has one"),
        UAT_END_FIELDS,
    };
    module_t *module;

    proto_scep = proto_register_protocol("Simple Certificate Enrollment Protocol", "SCEP", "scep");
    scep_handle = register_dissector("scep", dissect_frame, proto_scep);
    scep_tree_register(proto_scep);
    scep_cms_register(proto_scep);
    scep_exchange_init(proto_scep);
    scep_tail_init(proto_scep);
    http2_register(proto_scep);
    message_tap = register_tap("scep");

    module = prefs_register_protocol(proto_scep, preferences_changed);
    prefs_register_filename_preference(module, "private_key", "Private key",
                                       "A private key that opens envelopes: of the RA's encryption certificate for "
                                       "requests, of the device for answers (PEM or PKCS #12 without password)",
                                       &private_key_file, FALSE);
    prefs_register_uat_preference(module, "private_keys", "Private keys", "Private keys that open envelopes",
                                  uat_new("SCEP private keys", sizeof(key_entry), "scep_private_keys", TRUE,
                                          (void **)&key_entries, &key_entry_count, UAT_AFFECTS_DISSECTION, NULL,
                                          key_entry_copy, NULL, key_entry_free, preferences_changed, NULL,
                                          key_fields));
    prefs_register_bool_preference(module, "show_secrets", "Show challenge passwords",
                                   "Show the challenge password of opened requests. It lets its bearer enrol.",
                                   &show_secrets);
}

void
proto_reg_handoff_scep(void)
{
    dissector_handle_t media_dissector = create_dissector_handle(dissect_media, -1); /* leaves no layer behind */

    http_init();
    tls_init();
    http2_init();
    scep_cms_init(proto_scep);
    object_tap = find_tap_id("scep_eo"); /* of Export Objects */
    media_handle = find_dissector("media");
    http_handle = find_dissector("http");
    http_heuristics = find_heur_dissector_list("http");
    for (size_t i = 0; i < G_N_ELEMENTS(media_types); i++)
        dissector_add_string("media_type", media_types[i].name, media_dissector);
    /* SCEP's servers and clients use these too. */
    media_share("text/plain", visit_text);
    media_share("text/html", visit_text);
    media_share("application/octet-stream", visit_octets);
    media_share("application/pkcs7-mime", visit_octets);
    heur_dissector_add("http", dissect_heuristic, "SCEP over HTTP", "scep_http", proto_scep, HEURISTIC_ENABLE);
}
