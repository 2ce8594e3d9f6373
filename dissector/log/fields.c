/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The fields of log records. W3C extended log fields of IIS ("W3C Logging", Microsoft), of HTTP.sys (KB820729); the
 * attributes of CMTrace's lines and of .NET's E2ETraceEvent.
 */
#include "fields.h"

#include <epan/wmem_scopes.h>

#include "../compat.h"
#include "names.h"
#include "request.h"

#define NANOSECONDS 1000000000

typedef enum {
    TEXT,
    NUMBER,       /* of 32 bits */
    LARGE_NUMBER, /* of 64 bits */
    CODE,         /* Win32 error or HRESULT */
    MILLISECONDS,
    TIME,         /* that of the record */
} column_kind;

static const struct {
    enum ftenum type;
    int         display;
} kinds[] = {
    [TEXT] = { FT_STRING, BASE_NONE },
    [NUMBER] = { FT_UINT32, BASE_DEC },
    [LARGE_NUMBER] = { FT_UINT64, BASE_DEC },
    [CODE] = { FT_UINT32, BASE_DEC | BASE_SPECIAL_VALS },
    [MILLISECONDS] = { FT_RELATIVE_TIME, BASE_NONE },
    [TIME] = { FT_ABSOLUTE_TIME, ABSOLUTE_TIME_UTC },
};

typedef struct {
    const char         *name;   /* in the log */
    const char         *filter; /* behind the protocol's name */
    const char         *title;
    column_kind         kind;
    const value_string *values;
    const char         *blurb;
    int                 hf;
} column_field;

static column_field iis_columns[] = {
    { "date", "date", "Date", TEXT, NULL, "UTC", -1 },
    { "time", "time", "Time", TEXT, NULL, "UTC, when the request ended", -1 },
    { "s-sitename", "s_sitename", "Site", TEXT, NULL, "Name of the site's instance", -1 },
    { "s-computername", "s_computername", "Computer", TEXT, NULL, "The server's name", -1 },
    { "s-ip", "s_ip", "Server address", TEXT, NULL, NULL, -1 },
    { "cs-method", "cs_method", "Method", TEXT, NULL, NULL, -1 },
    { "cs-uri-stem", "cs_uri_stem", "Path", TEXT, NULL, NULL, -1 },
    { "cs-uri-query", "cs_uri_query", "Query", TEXT, NULL, "\"...\" stands for one longer than 4096 octets", -1 },
    { "s-port", "s_port", "Server port", NUMBER, NULL, NULL, -1 },
    { "cs-username", "cs_username", "User", TEXT, NULL, "Who authenticated", -1 },
    { "c-ip", "c_ip", "Client address", TEXT, NULL, "The proxy's, where there is one", -1 },
    { "cs-version", "cs_version", "Version", TEXT, NULL, "Of HTTP", -1 },
    { "cs(User-Agent)", "cs_user_agent", "User agent", TEXT, NULL, "Blanks are written as +", -1 },
    { "cs(Cookie)", "cs_cookie", "Cookie", TEXT, NULL, NULL, -1 },
    { "cs(Referer)", "cs_referer", "Referrer", TEXT, NULL, NULL, -1 },
    { "cs-host", "cs_host", "Host", TEXT, NULL, NULL, -1 },
    { "sc-status", "sc_status", "Status", NUMBER, NULL, "Of HTTP", -1 },
    { "sc-substatus", "sc_substatus", "Substatus", NUMBER, NULL, "IIS's", -1 },
    { "sc-win32-status", "sc_win32_status", "Win32 status", CODE, NULL, NULL, -1 },
    { "sc-bytes", "sc_bytes", "Octets sent", LARGE_NUMBER, NULL, "By the server", -1 },
    { "cs-bytes", "cs_bytes", "Octets received", LARGE_NUMBER, NULL, "By the server", -1 },
    { "time-taken", "time_taken", "Time taken", MILLISECONDS, NULL, NULL, -1 },
};

