/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The facts that logs tell: what a web server or HTTP.sys wrote about a request, what was said during a call, and where
 * logs and packets contradict each other.
 */
#include "log_facts.h"

#include <string.h>

/* Clocks of machines of one domain, and lines that are written a little late. */
#define SURELY (2 * FLOW_SECOND)

/* What a message is known by stands at its beginning, and conditions look at so much of all of them. Octets. */
#define MAX_TOLD     500
#define MAX_ALL_TOLD 2000

/* A time zone of which less is known is a guess. Percent. */
#define SURE 80

/* How NDES's policy module begins to tell of WinHTTP's errors, and how it goes on. */
#define SEND_FAILED "Failed to send http request "
#define ERROR_IS    " Error "

static const char *
number(flow_subject *about, int64_t value)
{
    g_snprintf(about->text, sizeof about->text, "%" G_GINT64_FORMAT, value);
    return about->text;
}

/* `text`, taken, for the time of the evaluation. */
static const char *
kept(flow_subject *about, GString *text)
{
    const char *result = text->len ? flow_result_string(about->model, text->str) : NULL;

    g_string_free(text, TRUE);
    return result;
}

/* True when `message` is worth its place: those that tell of problems first, no text twice. */
static bool
is_worth(const GString *text, const flow_message *message, bool is_problem)
{
    char *line = g_strndup(message->text, MAX_TOLD);
    bool  result = (message->level >= 2) == is_problem && !strstr(text->str, line);

    g_free(line);
    return result;
}

static void
append_messages(GString *text, const flow_exchange *witness, bool are_problems)
{
    const GArray *messages = witness->testimony ? witness->testimony->messages : NULL;

    for (guint i = 0; messages && i < messages->len && text->len < MAX_ALL_TOLD; i++) {
        const flow_message *message = &g_array_index(messages, flow_message, i);

        if (is_worth(text, message, are_problems))
            g_string_append_printf(text, "%.*s\n", (int)MAX_TOLD, message->text);
    }
}

const char *
flow_tell_log_messages(flow_subject *about)
{
    GString             *text = g_string_new(NULL);
    const flow_exchange *witness;

    for (int pass = 0; pass < 2; pass++) {
        for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++)
            append_messages(text, witness, pass == 0);
    }
    return kept(about, text);
}

const char *
flow_tell_log_problem(flow_subject *about)
{
    return flow_problem(about->exchange);
}

const char *
flow_tell_log_win32(flow_subject *about)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        if (witness->testimony && witness->testimony->win32_status > 0)
            return number(about, witness->testimony->win32_status);
    }
    return NULL;
}

const char *
flow_tell_log_reason(flow_subject *about)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        if (witness->testimony && witness->testimony->reason)
            return witness->testimony->reason;
    }
    return NULL;
}

const char *
flow_tell_log_where(flow_subject *about)
{
    GString             *text = g_string_new(NULL);
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        const flow_testimony *testimony = witness->testimony;

        if (!testimony)
            continue;
        g_string_append_printf(text, "%s%s", text->len ? ", " : "", testimony->log->name);
        if (testimony->line)
            g_string_append_printf(text, " line %u", testimony->line);
    }
    return kept(about, text);
}

/* The first part of a call that went wrong. */
static const flow_exchange *
failed_phase(const flow_exchange *exchange)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        const GPtrArray *phases = witness->testimony ? witness->testimony->phases : NULL;

        for (guint j = 0; phases && j < phases->len; j++) {
            const flow_exchange *phase = phases->pdata[j];

            if (phase->state == FLOW_FAILED && phase->step != FLOW_CHALLENGE_VERIFIED)
                return phase;
        }
    }
    return NULL;
}

const char *
flow_tell_log_failed_phase(flow_subject *about)
{
    const flow_exchange *phase = failed_phase(about->exchange);

    return phase ? flow_step_name(phase->step) : NULL;
}

/* The number in "Failed to send http request …. Error 12175", NULL when the message is another. */
static const char *
number_of_error(const flow_message *message)
{
    const char *at = g_str_has_prefix(message->text, SEND_FAILED) ? strstr(message->text, ERROR_IS) : NULL;

    return at && g_ascii_isdigit(at[strlen(ERROR_IS)]) ? at + strlen(ERROR_IS) : NULL;
}

/* The last one, of those that were tried. */
const char *
flow_tell_log_error(flow_subject *about)
{
    const char          *found = NULL;
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(about->exchange, i)) != NULL; i++) {
        const GArray *messages = witness->testimony ? witness->testimony->messages : NULL;

        for (guint j = 0; messages && j < messages->len; j++) {
            const char *at = number_of_error(&g_array_index(messages, flow_message, j));

            found = at ? at : found;
        }
    }
    return found ? number(about, g_ascii_strtoll(found, NULL, 10)) : NULL;
}

