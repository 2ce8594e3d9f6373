/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The report for people. What an administrator wants to know comes first: the verdict, and of a failure its cause and
 * what to do; then how it went, conversation by conversation and step by step. Where there are several enrolments they
 * are listed at the top, and those that are complete are told in a few lines each.
 */
#include "report_text.h"

#include <stdlib.h>
#include <string.h>

#include "layout.h"
#include "outcome.h"

#define MARGIN 2

static const char *const state_signs[] = {
    [FLOW_OK] = "✓",         [FLOW_FAILED] = "✗",       [FLOW_MISSING] = "✗",     [FLOW_WAITING] = "…",
    [FLOW_UNEXPECTED] = "!", [FLOW_OUT_OF_ORDER] = "!", [FLOW_NOT_VISIBLE] = "·",
};

static const char *const verdict_signs[] = {
    [FLOW_COMPLETE] = "✓", [FLOW_VERDICT_FAILED] = "✗", [FLOW_PENDING] = "…", [FLOW_INCOMPLETE] = "–",
};

static const char *const severity_signs[] = { [FLOW_NOTE] = "·", [FLOW_WARNING] = "!", [FLOW_ERROR] = "✗" };

static void G_GNUC_PRINTF(4, 5)
prose(GString *out, unsigned indent, const char *label, const char *format, ...)
{
    va_list arguments;
    char   *text;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    layout_prose(out, indent, label, text);
    g_free(text);
}

/* One more item of a list in a line. */
static void G_GNUC_PRINTF(3, 4)
add_item(GString *list, const char *separator, const char *format, ...)
{
    va_list arguments;

    if (list->len)
        g_string_append(list, separator);
    va_start(arguments, format);
    g_string_append_vprintf(list, format, arguments);
    va_end(arguments);
}

static const char *
plural(unsigned count)
{
    return count == 1 ? "" : "s";
}

/* "1 → 3", "9 →", "12–15". */
static char *
frames_of(uint32_t first, const char *joint, uint32_t last)
{
    if (first == 0 && last == 0)
        return g_strdup("");
    if (last == 0)
        return g_strdup_printf("%u%s", first, joint[0] == ' ' ? " →" : "");
    if (first == last)
        return g_strdup_printf("%u", first);
    return g_strdup_printf("%u%s%u", first, joint, last);
}

/* "decrypted", "inferred, 85 %". */
static char *
basis_of(flow_basis basis, unsigned confidence)
{
    if (confidence == 100)
        return g_strdup(flow_basis_name(basis));
    return g_strdup_printf("%s, %u %%", flow_basis_name(basis), confidence);
}

/* "closed · TLS 1.2, resumed · alert unknown_ca by the client". */
static char *
transport_of(const flow_conversation *conversation)
{
    GString       *text = g_string_new(conversation->log ? "told by " : flow_tcp_state_name(flow_tcp_state_of(conversation)));
    const char    *version = flow_tls_version_name(conversation->version);
    flow_tls_state tls = flow_tls_state_of(conversation);

    if (conversation->log)
        g_string_append(text, conversation->log->name);
    if (tls != FLOW_TLS_NONE) {
        g_string_append_printf(text, " · %s", version ? version : "TLS");
        if (tls != FLOW_TLS_ESTABLISHED)
            g_string_append_printf(text, " %s", tls == FLOW_TLS_FAILED ? "failed" : "not finished");
        else if (conversation->is_resumed)
            g_string_append(text, ", resumed");
    }
    if (conversation->is_rpc)
        g_string_append_printf(text, " · RPC%s%s%s", conversation->rpc_interface ? " " : "",
                               conversation->rpc_interface ? conversation->rpc_interface : "",
                               conversation->is_rpc_refused ? ", refused" : conversation->is_rpc_encrypted ? ", encrypted" : "");
    if (flow_client_certificate_name(conversation))
        g_string_append_printf(text, " · client certificate %s", flow_client_certificate_name(conversation));
    if (conversation->alert.frame && !conversation->alert_is_closing)
        g_string_append_printf(text, " · alert %s by the %s", flow_alert_name(conversation->alert_description),
                               conversation->alert_by == FLOW_CLIENT ? "client" : "server");
    return g_string_free(text, FALSE);
}

