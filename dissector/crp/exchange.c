/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Calls of a registration point and their answers.
 */
#include "exchange.h"

#include <string.h>

#include "../compat.h"

static int      proto_crp = -1;
/* Of the file. Most have neither: they are spared the look-up. */
static bool     has_records;
static unsigned waiting; /* calls without their answer, in all conversations */

static void
forget_file(void)
{
    has_records = false;
    waiting = 0;
}

void
crp_exchange_init(int proto)
{
    proto_crp = proto;
    register_init_routine(forget_file);
}

wmem_array_t *
crp_exchange_records(packet_info *pinfo)
{
    return has_records ? p_get_proto_data(wmem_file_scope(), pinfo, proto_crp, 0) : NULL;
}

/* The calls of this frame's conversation that wait for their answers, oldest first; NULL when there never was one. */
static wmem_list_t *
waiting_list(packet_info *pinfo, bool make)
{
    conversation_t *conversation = compat_tcp_conversation(pinfo);
    wmem_list_t    *list = conversation ? conversation_get_proto_data(conversation, proto_crp) : NULL;

    if (conversation && !list && make) {
        list = wmem_list_new(wmem_file_scope());
        conversation_add_proto_data(conversation, proto_crp, list);
    }
    return list;
}

/* Takes what the body says, and reads what it holds. */
static void
read_body(crp_record *record, const uint8_t *data, size_t length)
{
    crp_body_read(wmem_file_scope(), data, length, record->is_response, &record->body);
    for (unsigned i = 0; i < wmem_array_get_count(record->body.items); i++) {
        const crp_item *item = wmem_array_index(record->body.items, i);
        ber_slice       der = { item->octets, item->octets_length };

        if (item->kind == CRP_ITEM_REQUEST && !record->request) {
            record->request = scep_request_read(wmem_file_scope(), der);
        } else if (item->kind == CRP_ITEM_CERTIFICATE) {
            scep_certificate *certificate = scep_certificate_read(wmem_file_scope(), der);

            if (!record->certificates)
                record->certificates = wmem_array_new(wmem_file_scope(), sizeof certificate);
            if (certificate)
                wmem_array_append_one(record->certificates, certificate);
        }
    }
}

static crp_record *
new_record(packet_info *pinfo, const crp_target *target, bool is_response, const uint8_t *data, size_t length)
{
    wmem_array_t *records = crp_exchange_records(pinfo);
    crp_record   *record = wmem_new0(wmem_file_scope(), crp_record);

    if (!records) {
        records = wmem_array_new(wmem_file_scope(), sizeof(crp_record *));
        p_add_proto_data(wmem_file_scope(), pinfo, proto_crp, 0, records);
    }
    has_records = true;
    wmem_array_append_one(records, record);
    record->frame = pinfo->num;
    record->time = pinfo->abs_ts;
    record->is_response = is_response;
    record->target = *target;
    read_body(record, data, length);
    return record;
}

crp_record *
crp_exchange_add_call(packet_info *pinfo, const crp_target *target, const char *user_agent, const uint8_t *data,
                      size_t length)
{
    crp_record  *record = new_record(pinfo, target, false, data, length);
    wmem_list_t *list = waiting_list(pinfo, true);

    record->user_agent = user_agent ? wmem_strdup(wmem_file_scope(), user_agent) : NULL;
    if (list) {
        wmem_list_append(list, record);
        waiting++;
    }
    return record;
}

crp_record *
crp_exchange_waiting(packet_info *pinfo, uint32_t frame)
{
    wmem_list_t *list = waiting > 0 ? waiting_list(pinfo, false) : NULL;

    for (wmem_list_frame_t *item = list ? wmem_list_head(list) : NULL; item; item = wmem_list_frame_next(item)) {
        crp_record *record = wmem_list_frame_data(item);

        if (frame == 0 || record->frame == frame)
            return record;
    }
    return NULL;
}

crp_record *
crp_exchange_add_answer(packet_info *pinfo, crp_record *call, unsigned http_status, const uint8_t *data, size_t length)
{
    crp_record  *record = new_record(pinfo, &call->target, true, data, length);
    wmem_list_t *list = waiting_list(pinfo, false);

    record->http_status = http_status;
    record->peer = call;
    call->peer = record;
    if (list) {
        wmem_list_remove(list, call);
        waiting--;
    }
    return record;
}

int
crp_record_verified(const crp_record *answer)
{
    if (!answer->is_response || crp_is_notification(answer->target.call) || answer->http_status >= 300)
        return -1;
    return answer->body.verified;
}

const char *
crp_record_value(const crp_record *record, crp_item_kind kind)
{
    const crp_item *item = crp_body_item(&record->body, kind);

    return item ? item->value : NULL;
}

bool
crp_record_tells_failure(const crp_record *call)
{
    const char *disposition = crp_record_value(call, CRP_ITEM_DISPOSITION);
    char       *lower = disposition ? g_ascii_strdown(disposition, -1) : NULL;
    /* X509SCEPDisposition: 2 is a failure. */
    bool tells = call->target.call == CRP_FAILURE_NOTIFICATION ||
                 (lower && (strstr(lower, "fail") || strcmp(lower, "2") == 0));

    g_free(lower);
    return tells;
}
