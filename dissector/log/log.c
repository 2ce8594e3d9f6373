/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dissectors of log records: what each says in fields and in a sentence, and, on its first visit, as evidence for
 * the flow.
 */
#include "log.h"

#include <string.h>

#include <epan/expert.h>
#include <epan/wmem_scopes.h>

#include "../compat.h"
#include "../crp/body.h"
#include "../crp/crp.h"
#include "../flow/logs.h"
#include "../transport/flow_track.h"
#include "fields.h"
#include "names.h"
#include "sentence.h"

#define LINE_DIRECTIVE   "#Line: "
#define DATE_DIRECTIVE   "#Date: "
#define FIELDS_DIRECTIVE "#Fields: "
#define ERROR_DIRECTIVE  "#Error: "

/* In the Protocol column, where the record does not tell who wrote it. */
static const char *const short_names[LOGFILE_FORMATS] = {
    [LOGFILE_IIS] = "IIS",
    [LOGFILE_HTTPERR] = "HTTPERR",
    [LOGFILE_CMTRACE] = "CMTrace",
    [LOGFILE_SVCLOG] = "svclog",
};

static int          protocols[LOGFILE_FORMATS];
static int          ett_log = -1;
static expert_field ei_malformed[LOGFILE_FORMATS];
static expert_field ei_failure[LOGFILE_FORMATS];
static expert_field ei_warning[LOGFILE_FORMATS];

/* A record on one visit of its packet. */
typedef struct {
    logfile_format        format;
    const logfile_parsed *parsed;
    const char           *text;      /* the whole payload, `length` octets */
    size_t                length;
    const char           *problem;   /* why it cannot be understood wholly; NULL */
    log_request           request;   /* of IIS and HTTP.sys */
    log_message           message;   /* of the others */
    const char           *said;      /* the message itself; NULL when there is none */
    int                   level;     /* as in flow_log_line */
    const char           *component; /* who wrote the message; NULL when it does not say */
    const char           *sentence;
} log_record;

static bool
is_request_log(logfile_format format)
{
    return format == LOGFILE_IIS || format == LOGFILE_HTTPERR;
}

/* --- reading --- */

static int
level_of(const logfile_parsed *parsed)
{
    /* Of .NET's types: critical and error, warning, and what is only told. */
    static const int levels[] = { [1] = 3, [2] = 3, [4] = 2 };
    uint64_t         number;

    if (parsed->format == LOGFILE_CMTRACE)
        return log_read_number(logfile_value(parsed, "type"), 3, &number) ? (int)number : 0;
    if (!log_read_number(logfile_value(parsed, "Level"), UINT32_MAX, &number) || number == 0)
        return 0;
    return number < G_N_ELEMENTS(levels) && levels[number] ? levels[number] : 1;
}

/* A column's value, or NULL when it is empty. */
static const char *
text_of(const logfile_parsed *parsed, const char *column)
{
    const char *value = logfile_value(parsed, column);

    return value && *value ? value : NULL;
}

static void
read_record(packet_info *pinfo, log_record *record)
{
    const logfile_parsed *parsed = record->parsed;

    if (is_request_log(record->format)) {
        log_request_read(pinfo->pool, parsed, crp_paths(), &record->request);
        record->sentence = log_request_sentence(pinfo->pool, record->format, &record->request);
    } else {
        record->said = text_of(parsed, "message");
        record->level = level_of(parsed);
        record->component = text_of(parsed, record->format == LOGFILE_CMTRACE ? "component" : "Source");
        if (record->said) {
            log_message_read(pinfo->pool, record->said, &record->message);
            record->sentence = log_message_sentence(pinfo->pool, record->said, &record->message, record->level);
        }
    }
    record->problem = parsed->error;
}

/* --- showing --- */

static proto_item *
add_generated(proto_item *item)
{
    proto_item_set_generated(item);
    return item;
}

static void
add_fact(proto_tree *tree, tvbuff_t *tvb, logfile_format format, log_fact fact, const char *value)
{
    if (value)
        add_generated(proto_tree_add_string(tree, log_field(format, fact), tvb, 0, 0, value));
}

/* Where the value of a directive stands before the record; false when it is not there. */
static bool
find_directive(const log_record *record, const char *directive, int *offset, int *length)
{
    size_t width = strlen(directive);

    for (size_t at = 0; at < record->parsed->body_offset && at < record->length;) {
        const char *line = record->text + at;
        const char *feed = memchr(line, '\n', record->length - at);
        size_t      size = feed ? (size_t)(feed - line) : record->length - at;

        if (size > width && memcmp(line, directive, width) == 0) {
            *offset = (int)(at + width);
            *length = (int)(size - width);
            return true;
        }
        at += size + 1;
    }
    return false;
}

