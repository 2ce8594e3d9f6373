/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests and answers: what the first pass keeps of every SCEP message, and which belongs to which. Within one
 * connection by the order of HTTP, across connections by transactionID and nonces (RFC 8894 3.2.1.1, 3.2.1.5).
 */
#include "exchange.h"

#include <string.h>

#include <epan/to_str.h>

#include "../compat.h"
#include "checks.h"

/* State of one TCP conversation: file scope. */
typedef struct {
    wmem_list_t    *waiting; /* of scep_record *: requests without their answer, oldest first */
    scep_authority *authority;
    address         server;
    uint32_t        server_port;
} scep_stream;

/* State of one transactionID: file scope. */
typedef struct {
    scep_record *first, *last; /* requests */
} scep_transaction;

/* Whoever a message can be encrypted to: file scope. */
typedef struct {
    uint8_t                 key_id[SCEP_THUMBPRINT_SIZE];
    const scep_certificate *certificate; /* from a GetCACert answer; NULL for a client's own */
} scep_holder;

static int         proto_scep = -1;
static unsigned    waiting; /* requests without their answer, in all conversations of the file */
static wmem_map_t *transactions; /* transactionID -> scep_transaction */
static wmem_map_t *nonces;       /* senderNonce in hex -> scep_record, the request */
static wmem_map_t *authorities;  /* "address port" -> scep_authority */
static wmem_map_t *holders;      /* "issuer serial" -> scep_holder */

static void
forget_waiting(void)
{
    waiting = 0;
}

void
scep_exchange_init(int proto)
{
    proto_scep = proto;
    register_init_routine(forget_waiting);
    transactions = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_str_hash, g_str_equal);
    nonces = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_str_hash, g_str_equal);
    authorities = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_str_hash, g_str_equal);
    holders = wmem_map_new_autoreset(wmem_epan_scope(), wmem_file_scope(), g_str_hash, g_str_equal);
}

void
scep_record_add_finding(scep_record *record, scep_finding_kind kind, const char *format, ...)
{
    scep_finding finding = { kind, NULL };
    va_list      arguments;

    va_start(arguments, format);
    finding.text = wmem_strdup_vprintf(wmem_file_scope(), format, arguments);
    va_end(arguments);
    if (!record->findings)
        record->findings = wmem_array_new(wmem_file_scope(), sizeof(scep_finding));
    wmem_array_append_one(record->findings, finding);
}

static char *
hex(wmem_allocator_t *scope, scep_octets octets)
{
    return bytes_to_str_maxlen(scope, octets.data, octets.length, 0);
}

static char *
holder_name(wmem_allocator_t *scope, const char *issuer, scep_octets serial)
{
    return wmem_strdup_printf(scope, "%s %s", issuer, hex(scope, serial));
}

static scep_holder *
find_holder(wmem_allocator_t *scratch, const char *issuer, scep_octets serial)
{
    if (!issuer || serial.length == 0)
        return NULL;
    return wmem_map_lookup(holders, holder_name(scratch, issuer, serial));
}

/* Notes whose key `certificate` names, and with `keep` the certificate itself, which then is in file scope. */
static void
add_holder(wmem_allocator_t *scratch, const scep_certificate *certificate, bool keep)
{
    scep_holder *holder = find_holder(scratch, certificate->issuer, certificate->serial);

    if (!holder) {
        holder = wmem_new0(wmem_file_scope(), scep_holder);
        wmem_map_insert(holders, holder_name(wmem_file_scope(), certificate->issuer, certificate->serial), holder);
    }
    memcpy(holder->key_id, certificate->key_id, sizeof holder->key_id);
    if (keep)
        holder->certificate = certificate;
}

const scep_certificate *
scep_exchange_certificate(wmem_allocator_t *scratch, const char *issuer, scep_octets serial)
{
    scep_holder *holder = find_holder(scratch, issuer, serial);

    return holder ? holder->certificate : NULL;
}

