/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The proxy's two legs, by the engine of dissector/flow.
 */
#include "across.h"

#include "flow/evidence.h"
#include "flow/knowledge.h"
#include "transport/track.h"

struct across {
    flow_knowledge *knowledge;
    flow_model     *model;
    tracker        *tracker;
    GPtrArray      *names;  /* of the sources */
    GHashTable     *ends;   /* flow_conversation -> across_end, owned */
    uint32_t        frames;
    unsigned        streams;
};

across *
across_new(const char *const *names)
{
    static const flow_settings settings = { .expected_flow = "auto" };
    across                    *all = g_new0(across, 1);
    GPtrArray                 *problems = g_ptr_array_new_with_free_func(g_free);

    all->knowledge = flow_knowledge_begin(NULL, problems); /* what is compiled in has no problems */
    all->model = flow_model_new(all->knowledge, &settings);
    all->tracker = tracker_new(all->model, NULL);
    all->names = g_ptr_array_new_with_free_func(g_free);
    all->ends = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    for (; *names; names++)
        g_ptr_array_add(all->names, g_strdup(*names));
    g_ptr_array_unref(problems);
    return all;
}

void
across_free(across *all)
{
    if (!all)
        return;
    g_hash_table_unref(all->ends);
    g_ptr_array_unref(all->names);
    tracker_free(all->tracker);
    flow_model_free(all->model);
    flow_knowledge_free(all->knowledge);
    g_free(all);
}

void
across_take(across *all, unsigned source, uint32_t number, const wire_segment *segment, int64_t time)
{
    wire_segment own = *segment;
    flow_moment  now = { ++all->frames, time };
    track_place  place;

    own.point = (uint16_t)source;
    flow_model_saw_frame(all->model, now.frame, now.time);
    place = tracker_place(all->tracker, &own, now);
    if (place.is_new) {
        across_end *end = g_new(across_end, 1);

        *end = (across_end){ source, number };
        track_name(place.track, all->streams++, all->names->pdata[source]);
        g_hash_table_insert(all->ends, track_conversation(place.track), end);
    }
    track_segment(place, &own, now);
}

/* Adds the link between a conversation and the one before the proxy, as the first request in it that continues one tells. */
static void
add_link(const across *all, GArray *links, const flow_part *part)
{
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_exchange *inner = g_array_index(part->steps, flow_part_step, i).exchange;
        const flow_exchange *front = inner ? inner->inward : NULL;
        across_link          link;

        if (!front)
            continue;
        link.front = *(across_end *)g_hash_table_lookup(all->ends, front->conversation);
        link.inner = *(across_end *)g_hash_table_lookup(all->ends, inner->conversation);
        link.basis = front->basis == FLOW_DECRYPTED && inner->basis == FLOW_DECRYPTED ? "decrypted" : "timing";
        link.confidence = front->onward_confidence;
        link.reason = front->onward_reason;
        g_array_append_val(links, link);
        return;
    }
}

GArray *
across_links(across *all)
{
    const flow_result *result = flow_evaluate(all->model);
    GArray            *links = g_array_new(FALSE, FALSE, sizeof(across_link));

    for (guint i = 0; i < result->enrolments->len; i++) {
        const flow_enrolment *enrolment = result->enrolments->pdata[i];

        for (guint j = 0; j < enrolment->parts->len; j++)
            add_link(all, links, enrolment->parts->pdata[j]);
    }
    return links;
}