/* What comes before the record: its line, and for W3C logs the columns, and the day when they do not tell it. */
static void
add_head(proto_tree *tree, tvbuff_t *tvb, const log_record *record)
{
    int offset, length;

    if (record->parsed->line && find_directive(record, LINE_DIRECTIVE, &offset, &length))
        proto_tree_add_uint(tree, log_field(record->format, LOG_LINE), tvb, offset, length, record->parsed->line);
    if (!is_request_log(record->format))
        return;
    if (find_directive(record, FIELDS_DIRECTIVE, &offset, &length))
        proto_tree_add_item(tree, log_field(record->format, LOG_FIELDS), tvb, offset, length, ENC_UTF_8);
    if (find_directive(record, DATE_DIRECTIVE, &offset, &length))
        proto_tree_add_item(tree, log_column_field(record->format, "date"), tvb, offset, length, ENC_UTF_8);
}

/* What is wrong with the record, and the record, which then may say more than was understood. */
static void
add_problem(proto_item *top, proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const log_record *record)
{
    const logfile_parsed *parsed = record->parsed;
    int                   offset = 0, length = 0;
    proto_item           *item;

    if (!record->problem)
        return;
    find_directive(record, ERROR_DIRECTIVE, &offset, &length);
    item = proto_tree_add_string(tree, log_field(record->format, LOG_ERROR), tvb, offset, length, record->problem);
    if (length == 0)
        proto_item_set_generated(item);
    if (parsed->body_length > 0)
        proto_tree_add_item(tree, log_field(record->format, LOG_RECORD), tvb, (int)parsed->body_offset,
                            (int)parsed->body_length, ENC_UTF_8);
    expert_add_info_format(pinfo, top, &ei_malformed[record->format], "The record cannot be understood wholly: %s",
                           record->problem);
}

/* When the request began. The packet has the time of its end, on whatever clock the file was put. */
static void
add_start(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const log_record *record)
{
    nstime_t start, taken = log_time(record->request.duration * 1000000);

    if (record->format != LOGFILE_IIS || record->request.duration < 0 || !record->parsed->has_time)
        return;
    nstime_delta(&start, &pinfo->abs_ts, &taken);
    proto_item_append_text(
        add_generated(proto_tree_add_time(tree, log_field(record->format, LOG_START), tvb, 0, 0, &start)),
        ", or up to a second later");
}

static void
add_request(proto_item *top, proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const log_record *record)
{
    const log_request *request = &record->request;
    logfile_format     format = record->format;

    if (request->has_status)
        add_fact(tree, tvb, format, LOG_STATUS_MEANING, crp_status_meaning(request->status, request->substatus));
    if (format == LOGFILE_HTTPERR)
        add_fact(tree, tvb, format, LOG_REASON_MEANING, log_reason_meaning(request->reason));
    add_start(tree, tvb, pinfo, record);
    if (request->is_cut)
        add_generated(proto_tree_add_boolean(tree, log_field(format, LOG_QUERY_CUT), tvb, 0, 0, true));
    add_fact(tree, tvb, format, LOG_SCEP_OPERATION, request->operation);
    add_fact(tree, tvb, format, LOG_SCEP_MESSAGE, request->message);
    add_fact(tree, tvb, format, LOG_SCEP_TRANSACTION_ID, request->transaction_id);
    add_fact(tree, tvb, format, LOG_CRP_CALL, request->call);
    add_fact(tree, tvb, format, LOG_CRP_PRODUCT, request->product);
    if (log_request_is_refused(request))
        expert_add_info_format(pinfo, top, &ei_failure[format], "%s", record->sentence);
}

/* Where a part of the message stands in the packet: the whole of it when escapes lie between. */
static log_span
place_of(const log_record *record, const log_span *part)
{
    for (guint i = 0; i < record->parsed->columns->len; i++) {
        const logfile_column *column = &g_array_index(record->parsed->columns, logfile_column, i);

        if (!column->value || strcmp(column->name, "message") != 0)
            continue;
        if (column->length == strlen(record->said))
            return (log_span){ column->offset + part->offset, part->length };
        return (log_span){ column->offset, column->length };
    }
    return (log_span){ 0, 0 };
}

static void
add_part(proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const log_record *record, log_fact fact,
         const log_span *part)
{
    log_span place = place_of(record, part);

    if (part->length > 0)
        add_generated(proto_tree_add_string(tree, log_field(record->format, fact), tvb, (int)place.offset,
                                            (int)place.length,
                                            wmem_strndup(pinfo->pool, record->said + part->offset, part->length)));
}