static scep_authority *
authority_of(packet_info *pinfo, const address *server, uint32_t port)
{
    char *key = wmem_strdup_printf(wmem_file_scope(), "%s %u", address_to_str(pinfo->pool, server), port);
    scep_authority *authority = wmem_map_lookup(authorities, key);

    if (!authority) {
        authority = wmem_new0(wmem_file_scope(), scep_authority);
        wmem_map_insert(authorities, key, authority);
    }
    return authority;
}

static scep_stream *
find_stream(packet_info *pinfo)
{
    conversation_t *conversation = compat_tcp_conversation(pinfo);

    return conversation ? conversation_get_proto_data(conversation, proto_scep) : NULL;
}

/* The state of this frame's conversation, made when it is new. NULL outside of TCP. */
static scep_stream *
get_stream(packet_info *pinfo, bool to_server)
{
    conversation_t *conversation = compat_tcp_conversation(pinfo);
    scep_stream    *stream;

    if (!conversation)
        return NULL;
    stream = conversation_get_proto_data(conversation, proto_scep);
    if (!stream) {
        stream = wmem_new0(wmem_file_scope(), scep_stream);
        stream->waiting = wmem_list_new(wmem_file_scope());
        copy_address_wmem(wmem_file_scope(), &stream->server, to_server ? &pinfo->dst : &pinfo->src);
        stream->server_port = to_server ? pinfo->destport : pinfo->srcport;
        stream->authority = authority_of(pinfo, &stream->server, stream->server_port);
        conversation_add_proto_data(conversation, proto_scep, stream);
    }
    return stream;
}

bool
scep_exchange_is_waiting(packet_info *pinfo, bool *from_server)
{
    scep_stream *stream = waiting > 0 ? find_stream(pinfo) : NULL; /* most files have none: spare them the look-up */

    *from_server =
        stream && pinfo->srcport == stream->server_port && addresses_equal(&pinfo->src, &stream->server);
    return stream && wmem_list_count(stream->waiting) > 0;
}

bool
scep_exchange_has_waiting(void)
{
    return waiting > 0;
}

wmem_array_t *
scep_exchange_records(packet_info *pinfo)
{
    return p_get_proto_data(wmem_file_scope(), pinfo, proto_scep, 0);
}

static scep_record *
new_record(packet_info *pinfo, bool is_response)
{
    wmem_array_t *records = scep_exchange_records(pinfo);
    scep_record  *record = wmem_new0(wmem_file_scope(), scep_record);

    if (!records) {
        records = wmem_array_new(wmem_file_scope(), sizeof(scep_record *));
        p_add_proto_data(wmem_file_scope(), pinfo, proto_scep, 0, records);
    }
    wmem_array_append_one(records, record);
    record->frame = pinfo->num;
    record->time = pinfo->abs_ts;
    record->is_response = is_response;
    record->operation = SCEP_OPERATION_OTHER;
    return record;
}

static void
set_key_id(scep_record *record, const uint8_t *key_id)
{
    memcpy(record->key_id, key_id, sizeof record->key_id);
    record->has_key_id = true;
}

/* Reads the pkiMessage of `record` and remembers its signer, to know whose key opens the answer. */
static bool
read_message(packet_info *pinfo, scep_record *record, ber_slice data, scep_parts *parts)
{
    scep_message message;

    if (!scep_message_read(wmem_file_scope(), pinfo->pool, data, &message, parts))
        return false;
    record->message = wmem_memdup(wmem_file_scope(), &message, sizeof message);
    for (unsigned i = 0; i < wmem_array_get_count(parts->certificates); i++) {
        scep_certificate *certificate =
            scep_certificate_read(pinfo->pool, *(ber_slice *)wmem_array_index(parts->certificates, i));

        if (!certificate)
            continue;
        add_holder(pinfo->pool, certificate, false);
        /* RFC 8894 2.3: who has no certificate yet signs with one that he made himself for his new key. */
        if (!record->is_response && message.signer_issuer &&
            strcmp(certificate->subject, certificate->issuer) == 0 &&
            scep_certificate_is(certificate, message.signer_issuer, message.signer_serial))
            set_key_id(record, certificate->key_id);
    }
    return true;
}

