/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Lines of logs as evidence. A web server's line is a request with its answer. The messages of a call are gathered by their
 * thread, from the one that begins it to the one that ends it (flows/messages.conf).
 */
#include "logs.h"

#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* Times of IIS and HTTP.sys are whole seconds, cut. */
#define WHOLE_SECOND (FLOW_SECOND - 1)

/* Nothing that a message is known by comes later in it. Octets. */
#define TELLING 256

/* A message is quoted in a line. Octets. */
#define QUOTED 300

/* A call has a few dozen messages at most. */
#define MANY_MESSAGES 1000

static bool
is_call(flow_step step)
{
    return step == FLOW_VERIFY_REQUEST || step == FLOW_NOTIFY;
}

/* --- the files --- */

/* "FOLDER/NAME" of a path, for those whose name alone is not enough. */
static const char *
longer_name(flow_model *model, const char *name, const char *path)
{
    char       *folder = path ? g_path_get_dirname(path) : NULL;
    char       *last = folder ? g_path_get_basename(folder) : NULL;
    char       *text = last && *last != '.' && *last != '/' ? g_strdup_printf("%s/%s", last, name) : g_strdup(name);
    const char *kept = flow_intern(model, text);

    g_free(text);
    g_free(last);
    g_free(folder);
    return kept;
}

static void
rename_log(flow_log *log)
{
    log->name = longer_name(log->model, log->name, log->path);
    for (guint i = 0; i < log->exchanges->len; i++)
        ((flow_exchange *)log->exchanges->pdata[i])->conversation->vantage = log->name;
}

/* Two machines have logs of one name. */
static void
tell_apart(flow_log *log)
{
    for (guint i = 0; i < log->model->logs->len; i++) {
        flow_log *other = log->model->logs->pdata[i];

        if (other == log || strcmp(other->name, log->name) != 0)
            continue;
        rename_log(other);
        rename_log(log);
        break;
    }
}

flow_log *
flow_log_of(flow_model *model, unsigned number, const char *format, const char *name, const char *path)
{
    flow_log *log;

    for (guint i = 0; i < model->logs->len; i++) {
        log = model->logs->pdata[i];
        if (log->number == number && strcmp(log->format, format) == 0)
            return log;
    }
    log = g_new0(flow_log, 1);
    log->model = model;
    log->number = number;
    log->format = flow_intern(model, format);
    log->name = flow_intern(model, name ? name : format);
    log->path = flow_intern(model, path);
    log->exchanges = g_ptr_array_new();
    log->open = g_hash_table_new(NULL, NULL);
    g_ptr_array_add(model->logs, log);
    tell_apart(log);
    return log;
}

void
flow_log_free(gpointer data)
{
    flow_log *log = data;

    g_ptr_array_unref(log->exchanges);
    g_hash_table_unref(log->open);
    g_free(log);
}

void
flow_testimony_free(flow_testimony *testimony)
{
    if (!testimony)
        return;
    if (testimony->messages)
        g_array_unref(testimony->messages);
    if (testimony->phases)
        g_ptr_array_unref(testimony->phases);
    g_free(testimony);
}

/* A request or call that a log tells of, in a conversation of its own. */
static flow_exchange *
add_exchange(flow_log *log, flow_moment where, const flow_log_line *line, flow_step step)
{
    flow_conversation *conversation = g_new0(flow_conversation, 1);
    flow_exchange     *exchange;

    conversation->model = log->model;
    conversation->log = log;
    conversation->vantage = log->name;
    conversation->client = (flow_endpoint){ flow_intern(log->model, line->client.address), line->client.port };
    conversation->server = (flow_endpoint){ flow_intern(log->model, line->server.address), line->server.port };
    conversation->first = conversation->last = where;
    conversation->alert_description = conversation->alert_level = -1;
    conversation->is_readable = true;
    g_ptr_array_add(log->model->told_conversations, conversation);

    exchange = flow_add_exchange(conversation, FLOW_LOG, where);
    exchange->step = step;
    exchange->testimony = g_new0(flow_testimony, 1);
    exchange->testimony->log = log;
    exchange->testimony->line = line->line;
    exchange->testimony->lines = 1;
    exchange->testimony->win32_status = -1;
    g_ptr_array_add(log->exchanges, exchange);
    log->told++;
    return exchange;
}