static column_field httperr_columns[] = {
    { "date", "date", "Date", TEXT, NULL, "UTC", -1 },
    { "time", "time", "Time", TEXT, NULL, "UTC", -1 },
    { "c-ip", "c_ip", "Client address", TEXT, NULL, NULL, -1 },
    { "c-port", "c_port", "Client port", NUMBER, NULL, NULL, -1 },
    { "s-ip", "s_ip", "Server address", TEXT, NULL, NULL, -1 },
    { "s-port", "s_port", "Server port", NUMBER, NULL, NULL, -1 },
    { "cs-version", "cs_version", "Version", TEXT, NULL, "Of HTTP", -1 },
    { "cs-method", "cs_method", "Method", TEXT, NULL, NULL, -1 },
    { "cs-uri", "cs_uri", "URI", TEXT, NULL, "Path and query, cut at 4096 octets", -1 },
    { "streamid", "streamid", "Stream", LARGE_NUMBER, NULL, "Of HTTP/2", -1 },
    { "streamid_ex", "streamid_ex", "Stream", LARGE_NUMBER, NULL, "Of HTTP/3", -1 },
    { "sc-status", "sc_status", "Status", NUMBER, NULL, "Of HTTP", -1 },
    { "s-siteid", "s_siteid", "Site", NUMBER, NULL, "Its number", -1 },
    { "s-reason", "s_reason", "Reason", TEXT, NULL, NULL, -1 },
    { "s-queuename", "s_queuename", "Queue", TEXT, NULL, "Of the application pool", -1 },
    { "transport", "transport", "Transport", TEXT, NULL, NULL, -1 },
};

static column_field cmtrace_columns[] = {
    { "message", "message", "Message", TEXT, NULL, NULL, -1 },
    { "time", "time", "Time", TEXT, NULL, "Local, with the bias to UTC in minutes where it is known", -1 },
    { "date", "date", "Date", TEXT, NULL, "Month, day, year", -1 },
    { "component", "component", "Component", TEXT, NULL, "Who writes", -1 },
    { "context", "context", "Context", TEXT, NULL, NULL, -1 },
    { "type", "type", "Type", NUMBER, log_message_types, NULL, -1 },
    { "thread", "thread", "Thread", NUMBER, NULL, NULL, -1 },
    { "file", "file", "File", TEXT, NULL, "And line of the program", -1 },
};

static column_field svclog_columns[] = {
    { "message", "message", "Message", TEXT, NULL, NULL, -1 },
    { "EventID", "event_id", "Event ID", NUMBER, NULL, NULL, -1 },
    { "Type", "type", "Type", NUMBER, NULL, NULL, -1 },
    { "SubType", "subtype", "Subtype", TEXT, NULL, "What kind of trace it is", -1 },
    { "Level", "level", "Level", NUMBER, log_trace_types, NULL, -1 },
    { "TimeCreated", "time_created", "Created", TIME, NULL, NULL, -1 },
    { "Source", "source", "Source", TEXT, NULL, "Who writes", -1 },
    { "ActivityID", "activity_id", "Activity", TEXT, NULL, "GUID", -1 },
    { "ProcessName", "process_name", "Process", TEXT, NULL, NULL, -1 },
    { "ProcessID", "process_id", "Process ID", NUMBER, NULL, NULL, -1 },
    { "ThreadID", "thread_id", "Thread", NUMBER, NULL, NULL, -1 },
    { "Channel", "channel", "Channel", TEXT, NULL, NULL, -1 },
    { "Computer", "computer", "Computer", TEXT, NULL, "The server's name", -1 },
};

static const struct {
    column_field *fields;
    size_t        count;
} columns[LOGFILE_FORMATS] = {
    [LOGFILE_IIS] = { iis_columns, G_N_ELEMENTS(iis_columns) },
    [LOGFILE_HTTPERR] = { httperr_columns, G_N_ELEMENTS(httperr_columns) },
    [LOGFILE_CMTRACE] = { cmtrace_columns, G_N_ELEMENTS(cmtrace_columns) },
    [LOGFILE_SVCLOG] = { svclog_columns, G_N_ELEMENTS(svclog_columns) },
};

/* Which formats have a fact. */
#define OF_IIS      (1u << LOGFILE_IIS)
#define OF_HTTPERR  (1u << LOGFILE_HTTPERR)
#define OF_REQUESTS (OF_IIS | OF_HTTPERR)
#define OF_MESSAGES (1u << LOGFILE_CMTRACE | 1u << LOGFILE_SVCLOG)
#define OF_ALL      (OF_REQUESTS | OF_MESSAGES)

