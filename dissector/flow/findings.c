/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The catalogue applied to an enrolment.
 */
#include <string.h>

#include "facts.h"

static flow_moment
where_of(const flow_subject *about)
{
    const flow_conversation *conversation;

    if (about->exchange)
        return about->exchange->response_end.frame ? about->exchange->response_end : about->exchange->request_end;
    if (!about->part)
        return about->enrolment->end;
    conversation = about->part->conversation;
    if (conversation->alert.frame && !conversation->alert_is_closing)
        return conversation->alert;
    return conversation->reset.frame ? conversation->reset : conversation->last;
}

static const char *
filled(flow_subject *about, const char *text)
{
    char       *whole = flow_entry_fill(text, flow_tell, about);
    const char *kept = flow_result_string(about->model, whole);

    g_free(whole);
    return kept;
}

static void
apply(flow_subject *about, flow_enrolment *enrolment, const flow_entry *entry)
{
    flow_finding *finding;

    if (!flow_entry_holds(entry, flow_tell, about))
        return;
    finding = g_new0(flow_finding, 1);
    finding->id = entry->id;
    finding->severity = entry->severity;
    finding->where = where_of(about);
    finding->part = about->part;
    finding->exchange = about->exchange;
    finding->leg = about->part ? about->part->leg : FLOW_LEG_UNKNOWN;
    finding->what = filled(about, entry->what);
    finding->cause = filled(about, entry->cause);
    finding->fix = filled(about, entry->fix);
    finding->look = filled(about, entry->look);
    g_ptr_array_add(enrolment->findings, finding);
}

static void
apply_to_part(flow_subject *about, flow_enrolment *enrolment, const flow_entry *entry)
{
    if (entry->about == FLOW_ABOUT_CONVERSATION) {
        apply(about, enrolment, entry);
        return;
    }
    for (guint i = 0; i < about->part->steps->len; i++) {
        about->exchange = g_array_index(about->part->steps, flow_part_step, i).exchange;
        if (about->exchange)
            apply(about, enrolment, entry);
    }
    about->exchange = NULL;
}

/* When what a finding is about was under way: a request until its answer, else its conversation. */
static void
span_of(const flow_finding *finding, int64_t *begin, int64_t *end)
{
    const flow_exchange *exchange = finding->exchange;

    *begin = exchange ? exchange->request.time : finding->part->conversation->first.time;
    *end = exchange && exchange->response_end.frame ? exchange->response_end.time
                                                    : finding->part->conversation->last.time;
}

/* True when a call of NDES was made for a PKIOperation, on whichever leg that is. */
static bool
serves(const flow_exchange *call, const flow_exchange *operation)
{
    return call->operation_of && (call->operation_of == operation || call->operation_of == operation->onward);
}

/* True when two findings may be about the same event: of one request or conversation, or of what happened on the other leg
 * at that time. */
static bool
are_related(const flow_finding *a, const flow_finding *b)
{
    int64_t begin[2], end[2];

    if (a->exchange && b->exchange)
        return a->exchange == b->exchange || a->exchange->onward == b->exchange ||
               b->exchange->onward == a->exchange || serves(a->exchange, b->exchange) || serves(b->exchange, a->exchange);
    if (!a->part || !b->part || a->part == b->part)
        return true;
    span_of(a, &begin[0], &end[0]);
    span_of(b, &begin[1], &end[1]);
    return a->leg != b->leg && begin[0] <= end[1] && begin[1] <= end[0];
}

static bool
is_hidden(flow_model *model, const flow_enrolment *enrolment, const flow_finding *finding)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(flow_known(model));

    for (guint i = 0; i < enrolment->findings->len; i++) {
        const flow_finding *other = enrolment->findings->pdata[i];

        if (other == finding || !are_related(finding, other))
            continue;
        /* A proxy hands on what it got: the same of the same request is said where it comes from. */
        if (finding->exchange && finding->exchange->onward && finding->exchange->onward == other->exchange &&
            strcmp(finding->id, other->id) == 0)
            return true;
        for (guint j = 0; j < catalogue->len; j++) {
            const flow_entry *entry = catalogue->pdata[j];

            if (strcmp(entry->id, other->id) == 0 && entry->hides &&
                g_strv_contains((const char *const *)entry->hides, finding->id))
                return true;
        }
    }
    return false;
}

static gint
worst_first(gconstpointer a, gconstpointer b)
{
    const flow_finding *first = *(flow_finding *const *)a, *second = *(flow_finding *const *)b;

    if (first->severity != second->severity)
        return first->severity > second->severity ? -1 : 1;
    return first->where.frame < second->where.frame ? -1 : first->where.frame > second->where.frame;
}

void
flow_find_findings(flow_model *model, flow_enrolment *enrolment)
{
    const GPtrArray *catalogue = flow_knowledge_catalogue(flow_known(model));
    GPtrArray       *kept = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < catalogue->len; i++) {
        const flow_entry *entry = catalogue->pdata[i];
        flow_subject           about = { model, enrolment, NULL, NULL, "" };

        if (entry->about == FLOW_ABOUT_ENROLMENT) {
            apply(&about, enrolment, entry);
            continue;
        }
        for (guint j = 0; j < enrolment->parts->len; j++) {
            about.part = enrolment->parts->pdata[j];
            apply_to_part(&about, enrolment, entry);
        }
    }
    for (guint i = 0; i < enrolment->findings->len; i++) {
        flow_finding *finding = enrolment->findings->pdata[i];

        if (!is_hidden(model, enrolment, finding))
            g_ptr_array_add(kept, g_memdup2(finding, sizeof *finding));
    }
    g_ptr_array_sort(kept, worst_first);
    g_ptr_array_unref(enrolment->findings);
    enrolment->findings = kept;
}