static char *
roles_of(const flow_part *part)
{
    return g_strjoinv(", ", (char **)part->roles);
}

static char *
duration_of(const flow_part_step *step)
{
    return step->begin.frame && step->end.frame ? layout_duration(step->end.time - step->begin.time) : NULL;
}

static void
report_step(GString *out, const flow_part *part, const flow_part_step *step)
{
    static const layout_column columns[] = { { 14, false }, { 15, false }, { 11, true },
                                             { 11, true },  { 13, false }, { 21, false } };
    char *state = g_strdup_printf("%s %s", state_signs[step->state], flow_state_name(step->state));
    char *since = layout_duration(step->begin.time - part->enrolment->begin.time);
    char *begin = g_strdup_printf("%s%s", step->begin.time < part->enrolment->begin.time ? "" : "+", since);
    char *duration = duration_of(step);
    char *frames = frames_of(step->begin.frame, " → ", step->end.frame);
    char *outcome = step->exchange ? outcome_of(step->exchange) : NULL;
    char *inferred = step->exchange && step->exchange->basis == FLOW_INFERRED
                         ? g_strdup_printf("inferred, %u %%", step->exchange->confidence)
                         : NULL;

    layout_row(out, MARGIN + 3, columns, G_N_ELEMENTS(columns),
               (const char *[]){ state, flow_operation_name(step->step), step->begin.frame ? begin : NULL, duration,
                                 frames, outcome ? outcome : inferred });
    if (step->exchange && flow_problem(step->exchange))
        layout_prose(out, MARGIN + 5, "! ", flow_problem(step->exchange));
    g_free(inferred);
    g_free(outcome);
    g_free(frames);
    g_free(duration);
    g_free(begin);
    g_free(since);
    g_free(state);
}

/* The logs that tell of it as well, and other points where it was captured. */
static void
add_witnesses(GString *text, const flow_part *part)
{
    GPtrArray *logs = g_ptr_array_new();

    for (unsigned i = 0; i < part->steps->len; i++) {
        const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, i).exchange, *witness;

        for (guint j = 1; exchange && (witness = flow_witness(exchange, j)) != NULL; j++) {
            const char *name = witness->testimony ? witness->testimony->log->name : witness->conversation->vantage;

            if (name && !g_ptr_array_find(logs, name, NULL)) {
                g_string_append_printf(text, "%s%s", logs->len ? ", " : "; also seen by ", name);
                g_ptr_array_add(logs, (gpointer)name);
            }
        }
    }
    g_ptr_array_unref(logs);
}

/* Between whom, on behalf of which other conversation, and how that is known. */
static void
report_relation(GString *out, const flow_part *part)
{
    const flow_conversation *conversation = part->conversation;
    char                    *client = layout_endpoint(conversation->client.address, conversation->client.port);
    char                    *server = layout_endpoint(conversation->server.address, conversation->server.port);
    GString                 *text = g_string_new(NULL);

    g_string_append_printf(text, "%s → %s", client ? client : "unknown", server ? server : "unknown");
    if (conversation->server_name)
        g_string_append_printf(text, " (%s)", conversation->server_name);
    if (conversation->vantage && !conversation->log)
        g_string_append_printf(text, ", seen by %s", conversation->vantage);
    add_witnesses(text, part);
    if (part->continues) {
        const flow_part_step *steps = (const flow_part_step *)(void *)part->steps->data;
        const flow_exchange  *inward = NULL;
        bool                  is_call = false;

        for (unsigned i = 0; i < part->steps->len && !inward; i++) {
            const flow_exchange *exchange = steps[i].exchange;

            is_call = exchange && exchange->operation_of;
            inward = is_call ? exchange : exchange ? exchange->inward : NULL;
        }
        g_string_append_printf(text, "; %s conversation %u", is_call ? "serves" : "continues", part->continues);
        if (inward)
            g_string_append_printf(text, " (%u %%%s%s)", inward->onward_confidence, inward->onward_reason ? ": " : "",
                                   inward->onward_reason ? inward->onward_reason : "");
    }
    layout_prose(out, MARGIN + 3, "", text->str);
    if (part->reason && part->basis == FLOW_INFERRED)
        layout_prose(out, MARGIN + 3, "", part->reason);
    g_string_free(text, TRUE);
    g_free(server);
    g_free(client);
}