static void
open_envelope(packet_info *pinfo, scep_record *record, const scep_parts *parts, const GPtrArray *keys)
{
    const scep_message *message = record->message;
    scep_holder        *holder;
    ber_slice           opened;

    if (message->content != SCEP_CONTENT_ENVELOPED || keys->len == 0)
        return;
    holder = find_holder(pinfo->pool, message->recipient_issuer, message->recipient_serial);
    record->opened =
        scep_envelope_open(wmem_file_scope(), keys, holder ? holder->key_id : NULL, message, parts);
    opened.data = record->opened.data;
    opened.length = record->opened.length;
    if (opened.length == 0)
        return;
    if (record->is_response)
        record->certificates = scep_certificates_read(wmem_file_scope(), opened);
    else /* whatever the messageType: what polls and GetCert carry does not read as a PKCS #10 */
        record->request = scep_request_read(wmem_file_scope(), opened);
    if (record->request)
        set_key_id(record, record->request->key_id);
}

/* Notes a request in its transaction. */
static void
join_transaction(scep_record *record)
{
    const scep_message *message = record->message;

    if (message->transaction_id) {
        scep_transaction *transaction = wmem_map_lookup(transactions, message->transaction_id);

        if (!transaction) {
            transaction = wmem_new0(wmem_file_scope(), scep_transaction);
            wmem_map_insert(transactions, message->transaction_id, transaction);
        }
        /* A poll continues what its PKCSReq began; any other request begins anew, even under an old name. */
        if (!transaction->first || message->message_type != SCEP_CERT_POLL)
            transaction->first = record;
        else
            record->first_frame = transaction->first->frame;
        transaction->last = record;
    }
    if (message->sender_nonce.length > 0)
        wmem_map_insert(nonces, hex(wmem_file_scope(), message->sender_nonce), record);
}

scep_record *
scep_exchange_add_request(packet_info *pinfo, const scep_query *query, bool is_post, ber_slice data,
                          const GPtrArray *keys)
{
    scep_record *record = new_record(pinfo, false);
    scep_stream *stream = get_stream(pinfo, true);
    scep_parts   parts;
    bool         has_message;

    record->is_post = is_post;
    record->has_body = data.length > 0;
    record->operation = query ? query->operation : SCEP_PKI_OPERATION;
    record->operation_name = query ? wmem_strdup(wmem_file_scope(), query->name) : "PKIOperation";
    if (query && query->message && record->operation != SCEP_PKI_OPERATION)
        record->message_parameter = wmem_strdup(wmem_file_scope(), query->message);
    if (!is_post && data.length > 0)
        record->get_message = scep_octets_copy(wmem_file_scope(), data.data, data.length);
    if (stream) {
        wmem_list_append(stream->waiting, record);
        waiting++;
        record->authority = stream->authority;
    }
    has_message = record->operation == SCEP_PKI_OPERATION && read_message(pinfo, record, data, &parts);
    if (has_message) {
        open_envelope(pinfo, record, &parts, keys);
        join_transaction(record);
    }
    scep_checks_run(pinfo->pool, record, has_message ? &parts : NULL);
    return record;
}

/* True when `request` is what `message` answers. */
static bool
is_answer_to(const scep_record *request, const scep_message *message)
{
    return request->message && message->recipient_nonce.length > 0 &&
           scep_octets_equal(request->message->sender_nonce, message->recipient_nonce);
}

scep_record *
scep_exchange_find_request(packet_info *pinfo, uint32_t request_frame, const scep_message *message,
                           scep_operation operation)
{
    scep_stream      *stream = find_stream(pinfo);
    scep_record      *in_order = NULL, *request;
    scep_transaction *transaction;

    if (stream) {
        for (wmem_list_frame_t *item = wmem_list_head(stream->waiting); item; item = wmem_list_frame_next(item)) {
            request = wmem_list_frame_data(item);
            if (message && is_answer_to(request, message))
                return request;
            if (!in_order && (request_frame == 0 || request_frame == request->frame) &&
                (operation == SCEP_OPERATION_OTHER || operation == request->operation))
                in_order = request;
        }
    }
    if (in_order || !message)
        return in_order;
    /* An answer whose request was not seen on its own connection. */
    request = message->recipient_nonce.length > 0
                  ? wmem_map_lookup(nonces, hex(pinfo->pool, message->recipient_nonce))
                  : NULL;
    if (request && !request->is_answered)
        return request;
    transaction = message->transaction_id ? wmem_map_lookup(transactions, message->transaction_id) : NULL;
    return transaction && !transaction->last->is_answered ? transaction->last : NULL;
}