static void
add_message(proto_item *top, proto_tree *tree, tvbuff_t *tvb, packet_info *pinfo, const log_record *record)
{
    const log_message *message = &record->message;
    logfile_format     format = record->format;
    log_span           place;

    if (!record->said)
        return;
    add_fact(tree, tvb, format, LOG_EVENT, message->event);
    if (message->status >= 0) {
        place = place_of(record, &message->status_at);
        add_generated(proto_tree_add_boolean(tree, log_field(format, LOG_STATUS), tvb, (int)place.offset,
                                             (int)place.length, message->status == 1));
    }
    if (message->has_code) {
        place = place_of(record, &message->code_at);
        add_generated(proto_tree_add_uint(tree, log_field(format, LOG_CODE), tvb, (int)place.offset, (int)place.length,
                                          message->code));
    }
    add_part(tree, tvb, pinfo, record, LOG_DEVICE, &message->device);
    add_part(tree, tvb, pinfo, record, LOG_USER, &message->user);
    add_fact(tree, tvb, format, LOG_HTTP_TITLE, message->title);
    if (record->level >= 2)
        expert_add_info_format(pinfo, top, record->level == 3 ? &ei_failure[format] : &ei_warning[format], "%s",
                               record->sentence);
}

/* Who writes, as the Protocol column has it: NDES's policy module, the registration point. */
static const char *
writer(const log_record *record)
{
    if (is_request_log(record->format) || !record->component)
        return short_names[record->format];
    return strcmp(record->component, "CertificateRegistrationPoint") == 0 ? "CRP" : record->component;
}

static void
show(tvbuff_t *tvb, packet_info *pinfo, proto_tree *parent, log_record *record)
{
    const char *line = record->parsed->line ? wmem_strdup_printf(pinfo->pool, ", line %u", record->parsed->line) : "";
    const char *problem;
    proto_item *top;
    proto_tree *tree;

    top = proto_tree_add_protocol_format(parent, protocols[record->format], tvb, 0, -1, "%s%s",
                                         logfile_format_description(record->format), line);
    tree = proto_item_add_subtree(top, ett_log);
    add_head(tree, tvb, record);
    problem = log_fields_add_columns(tree, tvb, pinfo, record->parsed);
    if (!record->problem)
        record->problem = problem;
    add_problem(top, tree, tvb, pinfo, record);
    if (is_request_log(record->format))
        add_request(top, tree, tvb, pinfo, record);
    else
        add_message(top, tree, tvb, pinfo, record);
    if (record->sentence)
        proto_item_append_text(top, ": %s", record->sentence);
    col_add_str(pinfo->cinfo, COL_PROTOCOL, writer(record));
    if (record->sentence)
        col_add_fstr(pinfo->cinfo, COL_INFO, "%s%s", record->sentence, record->problem ? " [malformed]" : "");
    else if (record->problem)
        col_add_fstr(pinfo->cinfo, COL_INFO, "Malformed: %s", record->problem);
    else
        col_set_str(pinfo->cinfo, COL_INFO, "Nothing said");
}

/* --- evidence --- */

static uint32_t
octets_of(const logfile_parsed *parsed, const char *column)
{
    uint64_t number;

    if (!log_read_number(logfile_value(parsed, column), UINT64_MAX, &number))
        return 0;
    return (uint32_t)MIN(number, UINT32_MAX);
}

static uint16_t
port_of(const logfile_parsed *parsed, const char *column)
{
    uint64_t number;

    return log_read_number(logfile_value(parsed, column), UINT16_MAX, &number) ? (uint16_t)number : 0;
}

static void
fill_request(const log_record *record, flow_log_line *line)
{
    const logfile_parsed *parsed = record->parsed;
    const log_request    *request = &record->request;

    line->client = (flow_endpoint){ text_of(parsed, "c-ip"), port_of(parsed, "c-port") };
    line->server = (flow_endpoint){ text_of(parsed, "s-ip"), port_of(parsed, "s-port") };
    line->step = request->step;
    line->operation = request->call ? request->call : request->operation;
    line->message = request->message;
    line->product = request->product;
    line->is_post = request->is_post;
    line->user_agent = text_of(parsed, "cs(User-Agent)");
    line->host = text_of(parsed, "cs-host");
    line->transaction_id = request->transaction_id;
    line->target_length = request->target_length;
    line->is_cut = request->is_cut;
    line->http_status = request->status < 1000 ? (int)request->status : 0;
    line->http_substatus = request->substatus;
    line->win32_status = request->has_win32_status ? (int64_t)request->win32_status : -1;
    line->request_octets = octets_of(parsed, "cs-bytes");
    line->response_octets = octets_of(parsed, "sc-bytes");
    line->duration = request->duration < 0 ? -1 : request->duration * 1000000;
    line->reason = text_of(parsed, "s-reason");
}