static const layout_column conversation_columns[] = { { 3, false },  { 11, false }, { 14, false }, { 6, true },
                                                      { 27, false }, { 14, false }, { 11, false } };

/* What a log tells of one role may be of several conversations. */
static char *
frames_of_part(const flow_part *part)
{
    uint32_t first = part->conversation->first.frame, last = part->conversation->last.frame;

    for (unsigned i = 0; part->conversation->log && i < part->steps->len; i++) {
        const flow_part_step *step = &g_array_index(part->steps, flow_part_step, i);

        first = MIN(first, step->begin.frame);
        last = MAX(last, MAX(step->begin.frame, step->end.frame));
    }
    return frames_of(first, "–", last);
}

static void
report_conversation(GString *out, const flow_part *part)
{
    const flow_conversation *conversation = part->conversation;
    char                    *number = g_strdup_printf("%u", part->number);
    char                    *roles = roles_of(part);
    char                    *stream = conversation->log ? g_strdup("log") : g_strdup_printf("%u", conversation->tcp_stream);
    char                    *transport = transport_of(conversation);
    char                    *basis = basis_of(part->basis, part->confidence);
    char                    *frames = frames_of_part(part);

    layout_row(out, MARGIN, conversation_columns, G_N_ELEMENTS(conversation_columns),
               (const char *[]){ number, flow_leg_name(part->leg), roles, stream, transport, basis, frames });
    report_relation(out, part);
    for (unsigned i = 0; i < part->steps->len; i++)
        report_step(out, part, &g_array_index(part->steps, flow_part_step, i));
    g_free(frames);
    g_free(basis);
    g_free(transport);
    g_free(stream);
    g_free(roles);
    g_free(number);
}

static void
report_conversations(GString *out, const flow_enrolment *enrolment)
{
    if (enrolment->parts->len == 0)
        return;
    g_string_append_c(out, '\n');
    layout_row(out, MARGIN, conversation_columns, G_N_ELEMENTS(conversation_columns),
               (const char *[]){ "#", "Leg", "Role", "Stream", "TCP and TLS", "Known by", "Frames" });
    for (unsigned i = 0; i < enrolment->parts->len; i++)
        report_conversation(out, enrolment->parts->pdata[i]);
}

static void
report_expectations(GString *out, const flow_enrolment *enrolment)
{
    static const layout_column columns[] = { { 14, false }, { 20, false }, { 15, false },
                                             { 12, false }, { 26, false } };
    const char                *told = NULL;

    if (enrolment->steps->len == 0)
        return;
    g_string_append_c(out, '\n');
    layout_prose(out, MARGIN, "", "Against the expected flow");
    layout_row(out, MARGIN + 3, columns, G_N_ELEMENTS(columns),
               (const char *[]){ "State", "Step", "Role", "Conversation", "Seen by" });
    for (unsigned i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *expectation = enrolment->steps->pdata[i];
        char *state = g_strdup_printf("%s %s", state_signs[expectation->state], flow_state_name(expectation->state));
        char *where = expectation->part ? g_strdup_printf("%u", expectation->part->number) : NULL;

        layout_row(out, MARGIN + 3, columns, G_N_ELEMENTS(columns),
                   (const char *[]){ state, flow_operation_name(expectation->step), expectation->role, where,
                                     expectation->seen_by });
        if (expectation->look && g_strcmp0(told, expectation->look) != 0)
            layout_prose(out, MARGIN + 5, "look: ", expectation->look);
        told = expectation->look;
        g_free(where);
        g_free(state);
    }
}

#define BAR 36