/* Keeps what an answer says of its server. The same answer again takes no memory. */
static void
learn_authority(packet_info *pinfo, scep_record *record, ber_slice data)
{
    scep_authority *authority = record->authority;
    wmem_array_t   *certificates = scep_certificates_read(pinfo->pool, data);
    wmem_array_t   *known = authority ? authority->certificates : NULL;
    unsigned        count = wmem_array_get_count(certificates);
    bool            same = known && wmem_array_get_count(known) == count;

    for (unsigned i = 0; i < count && same; i++) {
        const scep_certificate *a = *(scep_certificate **)wmem_array_index(certificates, i);
        const scep_certificate *b = *(scep_certificate **)wmem_array_index(known, i);

        same = memcmp(a->thumbprint, b->thumbprint, sizeof a->thumbprint) == 0;
    }
    record->certificates = same ? known : scep_certificates_read(wmem_file_scope(), data);
    if (same || count == 0)
        return;
    for (unsigned i = 0; i < count; i++)
        add_holder(pinfo->pool, *(scep_certificate **)wmem_array_index(record->certificates, i), true);
    if (authority && record->operation == SCEP_GET_CA_CERT)
        authority->certificates = record->certificates;
}

static void
learn_capabilities(scep_record *record, ber_slice data)
{
    char       **parsed = scep_capabilities_parse(data.data, data.length);
    guint        count = g_strv_length(parsed);
    const char **kept = wmem_alloc0_array(wmem_file_scope(), const char *, count + 1);

    for (guint i = 0; i < count; i++)
        kept[i] = wmem_strdup(wmem_file_scope(), parsed[i]);
    g_strfreev(parsed);
    record->capabilities = kept;
    if (record->authority)
        record->authority->capabilities = (char **)kept;
}

static void
stop_waiting(scep_stream *stream, scep_record *request)
{
    wmem_list_frame_t *item = stream ? wmem_list_find(stream->waiting, request) : NULL;

    if (item) {
        wmem_list_remove_frame(stream->waiting, item);
        waiting--;
    }
}

scep_record *
scep_exchange_add_response(packet_info *pinfo, scep_record *request, scep_operation operation, unsigned http_status,
                           ber_slice data, const GPtrArray *keys)
{
    scep_record *record = new_record(pinfo, true);
    scep_stream *stream = get_stream(pinfo, false);
    scep_parts   parts;
    bool         has_message = false, failed = http_status >= 300;

    record->http_status = http_status;
    record->has_body = data.length > 0;
    record->operation = request ? request->operation : operation;
    record->authority = stream ? stream->authority : NULL;
    if (request) {
        record->operation_name = request->operation_name;
        record->first_frame = request->first_frame;
        record->peer = request;
        request->peer = record;
        request->is_answered = true;
        stop_waiting(stream, request);
    } else if (operation == SCEP_PKI_OPERATION) {
        record->operation_name = "PKIOperation";
    } else if (operation == SCEP_GET_CA_CERT) {
        record->operation_name = "GetCACert";
    } else if (operation == SCEP_GET_NEXT_CA_CERT) {
        record->operation_name = "GetNextCACert";
    }
    if (data.length > 0 && !failed) {
        switch (record->operation) {
        case SCEP_GET_CA_CAPS:
            learn_capabilities(record, data);
            break;
        case SCEP_GET_CA_CERT:
        case SCEP_GET_NEXT_CA_CERT:
            learn_authority(pinfo, record, data);
            break;
        default:
            has_message = read_message(pinfo, record, data, &parts);
            if (has_message)
                open_envelope(pinfo, record, &parts, keys);
            break;
        }
    }
    scep_checks_run(pinfo->pool, record, has_message ? &parts : NULL);
    return record;
}