static void
hand_on(packet_info *pinfo, const log_record *record)
{
    bool          is_trace = record->format == LOGFILE_SVCLOG;
    flow_log_line line = {
        .line = record->parsed->line,
        .is_malformed = record->problem != NULL,
        .is_utc = record->parsed->is_utc,
        .win32_status = -1,
        .duration = -1,
    };

    if (is_request_log(record->format)) {
        fill_request(record, &line);
    } else {
        line.component = record->component;
        line.thread = text_of(record->parsed, is_trace ? "ThreadID" : "thread");
        line.text = record->said;
        line.level = record->level;
    }
    flow_track_log(pinfo, logfile_format_name(record->format), &line);
}

/* --- dissection --- */

/* With the memory of the packet. */
static compat_bool
free_parsed(wmem_allocator_t *scope _U_, wmem_cb_event_t event _U_, void *parsed)
{
    logfile_parsed_free(parsed);
    return false;
}

static int
dissect_log(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, logfile_format format)
{
    int             length = (int)tvb_captured_length(tvb);
    const char     *text = length > 0 ? (const char *)tvb_get_ptr(tvb, 0, length) : "";
    logfile_parsed *parsed = logfile_parse(format, text, (size_t)length);
    log_record      record = { .format = format, .parsed = parsed, .text = text, .length = (size_t)length };

    wmem_register_callback(pinfo->pool, free_parsed, parsed);
    read_record(pinfo, &record);
    if (!record.problem && tvb_captured_length(tvb) < tvb_reported_length(tvb))
        record.problem = "the packet was cut when it was saved";
    show(tvb, pinfo, tree, &record);
    if (!PINFO_FD_VISITED(pinfo))
        hand_on(pinfo, &record);
    return length;
}

static int
dissect_iis(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return dissect_log(tvb, pinfo, tree, LOGFILE_IIS);
}

static int
dissect_httperr(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return dissect_log(tvb, pinfo, tree, LOGFILE_HTTPERR);
}

static int
dissect_cmtrace(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return dissect_log(tvb, pinfo, tree, LOGFILE_CMTRACE);
}

static int
dissect_svclog(tvbuff_t *tvb, packet_info *pinfo, proto_tree *tree, void *data _U_)
{
    return dissect_log(tvb, pinfo, tree, LOGFILE_SVCLOG);
}

static void
register_experts(logfile_format format)
{
    static const struct {
        const char   *filter;
        expert_field *fields;
        int           group, severity;
        const char   *summary;
    } kinds[] = {
        { "malformed", ei_malformed, PI_MALFORMED, PI_WARN, "The record cannot be understood wholly" },
        { "failure", ei_failure, PI_RESPONSE_CODE, PI_ERROR, "The log tells of an error" },
        { "warning", ei_warning, PI_RESPONSE_CODE, PI_WARN, "The log warns" },
    };
    ei_register_info *infos = wmem_alloc_array(wmem_epan_scope(), ei_register_info, G_N_ELEMENTS(kinds));

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const char *name = wmem_strdup_printf(wmem_epan_scope(), "%s.%s", logfile_format_name(format), kinds[i].filter);

        kinds[i].fields[format] = (expert_field)EI_INIT;
        infos[i] = (ei_register_info){
            &kinds[i].fields[format],
            { name, kinds[i].group, kinds[i].severity, kinds[i].summary, EXPFILL },
        };
    }
    expert_register_field_array(expert_register_protocol(protocols[format]), infos, G_N_ELEMENTS(kinds));
}

void
proto_register_log(void)
{
    static const dissector_t dissectors[LOGFILE_FORMATS] = {
        [LOGFILE_IIS] = dissect_iis,
        [LOGFILE_HTTPERR] = dissect_httperr,
        [LOGFILE_CMTRACE] = dissect_cmtrace,
        [LOGFILE_SVCLOG] = dissect_svclog,
    };
    static int *trees[] = { &ett_log };

    for (logfile_format format = 0; format < LOGFILE_FORMATS; format++) {
        const char *name = logfile_format_name(format);

        protocols[format] = proto_register_protocol(logfile_format_description(format), short_names[format], name);
        register_dissector(name, dissectors[format], protocols[format]);
        log_fields_register(format, protocols[format]);
        register_experts(format);
    }
    proto_register_subtree_array(trees, G_N_ELEMENTS(trees));
}