/* Where a part of the time lies in the whole, as a bar of BAR cells. */
static char *
bar_of(const flow_timing *timing, const flow_span *span)
{
    GString *bar = g_string_new(NULL);

    for (int64_t cell = 0; cell < BAR; cell++) {
        int64_t from = timing->total * cell / BAR, to = timing->total * (cell + 1) / BAR;
        bool    is_in = false, is_touched = false;

        for (unsigned i = 0; i < span->count; i++) {
            int64_t begin = span->stretches[i].begin, end = begin + span->stretches[i].time;

            is_touched = is_touched || (begin < to && end > from);
            is_in = is_in || MIN(end, to) - MAX(begin, from) > (to - from) / 2;
        }
        g_string_append(bar, is_in ? "█" : is_touched ? "▒" : "·");
    }
    return g_string_free(bar, FALSE);
}

static void
report_timing(GString *out, const flow_timing *timing)
{
    static const layout_column columns[] = { { 27, false }, { 10, true }, { 5, true }, { BAR, false } };
    char                      *total = layout_duration(timing->total);

    g_string_append_c(out, '\n');
    prose(out, MARGIN, "", "Where the time of the PKIOperation went (frames %u → %u, %s)",
          timing->operation->request_end.frame, timing->operation->response_end.frame, total);
    for (unsigned i = 0; i < timing->spans->len; i++) {
        const flow_span *span = &g_array_index(timing->spans, flow_span, i);
        const char      *title = flow_time_part_title(span->part);
        char            *name = span->leg == FLOW_LEG_UNKNOWN ? g_strdup(title)
                                                              : g_strdup_printf("%s %s", title, flow_leg_name(span->leg));
        char            *time = layout_duration(span->time);
        char            *about = g_strdup_printf("%s%s", span->is_estimated ? "~" : "", time);
        char            *share = g_strdup_printf("%.0f %%", timing->total ? 100.0 * (double)span->time /
                                                                                (double)timing->total
                                                                          : 0);
        char            *bar = bar_of(timing, span);

        layout_row(out, MARGIN + 3, columns, G_N_ELEMENTS(columns), (const char *[]){ name, about, share, bar });
        g_free(bar);
        g_free(share);
        g_free(about);
        g_free(time);
        g_free(name);
    }
    g_free(total);
}

static void
report_timings(GString *out, const flow_enrolment *enrolment)
{
    for (unsigned i = 0; i < enrolment->timings->len; i++)
        report_timing(out, enrolment->timings->pdata[i]);
}

static void
report_finding(GString *out, const flow_finding *finding)
{
    GString *where = g_string_new(NULL);

    if (finding->part)
        add_item(where, ", ", "conversation %u", finding->part->number);
    if (finding->leg != FLOW_LEG_UNKNOWN)
        add_item(where, ", ", "%s", flow_leg_name(finding->leg));
    if (finding->where.frame)
        add_item(where, ", ", "frame %u", finding->where.frame);
    prose(out, MARGIN, "", "%s %s %s%s%s", severity_signs[finding->severity], flow_severity_name(finding->severity),
          finding->id, where->len ? ": " : "", where->str);
    if (finding->what)
        layout_prose(out, MARGIN + 3, "What:  ", finding->what);
    if (finding->cause)
        layout_prose(out, MARGIN + 3, "Cause: ", finding->cause);
    if (finding->fix)
        layout_prose(out, MARGIN + 3, "Fix:   ", finding->fix);
    if (finding->look)
        layout_prose(out, MARGIN + 3, "Look:  ", finding->look);
    g_string_free(where, TRUE);
}

static void
report_findings(GString *out, const flow_enrolment *enrolment)
{
    if (enrolment->findings->len == 0)
        return;
    g_string_append_c(out, '\n');
    for (unsigned i = 0; i < enrolment->findings->len; i++)
        report_finding(out, enrolment->findings->pdata[i]);
}