/* --- requests --- */

/* A blank in a header stands as "+" in the log. */
static const char *
with_blanks(flow_model *model, const char *text)
{
    char       *copy = g_strdup(text);
    const char *kept;

    g_strdelimit(copy, "+", ' ');
    kept = flow_intern(model, copy);
    g_free(copy);
    return kept;
}

static flow_conversation *
take_request(flow_log *log, flow_moment where, const flow_log_line *line)
{
    flow_exchange  *exchange = add_exchange(log, where, line, line->step);
    flow_testimony *testimony = exchange->testimony;
    flow_model     *model = log->model;

    exchange->operation = flow_intern(model, line->operation);
    exchange->message = flow_intern(model, line->message);
    exchange->product = flow_intern(model, line->product);
    exchange->is_post = line->is_post;
    exchange->target_length = line->target_length;
    exchange->user_agent = line->user_agent ? with_blanks(model, line->user_agent) : NULL;
    exchange->host = flow_intern(model, line->host);
    exchange->transaction_id = flow_intern(model, line->transaction_id);
    exchange->request_octets = line->request_octets;
    exchange->response_octets = line->response_octets;
    exchange->http_status = line->http_status;
    exchange->http_substatus = line->http_substatus;
    exchange->is_answer_readable = line->http_status > 0 && line->http_status < 300;
    testimony->win32_status = line->win32_status;
    testimony->reason = flow_intern(model, line->reason);
    testimony->is_cut = line->is_cut;
    testimony->slack = WHOLE_SECOND;
    if (line->duration > 0 && line->duration < where.time)
        exchange->request.time = exchange->request_end.time = where.time - line->duration;
    if (line->http_status > 0)
        exchange->response = exchange->response_end = where;
    exchange->conversation->first = exchange->request;
    if (line->step != FLOW_STEP_NONE && !is_call(line->step))
        g_hash_table_add(model->logged, (gpointer)exchange->conversation->server.address);
    if (line->step != FLOW_STEP_NONE && (!log->kind || (!is_call(line->step) && strcmp(log->kind, "crp") == 0)))
        log->kind = is_call(line->step) ? "crp" : "ndes";
    return exchange->conversation;
}

/* --- messages --- */

/* A message as it is looked at: its beginning in lower case, and who writes it. */
typedef struct {
    const flow_log_line *line;
    flow_moment          where;
    char                *component, *text;
} heard;

static bool
says(GPatternSpec *const *patterns, const char *text)
{
    for (; patterns && *patterns; patterns++) {
        if (g_pattern_spec_match_string(*patterns, text))
            return true;
    }
    return false;
}

/* The number of the pattern that matches, from 1; 0: none. */
static unsigned
which(GPatternSpec *const *patterns, const char *text)
{
    for (unsigned i = 0; patterns && patterns[i]; i++) {
        if (g_pattern_spec_match_string(patterns[i], text))
            return i + 1;
    }
    return 0;
}

/* A message in one line of bounded length; of a page of HTML its title. */
static const char *
quote(flow_model *model, const char *text)
{
    const char *title = strstr(text, "<title>"), *end = title ? strstr(title, "</title>") : NULL;
    const char *begin = end ? title + strlen("<title>") : text;
    char       *part = g_utf8_make_valid(begin, end ? MIN(end - begin, QUOTED) : (gssize)strnlen(text, QUOTED));
    char       *line = g_strconcat(end ? "a page: " : "", g_strstrip(g_strdelimit(part, "\r\n\t", ' ')), NULL);
    const char *kept = flow_intern(model, line);

    g_free(line);
    g_free(part);
    return kept;
}