static const struct {
    unsigned    formats;
    const char *filter, *title;
    enum ftenum type;
    int         display;
    const char *blurb;
} facts[LOG_FACTS] = {
    [LOG_LINE] = { OF_ALL, "line", "Line", FT_UINT32, BASE_DEC, "On which the record begins in its file" },
    [LOG_ERROR] = { OF_ALL, "error", "Error", FT_STRING, BASE_NONE, "Why the record cannot be understood" },
    [LOG_RECORD] = { OF_ALL, "record", "Record", FT_STRING, BASE_NONE, "As it stands in the file" },
    [LOG_FIELDS] = { OF_REQUESTS, "fields", "Columns", FT_STRING, BASE_NONE, "The #Fields directive in force" },
    [LOG_COLUMN] = { OF_ALL, "column", "Column", FT_STRING, BASE_NONE, "Another one, with its value" },
    [LOG_START] = { OF_IIS, "start", "Began", FT_ABSOLUTE_TIME, ABSOLUTE_TIME_UTC,
                    "When the request came: its end, a whole second, less the time taken; up to a second later" },
    [LOG_STATUS_MEANING] = { OF_REQUESTS, "status_meaning", "Meaning of the status", FT_STRING, BASE_NONE, NULL },
    [LOG_REASON_MEANING] = { OF_HTTPERR, "reason_meaning", "Meaning of the reason", FT_STRING, BASE_NONE, NULL },
    [LOG_QUERY_CUT] = { OF_REQUESTS, "query_cut", "Query cut", FT_BOOLEAN, BASE_NONE,
                        "It was longer than the 4096 octets that are logged" },
    [LOG_SCEP_OPERATION] = { OF_REQUESTS, "scep.operation", "SCEP operation", FT_STRING, BASE_NONE, "What was asked" },
    [LOG_SCEP_MESSAGE] = { OF_REQUESTS, "scep.message", "SCEP message", FT_STRING, BASE_NONE,
                           "The message parameter of a Get… operation" },
    [LOG_SCEP_TRANSACTION_ID] = { OF_REQUESTS, "scep.transaction_id", "SCEP transaction ID", FT_STRING, BASE_NONE,
                                  NULL },
    [LOG_CRP_CALL] = { OF_REQUESTS, "crp.call", "Call", FT_STRING, BASE_NONE, "Of a registration point" },
    [LOG_CRP_PRODUCT] = { OF_REQUESTS, "crp.product", "Product", FT_STRING, BASE_NONE,
                          "Whose registration point it is" },
    [LOG_EVENT] = { OF_MESSAGES, "event", "Event", FT_STRING, BASE_NONE, "What the message tells" },
    [LOG_STATUS] = { OF_MESSAGES, "status", "Status", FT_BOOLEAN, BASE_NONE, "What the message says of its success" },
    [LOG_CODE] = { OF_MESSAGES, "code", "Code", FT_UINT32, BASE_HEX | BASE_SPECIAL_VALS, "Win32 error or HRESULT" },
    [LOG_DEVICE] = { OF_MESSAGES, "device", "Device", FT_STRING, BASE_NONE, "GUID" },
    [LOG_USER] = { OF_MESSAGES, "user", "User", FT_STRING, BASE_NONE, "GUID" },
    [LOG_HTTP_TITLE] = { OF_MESSAGES, "http_title", "Title of the page", FT_STRING, BASE_NONE,
                         "Of HTML, where an answer should be" },
};

static int fact_fields[LOGFILE_FORMATS][LOG_FACTS];

int
log_field(logfile_format format, log_fact fact)
{
    return fact_fields[format][fact];
}

nstime_t
log_time(int64_t nanoseconds)
{
    nstime_t time = { (time_t)(nanoseconds / NANOSECONDS), (int)(nanoseconds % NANOSECONDS) };

    if (time.nsecs < 0) {
        time.secs--;
        time.nsecs += NANOSECONDS;
    }
    return time;
}

/* The field of a column, or NULL. */
static const column_field *
field_of(logfile_format format, const char *name)
{
    for (size_t i = 0; i < columns[format].count; i++) {
        if (g_ascii_strcasecmp(columns[format].fields[i].name, name) == 0)
            return &columns[format].fields[i];
    }
    return NULL;
}

int
log_column_field(logfile_format format, const char *name)
{
    const column_field *field = field_of(format, name);

    return field ? field->hf : -1;
}