static void
report_heading(GString *out, const flow_enrolment *enrolment)
{
    char    *endpoint = layout_endpoint(enrolment->server_endpoint.address, enrolment->server_endpoint.port);
    char    *begin = layout_time(enrolment->begin.time);
    char    *duration = layout_duration(enrolment->end.time - enrolment->begin.time);
    GString *about = g_string_new(NULL);

    prose(out, 0, "", "%s Enrolment %u %s: %s → %s%s%s%s", verdict_signs[enrolment->verdict], enrolment->number,
          flow_verdict_name(enrolment->verdict), outcome_device(enrolment), outcome_server(enrolment),
          endpoint ? " (" : "", endpoint ? endpoint : "", endpoint ? ")" : "");
    if (enrolment->flow)
        add_item(about, " · ", "%s (%s)", enrolment->flow_title, enrolment->flow);
    if (enrolment->subject)
        add_item(about, " · ", "%s", enrolment->subject);
    if (enrolment->transaction_id)
        add_item(about, " · ", "transaction %s", enrolment->transaction_id);
    if (about->len)
        layout_prose(out, MARGIN, "", about->str);
    prose(out, MARGIN, "", "begun %s, took %s, frames %u–%u", begin ? begin : "at an unknown time", duration,
          enrolment->begin.frame, enrolment->end.frame);
    if (enrolment->device_id || enrolment->user_id)
        prose(out, MARGIN, "", "device %s, user %s", enrolment->device_id ? enrolment->device_id : "unknown",
              enrolment->user_id ? enrolment->user_id : "unknown");
    if (enrolment->attempt > 1)
        prose(out, MARGIN, "", "try %u of this device in the capture", enrolment->attempt);
    if (enrolment->confidence < 100)
        prose(out, MARGIN, "", "inferred, %u %%%s%s", enrolment->confidence, enrolment->confidence_reason ? ": " : "",
              enrolment->confidence_reason ? enrolment->confidence_reason : "");
    g_string_free(about, TRUE);
    g_free(duration);
    g_free(begin);
    g_free(endpoint);
}

static void
report_retry(GString *out, const flow_enrolment *enrolment)
{
    char *due = enrolment->retry_due ? layout_time(enrolment->retry_due) : NULL;

    if (due)
        prose(out, MARGIN, "Next try: ", "due %s%s%s%s", due, enrolment->retry_basis ? " (" : "",
              enrolment->retry_basis ? enrolment->retry_basis : "", enrolment->retry_basis ? ")" : "");
    g_free(due);
}

static void
report_in_full(GString *out, const flow_enrolment *enrolment)
{
    bool is_failure_first = enrolment->verdict != FLOW_COMPLETE;

    if (is_failure_first)
        report_findings(out, enrolment);
    report_conversations(out, enrolment);
    report_expectations(out, enrolment);
    report_timings(out, enrolment);
    if (!is_failure_first)
        report_findings(out, enrolment);
    if (enrolment->retry_due)
        g_string_append_c(out, '\n');
    report_retry(out, enrolment);
}

/* `text`, taken, with blanks at which no line ends. */
static char *
unbroken(char *text)
{
    char **words = g_strsplit(text, " ", -1);
    char  *bound = g_strjoinv("\u00a0", words);

    g_strfreev(words);
    g_free(text);
    return bound;
}

/* A conversation and its steps, in running text. */
static void
report_part_briefly(GString *out, const flow_part *part)
{
    char    *roles = roles_of(part);
    char    *label = g_strdup_printf("%-2u ", part->number);
    GString *steps = g_string_new(NULL);

    for (unsigned i = 0; i < part->steps->len; i++) {
        const flow_part_step *step = &g_array_index(part->steps, flow_part_step, i);
        char                 *duration = duration_of(step);
        char                 *told = unbroken(g_strdup_printf("%s %s%s%s", state_signs[step->state],
                                                              flow_operation_name(step->step), duration ? " " : "",
                                                              duration ? duration : ""));

        add_item(steps, ", ", "%s", told);
        g_free(told);
        g_free(duration);
    }
    if (part->conversation->log)
        prose(out, MARGIN, label, "%s, %s (%s): %s", flow_leg_name(part->leg), roles, part->conversation->log->name,
              steps->str);
    else
        prose(out, MARGIN, label, "%s, %s (tcp.stream %u, frames %u–%u): %s", flow_leg_name(part->leg), roles,
              part->conversation->tcp_stream, part->conversation->first.frame, part->conversation->last.frame,
              steps->str);
    g_string_free(steps, TRUE);
    g_free(label);
    g_free(roles);
}