/* True when a log of a web server has lines about this server from before and after a request. */
static bool
covers(const flow_log *log, const flow_exchange *exchange)
{
    bool serves = false;

    if (strcmp(log->format, "iis") != 0 ||
        log->first.time + log->zone - log->skew > exchange->request.time ||
        log->last.time + log->zone - log->skew < exchange->request.time + SURELY)
        return false;
    for (guint i = 0; i < log->exchanges->len && !serves; i++)
        serves = ((flow_exchange *)log->exchanges->pdata[i])->conversation->server.address ==
                 exchange->conversation->server.address;
    return serves;
}

static bool
is_told_by(const flow_exchange *exchange, const flow_log *log)
{
    const flow_exchange *witness;

    for (guint i = 0; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->testimony && (witness->testimony->log == log || strcmp(witness->testimony->log->format, "httperr") == 0))
            return true;
    }
    return false;
}

const char *
flow_tell_log_missing(flow_subject *about)
{
    const flow_exchange *exchange = about->exchange;

    for (guint i = 0; exchange->basis != FLOW_LOG && i < about->model->logs->len; i++) {
        const flow_log *log = about->model->logs->pdata[i];

        if (covers(log, exchange) && !is_told_by(exchange, log))
            return log->name;
    }
    return NULL;
}

/* "missing" when only logs have a request although its server's packets were captured before and after it. */
const char *
flow_tell_capture(flow_subject *about)
{
    const flow_exchange *exchange = about->exchange;
    bool                 before = false, after = false;

    if (exchange->basis != FLOW_LOG)
        return "yes";
    for (guint i = 0; i < about->model->conversations->len; i++) {
        const flow_conversation *conversation = about->model->conversations->pdata[i];

        if (conversation->server.address != exchange->conversation->server.address)
            continue;
        before = before || conversation->first.time + SURELY < exchange->request.time;
        after = after || conversation->last.time > exchange->request.time + SURELY;
    }
    return before && after ? "missing" : NULL;
}

/* What a log says that packets or another log contradict. */
const char *
flow_tell_log_contradiction(flow_subject *about)
{
    const flow_exchange *exchange = about->exchange, *witness;

    for (guint i = 1; (witness = flow_witness(exchange, i)) != NULL; i++) {
        if (witness->http_status > 0 && exchange->http_status > 0 && witness->http_status != exchange->http_status)
            return flow_result_printf(about->model, "HTTP %d by %s, %d by %s", witness->http_status,
                                      witness->testimony->log->name, exchange->http_status,
                                      exchange->testimony ? exchange->testimony->log->name : "the packets");
        if (witness->verified >= 0 && exchange->verified >= 0 && witness->verified != exchange->verified)
            return flow_result_printf(about->model, "%s by %s, %s by %s", witness->verified ? "true" : "false",
                                      witness->testimony->log->name, exchange->verified ? "true" : "false",
                                      exchange->testimony ? exchange->testimony->log->name : "the packets");
    }
    return NULL;
}

/* True when a log tells of something in the enrolment. */
static bool
tells_of(const flow_log *log, const flow_enrolment *enrolment)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        for (guint j = 0; j < part->steps->len; j++) {
            const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, j).exchange, *witness;

            for (guint k = 0; exchange && (witness = flow_witness(exchange, k)) != NULL; k++) {
                if (witness->testimony && witness->testimony->log == log)
                    return true;
            }
        }
    }
    return false;
}

/* The log whose clock is furthest from the others', of those that tell of the enrolment. */
static const flow_log *
most_skewed(const flow_subject *about)
{
    const flow_log *found = NULL;

    for (guint i = 0; i < about->model->logs->len; i++) {
        const flow_log *log = about->model->logs->pdata[i];

        if (log->skew && (!found || ABS(log->skew) > ABS(found->skew)) && tells_of(log, about->enrolment))
            found = log;
    }
    return found;
}

const char *
flow_tell_log_skewed(flow_subject *about)
{
    const flow_log *log = most_skewed(about);

    return log ? log->name : NULL;
}

const char *
flow_tell_log_skew(flow_subject *about)
{
    const flow_log *log = most_skewed(about);

    if (!log)
        return NULL;
    g_snprintf(about->text, sizeof about->text, "%.1f", (double)log->skew / 1e9);
    return about->text;
}

static bool
is_zone_unsure(const flow_log *log)
{
    return log->zone_basis == FLOW_ZONE_ASSUMED || (log->zone_basis == FLOW_ZONE_INFERRED && log->zone_confidence < SURE);
}

/* The log whose time zone is a guess, of those that tell of the enrolment. Alone, a log is compared with nothing. */
const char *
flow_tell_log_zone_unsure(flow_subject *about)
{
    const flow_model *model = about->model;
    bool              is_alone = model->logs->len == 1 && model->conversations->len == 0;

    for (guint i = 0; i < model->logs->len && !is_alone; i++) {
        const flow_log *log = model->logs->pdata[i];

        if (is_zone_unsure(log) && tells_of(log, about->enrolment))
            return log->name;
    }
    return NULL;
}

const char *
flow_tell_logs(flow_subject *about)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < about->model->logs->len; i++) {
        const flow_log *log = about->model->logs->pdata[i];

        g_string_append_printf(text, "%s%s", text->len ? ", " : "", log->kind ? log->kind : log->format);
    }
    return kept(about, text);
}