/* True when a column's value is what its field has; `number` is the value of those that are numbers. */
static bool
is_of_kind(const column_field *field, const logfile_column *column, const logfile_parsed *parsed, uint64_t *number)
{
    switch (field->kind) {
    case NUMBER:
    case CODE:
    case MILLISECONDS: return log_read_number(column->value, UINT32_MAX, number);
    case LARGE_NUMBER: return log_read_number(column->value, UINT64_MAX, number);
    case TIME: return parsed->has_time;
    default: return true;
    }
}

static proto_item *
add_value(proto_tree *tree, tvbuff_t *tvb, const column_field *field, const logfile_column *column,
          const logfile_parsed *parsed, uint64_t number)
{
    int         offset = (int)column->offset, length = (int)column->length;
    nstime_t    time;
    proto_item *item;

    switch (field->kind) {
    case NUMBER:
    case CODE:
        return proto_tree_add_uint(tree, field->hf, tvb, offset, length, (uint32_t)number);
    case LARGE_NUMBER:
        return proto_tree_add_uint64(tree, field->hf, tvb, offset, length, number);
    case MILLISECONDS:
        time = log_time((int64_t)number * (NANOSECONDS / 1000));
        return proto_tree_add_time(tree, field->hf, tvb, offset, length, &time);
    case TIME:
        time = log_time(parsed->time);
        item = proto_tree_add_time(tree, field->hf, tvb, offset, length, &time);
        if (!parsed->is_utc)
            proto_item_append_text(item, " if the server's clock is on UTC, which the log does not say");
        return item;
    default:
        return proto_tree_add_string(tree, field->hf, tvb, offset, length, column->value);
    }
}

const char *
log_fields_add_columns(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const logfile_parsed *parsed)
{
    const char *problem = NULL;

    for (guint i = 0; i < parsed->columns->len; i++) {
        const logfile_column *column = &g_array_index(parsed->columns, logfile_column, i);
        const column_field   *field = field_of(parsed->format, column->name);
        uint64_t              number = 0;
        proto_item           *item;

        if (!column->value)
            continue;
        if (field && is_of_kind(field, column, parsed, &number)) {
            item = add_value(tree, tvb, field, column, parsed, number);
        } else {
            const char *text = wmem_strdup_printf(pinfo->pool, "%s: %s", column->name, column->value);

            item = proto_tree_add_string(tree, log_field(parsed->format, LOG_COLUMN), tvb, (int)column->offset,
                                         (int)column->length, text);
            if (field && !problem)
                problem = wmem_strdup_printf(pinfo->pool, "%s is not what it should be", field->name);
        }
        if (column->length == 0 && *column->value)
            proto_item_set_generated(item);
    }
    return problem;
}

/* --- registration --- */

static header_field_info
info_of(logfile_format format, const char *title, const char *filter, enum ftenum type, int display,
        const value_string *values, const char *blurb)
{
    const char       *name = wmem_strdup_printf(wmem_epan_scope(), "%s.%s", logfile_format_name(format), filter);
    header_field_info info = { title, name, type, display, VALS(values), 0, blurb, HFILL };

    return info;
}

void
log_fields_register(logfile_format format, int proto)
{
    hf_register_info *infos = wmem_alloc_array(wmem_epan_scope(), hf_register_info, columns[format].count + LOG_FACTS);
    int               count = 0;

    for (size_t i = 0; i < columns[format].count; i++) {
        column_field *field = &columns[format].fields[i];

        infos[count++] = (hf_register_info){
            &field->hf,
            info_of(format, field->title, field->filter, kinds[field->kind].type, kinds[field->kind].display,
                    field->kind == CODE ? log_code_names() : field->values, field->blurb),
        };
    }
    for (log_fact fact = 0; fact < LOG_FACTS; fact++) {
        fact_fields[format][fact] = -1;
        if (!(facts[fact].formats & 1u << format))
            continue;
        infos[count++] = (hf_register_info){
            &fact_fields[format][fact],
            info_of(format, facts[fact].title, facts[fact].filter, facts[fact].type, facts[fact].display,
                    fact == LOG_CODE ? log_code_names() : NULL, facts[fact].blurb),
        };
    }
    proto_register_field_array(proto, infos, count);
}