static void
report_briefly(GString *out, const flow_enrolment *enrolment)
{
    GString *hidden = g_string_new(NULL);
    unsigned fine, visible;

    for (unsigned i = 0; i < enrolment->parts->len; i++)
        report_part_briefly(out, enrolment->parts->pdata[i]);
    for (unsigned i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *expectation = enrolment->steps->pdata[i];

        if (expectation->state == FLOW_NOT_VISIBLE)
            add_item(hidden, ", ", "%s", flow_operation_name(expectation->step));
    }
    outcome_count(enrolment, &fine, &visible);
    if (visible)
        prose(out, MARGIN, "", "%u of %u expected steps ok%s%s", fine, visible,
              hidden->len ? "; not visible here: " : "", hidden->str);
    for (unsigned i = 0; i < enrolment->findings->len; i++) {
        const flow_finding *finding = enrolment->findings->pdata[i];

        prose(out, MARGIN, "", "%s %s %s: %s", severity_signs[finding->severity], flow_severity_name(finding->severity),
              finding->id, finding->what ? finding->what : "");
    }
    report_retry(out, enrolment);
    g_string_free(hidden, TRUE);
}

/* One line for each enrolment. */
static void
report_overview(GString *out, const GPtrArray *enrolments)
{
    static const layout_column columns[] = { { 4, true },   { 12, false }, { 20, false },
                                             { 30, false }, { 26, false } };

    for (unsigned i = 0; i < enrolments->len; i++) {
        const flow_enrolment *enrolment = enrolments->pdata[i];
        const flow_finding   *worst = enrolment->findings->len ? enrolment->findings->pdata[0] : NULL;
        char *number = g_strdup_printf("%u", enrolment->number);
        char *verdict = g_strdup_printf("%s %s", verdict_signs[enrolment->verdict],
                                        flow_verdict_name(enrolment->verdict));
        char *begin = layout_time(enrolment->begin.time);
        char *device = layout_cut(outcome_device(enrolment), 15);
        char *server = g_strdup_printf("%s → %s", device, outcome_server(enrolment));
        char *peers = layout_cut(server, columns[3].width);
        char *finding = worst ? layout_cut(worst->id, columns[4].width) : NULL;

        if (begin)
            strcpy(begin + strlen("2016-06-10T02:44:06"), "Z");
        layout_row(out, 0, columns, G_N_ELEMENTS(columns),
                   (const char *[]){ number, verdict, begin, peers, finding });
        g_free(finding);
        g_free(peers);
        g_free(server);
        g_free(device);
        g_free(begin);
        g_free(verdict);
        g_free(number);
    }
    g_string_append_c(out, '\n');
}

static void
report_sum(GString *out, const GPtrArray *enrolments, unsigned all)
{
    GString *text = g_string_new(NULL);

    for (int verdict = FLOW_COMPLETE; verdict <= FLOW_INCOMPLETE; verdict++) {
        unsigned count = 0;

        for (unsigned i = 0; i < enrolments->len; i++)
            count += ((const flow_enrolment *)enrolments->pdata[i])->verdict == (flow_verdict)verdict;
        if (count)
            add_item(text, ", ", "%u %s", count, flow_verdict_name((flow_verdict)verdict));
    }
    if (enrolments->len < all)
        g_string_append_printf(text, " (%u in the capture)", all);
    prose(out, 0, "", "%u enrolment%s: %s", enrolments->len, plural(enrolments->len), text->str);
    g_string_free(text, TRUE);
}

/* "UTC", "UTC+02:00". */
static char *
zone_of(const flow_log *log)
{
    int64_t minutes = -log->zone / (60 * G_GINT64_CONSTANT(1000000000));

    if (minutes == 0)
        return g_strdup("UTC");
    return g_strdup_printf("UTC%c%02d:%02d", minutes < 0 ? '-' : '+', abs((int)(minutes / 60)), abs((int)(minutes % 60)));
}

