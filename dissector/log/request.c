/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a line of IIS or HTTP.sys tells of a request.
 */
#include "request.h"

#include <string.h>

#include "../crp/calls.h"
#include "../scep/message.h"
#include "../scep/query.h"

/* IIS writes this for a query longer than 4096 octets (KB2809913); HTTP.sys cuts path and query there (KB820729). */
#define CUT_QUERY       "..."
#define MAX_HTTPERR_URL 4096

bool
log_read_number(const char *text, uint64_t limit, uint64_t *number)
{
    return text && g_ascii_string_to_unsigned(text, 10, 0, limit, number, NULL);
}

static bool
read_number(const logfile_parsed *parsed, const char *column, uint32_t *number)
{
    guint64 value;

    if (!log_read_number(logfile_value(parsed, column), UINT32_MAX, &value))
        return false;
    *number = (uint32_t)value;
    return true;
}

/* Path and query, and both as they were sent. */
static const char *
read_target(wmem_allocator_t *scope, const logfile_parsed *parsed, log_request *request)
{
    const char *target, *mark;

    if (parsed->format == LOGFILE_IIS) {
        request->path = logfile_value(parsed, "cs-uri-stem");
        request->query = logfile_value(parsed, "cs-uri-query");
        request->is_cut = g_strcmp0(request->query, CUT_QUERY) == 0;
        target = request->path && request->query ? wmem_strdup_printf(scope, "%s?%s", request->path, request->query)
                                                 : request->path;
    } else {
        target = logfile_value(parsed, "cs-uri");
        mark = target ? strchr(target, '?') : NULL;
        request->path = mark ? wmem_strndup(scope, target, (gsize)(mark - target)) : target;
        request->query = mark ? mark + 1 : NULL;
        request->is_cut = mark && strlen(target) >= MAX_HTTPERR_URL;
    }
    if (target && !request->is_cut)
        request->target_length = (uint32_t)strlen(target);
    return target;
}

/* The transaction of the pkiMessage in a query. */
static const char *
transaction_of(wmem_allocator_t *scope, const char *raw)
{
    bool         whole;
    GByteArray  *octets = scep_query_decode_message(raw, &whole);
    scep_message message;
    scep_parts   parts;
    const char  *transaction = NULL;

    if (!octets)
        return NULL;
    if (scep_message_read(scope, scope, (ber_slice){ octets->data, octets->len }, &message, &parts))
        transaction = message.transaction_id;
    g_byte_array_unref(octets);
    return transaction;
}

static flow_step
step_of(scep_operation operation)
{
    switch (operation) {
    case SCEP_GET_CA_CAPS: return FLOW_GET_CA_CAPS;
    case SCEP_GET_CA_CERT: return FLOW_GET_CA_CERT;
    case SCEP_GET_NEXT_CA_CERT: return FLOW_GET_NEXT_CA_CERT;
    case SCEP_PKI_OPERATION: return FLOW_PKI_OPERATION;
    default: return FLOW_OTHER_REQUEST;
    }
}

/* What is asked of SCEP. Names that RFC 8894 does not know count only where SCEP is usually found. */
static void
read_operation(wmem_allocator_t *scope, const char *target, log_request *request)
{
    size_t     length = strlen(target);
    bool       is_usual = scep_query_path_is_usual(target, length);
    scep_query query;

    if (!scep_query_parse(target, length, &query)) {
        if (request->is_cut && is_usual) {
            request->step = FLOW_PKI_OPERATION;
            request->operation = "PKIOperation";
        }
        return;
    }
    if (query.operation != SCEP_OPERATION_OTHER || is_usual) {
        request->step = step_of(query.operation);
        request->operation = wmem_strdup(scope, query.name);
        if (query.raw && query.operation == SCEP_PKI_OPERATION)
            request->transaction_id = transaction_of(scope, query.raw);
        else if (query.raw)
            request->message = wmem_strdup(scope, query.message);
    }
    scep_query_clear(&query);
}

void
log_request_read(wmem_allocator_t *scope, const logfile_parsed *parsed, const char *crp_paths, log_request *request)
{
    const char *target;
    crp_target  call;
    uint32_t    duration;

    memset(request, 0, sizeof *request);
    request->method = logfile_value(parsed, "cs-method");
    request->is_post = request->method && g_ascii_strcasecmp(request->method, "POST") == 0;
    request->user_agent = logfile_value(parsed, "cs(User-Agent)");
    request->host = logfile_value(parsed, "cs-host");
    request->has_status = read_number(parsed, "sc-status", &request->status);
    request->has_win32_status = read_number(parsed, "sc-win32-status", &request->win32_status);
    read_number(parsed, "sc-substatus", &request->substatus);
    request->duration = read_number(parsed, "time-taken", &duration) ? (int64_t)duration : -1;
    request->reason = logfile_value(parsed, "s-reason");
    target = read_target(scope, parsed, request);
    if (!target)
        return;
    if (crp_target_read(target, crp_paths, request->user_agent, &call)) {
        request->step = crp_is_notification(call.call) ? FLOW_NOTIFY : FLOW_VERIFY_REQUEST;
        request->call = call.name;
        request->product = call.product;
    } else {
        read_operation(scope, target, request);
    }
}