/* The hexadecimal number after " 0x"; false when there is none. */
static bool
read_code(const char *text, uint32_t *code)
{
    const char *at = strstr(text, " 0x");
    char       *end;
    guint64     value;

    if (!at || !g_ascii_isxdigit(at[3]))
        return false;
    value = g_ascii_strtoull(at + 3, &end, 16);
    *code = (uint32_t)value;
    return value <= UINT32_MAX;
}

/* The word after `label`, if it is a GUID. */
static const char *
guid_after(flow_model *model, const char *text, const char *label)
{
    const char *at = strstr(text, label);
    char        guid[37];

    if (!at || strnlen(at + strlen(label), 36) < 36)
        return NULL;
    g_strlcpy(guid, at + strlen(label), sizeof guid);
    return g_uuid_string_is_valid(guid) ? flow_intern(model, guid) : NULL;
}

static void
keep_message(flow_exchange *call, const heard *message)
{
    flow_testimony *testimony = call->testimony;
    flow_model     *model = testimony->log->model;
    flow_message    one = { message->where, message->line->line, message->line->level, NULL };
    const char     *device = guid_after(model, message->line->text, "device "),
               *user = guid_after(model, message->line->text, "user ");

    one.text = flow_intern(model, message->line->text);
    if (testimony->messages->len < MANY_MESSAGES)
        g_array_append_val(testimony->messages, one);
    testimony->lines++;
    testimony->device_id = device ? device : testimony->device_id;
    testimony->user_id = user ? user : testimony->user_id;
    if (!call->problem && message->line->level >= 2)
        call->problem = quote(model, message->line->text);
    call->conversation->last = message->where;
}

/* The end of a call or of a part of it, or what was decided in it. */
static void
judge(flow_exchange *exchange, const flow_activity *activity, const heard *message)
{
    bool     is_good = says(activity->good, message->text), is_bad = says(activity->bad, message->text);
    bool     has_failed = says(activity->failed, message->text), is_end = says(activity->end, message->text);
    uint32_t code;

    if (is_good || is_bad || has_failed || is_end || !activity->end) {
        if (!exchange->response.frame)
            exchange->response = message->where;
        exchange->response_end = message->where;
    }
    if (is_good || is_bad)
        exchange->verified = is_good;
    if (has_failed || is_bad)
        exchange->is_answer_readable = false;
    if ((has_failed || is_bad) && !exchange->problem)
        exchange->problem = quote(exchange->conversation->model, message->line->text);
    if (is_end && read_code(message->text, &code) && code != 0) {
        exchange->has_hresult = true;
        exchange->hresult = code;
        exchange->is_answer_readable = false;
    }
}

/* The part of a call that has begun and not ended, or NULL. */
static flow_exchange *
open_phase(const flow_exchange *call, flow_step step)
{
    const GPtrArray *phases = call->testimony->phases;

    for (guint i = phases->len; i > 0; i--) {
        flow_exchange *phase = phases->pdata[i - 1];

        if (phase->step == step)
            return phase->response_end.frame ? NULL : phase;
    }
    return NULL;
}

static void
take_phase(flow_exchange *call, const flow_activity *activity, const heard *message)
{
    flow_exchange *phase = open_phase(call, activity->step);

    if (!phase && says(activity->begin, message->text)) {
        phase = flow_exchange_new(call->conversation, FLOW_LOG);
        phase->step = activity->step;
        phase->request = phase->request_end = message->where;
        phase->is_answer_readable = true;
        phase->confidence = 100;
        g_ptr_array_add(call->testimony->phases, phase);
    }
    if (phase)
        judge(phase, activity, message);
}

static bool
is_written_by(const flow_activity *activity, const heard *message)
{
    return says(activity->components, message->component);
}