/* How the times of a log are understood, and why. */
static void
add_clock(GString *text, const flow_log *log)
{
    char *zone = zone_of(log);

    switch (log->zone_basis) {
    case FLOW_ZONE_UTC: g_string_append(text, "UTC by its format"); break;
    case FLOW_ZONE_BIAS: g_string_append(text, "its records have their time zone"); break;
    case FLOW_ZONE_TOLD: g_string_append_printf(text, "%s as told", zone); break;
    case FLOW_ZONE_INFERRED:
        g_string_append_printf(text, "local time, which is %s by %u event%s that others have as well (%u %%)", zone,
                               log->fits, plural(log->fits), log->zone_confidence);
        break;
    case FLOW_ZONE_ASSUMED:
        g_string_append(text, log->told ? "local time, taken for UTC: nothing else has these events"
                                        : "local time, taken for UTC");
        break;
    }
    if (log->skew) {
        char *skew = layout_duration(ABS(log->skew));

        g_string_append_printf(text, "; its clock is %s %s, which is taken off", skew, log->skew < 0 ? "behind" : "ahead");
        g_free(skew);
    }
    g_free(zone);
}

/* Every line of every log is accounted for. */
static void
report_logs(GString *out, const flow_result *result)
{
    if (!result || !result->logs || result->logs->len == 0)
        return;
    g_string_append(out, "Logs\n");
    for (unsigned i = 0; i < result->logs->len; i++) {
        const flow_log *log = result->logs->pdata[i];
        GString        *text = g_string_new(NULL);

        g_string_append_printf(text, "%s (%s): %u line%s", log->name, log->format, log->lines, plural(log->lines));
        add_item(text, ", ", "%u of requests and calls", log->told);
        if (log->told)
            add_item(text, ", ", "%u of them seen by others too", log->joined);
        if (log->lines > log->told + log->malformed)
            add_item(text, ", ", "%u about something else", log->lines - log->told - log->malformed);
        if (log->malformed)
            add_item(text, ", ", "%u that cannot be read", log->malformed);
        g_string_append(text, "; ");
        add_clock(text, log);
        layout_prose(out, MARGIN, "", text->str);
        g_string_free(text, TRUE);
    }
    g_string_append_c(out, '\n');
}

bool
report_is_shown(const flow_enrolment *enrolment, GHashTable *shown)
{
    if (!shown)
        return true;
    for (unsigned i = 0; i < enrolment->parts->len; i++) {
        const flow_part *part = enrolment->parts->pdata[i];

        if (g_hash_table_contains(shown, part->conversation))
            return true;
        for (unsigned j = 0; j < part->steps->len; j++) {
            const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, j).exchange;

            if (exchange && flow_is_seen_by(exchange, shown))
                return true;
        }
    }
    return false;
}

void
report_text(GString *out, const flow_result *result, GHashTable *shown)
{
    GPtrArray *enrolments;
    bool       has_brief = false;

    if (!result || result->enrolments->len == 0) {
        g_string_append_printf(out, "No SCEP enrolment in this capture.%s%s\n", result && result->hint ? " " : "",
                               result && result->hint ? result->hint : "");
        report_logs(out, result);
        return;
    }
    enrolments = g_ptr_array_new();
    for (unsigned i = 0; i < result->enrolments->len; i++) {
        if (report_is_shown(result->enrolments->pdata[i], shown))
            g_ptr_array_add(enrolments, result->enrolments->pdata[i]);
    }
    if (enrolments->len == 0) {
        prose(out, 0, "", "No enrolment passes the filter (%u in the capture).", result->enrolments->len);
    } else {
        if (enrolments->len > 1)
            report_overview(out, enrolments);
        for (unsigned i = 0; i < enrolments->len; i++) {
            const flow_enrolment *enrolment = enrolments->pdata[i];
            bool                  is_brief = enrolments->len > 1 && enrolment->verdict == FLOW_COMPLETE;

            report_heading(out, enrolment);
            (is_brief ? report_briefly : report_in_full)(out, enrolment);
            g_string_append_c(out, '\n');
            has_brief |= is_brief;
        }
        report_logs(out, result);
        report_sum(out, enrolments, result->enrolments->len);
        if (has_brief)
            prose(out, 0, "", "One of them in full: -z \"scep,flow,scepflow.enrolment == N\"");
    }
    g_ptr_array_free(enrolments, TRUE);
}