static flow_exchange *
begin_call(flow_log *log, const flow_activity *activity, const heard *message, const char *thread)
{
    flow_exchange *call = add_exchange(log, message->where, message->line, activity->step);

    call->operation = flow_operation_name(activity->step);
    call->is_post = true;
    call->is_answer_readable = true;
    call->testimony->lines = 0;
    call->testimony->messages = g_array_new(FALSE, FALSE, sizeof(flow_message));
    call->testimony->phases = g_ptr_array_new_with_free_func(flow_exchange_free);
    g_hash_table_insert(log->open, (gpointer)thread, call);
    log->kind = activity->kind;
    return call;
}

/* True when a call that is under way had a message of this kind already: then this is the next one's. */
static bool
has_begun_so(const flow_exchange *call, const flow_activity *activity, unsigned pattern)
{
    for (guint i = 0; i < call->testimony->messages->len; i++) {
        const flow_message *message = &g_array_index(call->testimony->messages, flow_message, i);
        char               *begin = g_ascii_strdown(message->text, (gssize)strnlen(message->text, TELLING));
        bool                is_same = which(activity->begin, begin) == pattern;

        g_free(begin);
        if (is_same)
            return true;
    }
    return false;
}

/* The call that began last and has not ended: a library's messages come from threads of its own. */
static flow_exchange *
latest_open(const flow_log *log)
{
    GHashTableIter iterator;
    gpointer       value;
    flow_exchange *latest = NULL;

    g_hash_table_iter_init(&iterator, log->open);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        flow_exchange *call = value;

        if (!latest || call->request.frame > latest->request.frame)
            latest = call;
    }
    return latest;
}

static flow_conversation *
take_message(flow_log *log, flow_moment where, const flow_log_line *line)
{
    const GPtrArray *activities = flow_knowledge_activities(flow_known(log->model));
    const char      *thread = flow_intern(log->model, line->thread ? line->thread : "");
    heard            message = { line, where, g_ascii_strdown(line->component ? line->component : "", -1),
                                 g_ascii_strdown(line->text, (gssize)strnlen(line->text, TELLING)) };
    flow_exchange   *call = g_hash_table_lookup(log->open, thread);
    bool             is_known = false, is_over = false, is_new = false;

    for (guint i = 0; i < activities->len; i++) {
        const flow_activity *activity = activities->pdata[i];
        unsigned             begin;

        if (!is_written_by(activity, &message))
            continue;
        is_known = true;
        begin = is_call(activity->step) ? which(activity->begin, message.text) : 0;
        if (begin && (!call || call->step != activity->step || has_begun_so(call, activity, begin))) {
            call = begin_call(log, activity, &message, thread);
            is_new = true;
        }
    }
    if (!call && is_known)
        call = latest_open(log);
    if (call) {
        flow_move(call, 0); /* an evaluation on the way may have moved it */
        keep_message(call, &message);
        log->told += !is_new;
        for (guint i = 0; i < activities->len; i++) {
            const flow_activity *activity = activities->pdata[i];

            if (!is_written_by(activity, &message))
                continue;
            if (activity->step == call->step) {
                judge(call, activity, &message);
                is_over = says(activity->end, message.text);
            } else if (!is_call(activity->step)) {
                take_phase(call, activity, &message);
            }
        }
    }
    if (is_over)
        g_hash_table_remove(log->open, thread);
    g_free(message.component);
    g_free(message.text);
    if (call)
        flow_changed(call->conversation);
    return call ? call->conversation : NULL;
}

flow_conversation *
flow_log_add(flow_log *log, flow_moment where, const flow_log_line *line)
{
    if (log->lines++ == 0)
        log->first = where;
    log->last = where;
    log->malformed += line->is_malformed;
    log->with_zone += line->is_utc;
    if (line->text)
        return take_message(log, where, line);
    /* What HTTP.sys says of a connection is of interest whatever was asked in it. */
    return line->step == FLOW_STEP_NONE && !(line->reason && line->client.port) ? NULL : take_request(log, where, line);
}
