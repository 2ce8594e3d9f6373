/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reports of scepmatch.
 */
#include "report.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "view/json.h"
#include "view/layout.h"

#define MARGIN 2

/* Conversations that were seen alone are told one by one up to here, then counted. */
#define FEW 20

static const char *
name_of(const match_result *result, unsigned source)
{
    return source_name(result->sources->pdata[source]);
}

/* An end of a conversation as text; free with g_free(). */
static char *
end_of(const stream_conversation *conversation, stream_side side)
{
    char text[INET6_ADDRSTRLEN];

    inet_ntop(conversation->ip_version == 4 ? AF_INET : AF_INET6,
              side == STREAM_CLIENT ? conversation->client : conversation->server, text, sizeof text);
    return layout_endpoint(text, side == STREAM_CLIENT ? conversation->client_port : conversation->server_port);
}

static char *
ends_of(const stream_conversation *conversation)
{
    char *client = end_of(conversation, STREAM_CLIENT), *server = end_of(conversation, STREAM_SERVER);
    char *text = g_strdup_printf("%s → %s", client, server);

    g_free(server);
    g_free(client);
    return text;
}

/* The conversation of a group that a source has, or NULL. */
static const stream_conversation *
seen_at(const pair_group *group, unsigned source)
{
    for (guint i = 0; i < group->seen->len; i++) {
        const stream_conversation *conversation = group->seen->pdata[i];

        if (conversation->source == source)
            return conversation;
    }
    return NULL;
}

/* The conversation that begins with this record of a source, or NULL. */
static const stream_conversation *
conversation_at(const match_result *result, across_end end)
{
    for (guint i = 0; i < result->groups->len; i++) {
        const stream_conversation *conversation = seen_at(result->groups->pdata[i], end.source);

        if (conversation && conversation->first_number == end.first_number)
            return conversation;
    }
    return NULL;
}

/* True when a link begins at a conversation of the group. */
static bool
begins_in(const across_link *link, const pair_group *group)
{
    const stream_conversation *conversation = seen_at(group, link->front.source);

    return conversation && conversation->first_number == link->front.first_number;
}

static unsigned
count_matched(const match_result *result, unsigned source)
{
    unsigned count = 0;

    for (guint i = 0; i < result->groups->len; i++) {
        const pair_group *group = result->groups->pdata[i];

        count += group->seen->len > 1 && seen_at(group, source);
    }
    return count;
}

/* --- for people --- */

static void
tell_clock(GString *text, const match_result *result, unsigned source)
{
    const clock_estimate *clock = &result->clocks[source];
    char                 *offset = layout_duration(llabs(clock->offset)), *doubt = layout_duration(clock->uncertainty);

    if (clock->quality == CLOCK_NONE) {
        g_string_append(text, "nothing in common by which its clock could be compared");
    } else {
        g_string_append_printf(text, "its clock is %s %s ± %s (%s", offset, clock->offset < 0 ? "behind" : "ahead", doubt,
                               clock_quality_name(clock->quality));
        if (clock->is_drift_known)
            g_string_append_printf(text, ", gaining %.1f ± %.1f ppm", clock->drift / 1e3, clock->drift_uncertainty / 1e3);
        if (result->tied_by[source] > 0)
            g_string_append_printf(text, ", by way of %s", name_of(result, (unsigned)result->tied_by[source]));
        g_string_append_c(text, ')');
    }
    for (guint i = 0; clock->steps && i < clock->steps->len; i++) {
        const clock_step *step = &g_array_index(clock->steps, clock_step, i);
        char             *size = layout_duration(llabs(step->size)), *at = layout_time(step->at);

        g_string_append_printf(text, "; set %s by %s about %s", size, step->size < 0 ? "back" : "forward",
                               at ? at : "an unknown time");
        g_free(at);
        g_free(size);
    }
    g_free(doubt);
    g_free(offset);
}

static void
tell_sources(GString *out, const match_result *result)
{
    g_string_append(out, "Sources\n");
    for (guint i = 0; i < result->sources->len; i++) {
        GString *text = g_string_new(NULL);
        char    *label = g_strdup_printf("%-8s ", name_of(result, i));

        g_string_append_printf(text, "%s: %" G_GUINT64_FORMAT " %s; ", source_path(result->sources->pdata[i]),
                               result->records[i], source_is_log(result->sources->pdata[i]) ? "lines" : "packets");
        if (i == 0)
            g_string_append(text, "its clock is the reference");
        else
            tell_clock(text, result, i);
        layout_prose(out, MARGIN, label, text->str);
        g_free(label);
        g_string_free(text, TRUE);
    }
}

static void
add_count(GString *text, uint64_t count, const char *what)
{
    if (count)
        g_string_append_printf(text, ", %" G_GUINT64_FORMAT " %s", count, what);
}

static void
tell_direction(GString *out, const match_result *result, const between_pair *pair, stream_side from)
{
    const between_direction *direction = &pair->directions[from];
    const char *here = name_of(result, pair->sources[from]), *there = name_of(result, pair->sources[1 - from]);
    GString    *text = g_string_new(NULL);

    g_string_append_printf(text, "%s to %s: %" G_GUINT64_FORMAT " lost", here, there, direction->lost);
    add_count(text, direction->retransmitted, "sent again");
    add_count(text, direction->reordered, "overtaken");
    add_count(text, direction->injected, "injected on the way");
    if (direction->is_black_hole)
        g_string_append(text, ", large packets never arrive: a smaller MTU on the way, and ICMP does not come back");
    if (direction->has_mss_changed)
        g_string_append(text, ", MSS changed on the way");
    if (direction->delay.count) {
        char *least = layout_duration(direction->delay.min), *middle = layout_duration(direction->delay.median);
        char *most = layout_duration(direction->delay.max);

        g_string_append_printf(text, "; delay %s to %s, mostly %s", least, most, middle);
        g_free(most);
        g_free(middle);
        g_free(least);
    }
    if (pair->is_reset_injected[from])
        g_string_append_printf(text, "; the RST that %s has was never sent by the %s", there,
                               from == STREAM_CLIENT ? "client" : "server");
    layout_prose(out, MARGIN + 4, "", text->str);
    g_string_free(text, TRUE);
}

static void
tell_links(GString *out, const match_result *result, const pair_group *group)
{
    for (guint i = 0; i < result->links->len; i++) {
        const across_link         *link = &g_array_index(result->links, across_link, i);
        const stream_conversation *inner = begins_in(link, group) ? conversation_at(result, link->inner) : NULL;
        char                      *ends, *text;

        if (!inner)
            continue;
        ends = ends_of(inner);
        text = g_strdup_printf("goes on at %s as %s (%s, %u %%: %s)", name_of(result, link->inner.source), ends, link->basis,
                               link->confidence, link->reason ? link->reason : "");
        layout_prose(out, MARGIN + 4, "", text);
        g_free(text);
        g_free(ends);
    }
}

static void
tell_group(GString *out, const match_result *result, const pair_group *group, unsigned number)
{
    char *label = g_strdup_printf("%-3u ", number);

    for (guint i = 0; i < group->seen->len; i++) {
        const stream_conversation *conversation = group->seen->pdata[i];
        char                      *ends = ends_of(conversation);
        char *text = g_strdup_printf("%s: %s, packets %u–%u%s%s", name_of(result, conversation->source), ends,
                                     conversation->first_number, conversation->last_number, i ? "" : ", the same by ",
                                     i ? "" : pair_basis_name(group->basis));

        layout_prose(out, MARGIN, i ? "    " : label, text);
        g_free(text);
        g_free(ends);
    }
    for (guint i = 0; i < result->pairs->len; i++) {
        const between_pair *pair = result->pairs->pdata[i];

        if (pair->group != group)
            continue;
        tell_direction(out, result, pair, STREAM_CLIENT);
        tell_direction(out, result, pair, STREAM_SERVER);
    }
    tell_links(out, result, group);
    g_free(label);
}

/* What one source alone has. */
static void
tell_alone(GString *out, const match_result *result)
{
    unsigned count = 0;

    for (guint i = 0; i < result->groups->len; i++) {
        const pair_group          *group = result->groups->pdata[i];
        const stream_conversation *conversation = group->seen->pdata[0];
        char                      *ends, *text;

        if (group->seen->len > 1)
            continue;
        if (count++ == 0)
            g_string_append(out, "\nSeen by one alone\n");
        if (count > FEW)
            continue;
        ends = ends_of(conversation);
        text = g_strdup_printf("%s: %s, packets %u–%u%s%s", name_of(result, conversation->source), ends,
                               conversation->first_number, conversation->last_number, group->reason ? ": " : "",
                               group->reason ? group->reason : "");
        layout_prose(out, MARGIN, "", text);
        tell_links(out, result, group);
        g_free(text);
        g_free(ends);
    }
    if (count > FEW)
        g_string_append_printf(out, "  … and %u more\n", count - FEW);
}

void
report_text(GString *out, const match_result *result)
{
    unsigned number = 0;

    tell_sources(out, result);
    for (guint i = 0; i < result->groups->len; i++) {
        const pair_group *group = result->groups->pdata[i];

        if (group->seen->len < 2)
            continue;
        if (number == 0)
            g_string_append(out, "\nConversations seen by several\n");
        tell_group(out, result, group, ++number);
    }
    tell_alone(out, result);
}

/* --- JSON --- */

static void
add_decimal(GString *out, double value, const char *format)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    json_begin(out);
    g_string_append(out, g_ascii_formatd(text, sizeof text, format, value));
}

/* Nanoseconds as seconds, all of them. */
static void
add_seconds(GString *out, int64_t time)
{
    json_begin(out);
    g_string_append_printf(out, "%s%" G_GINT64_FORMAT ".%09" G_GINT64_FORMAT, time < 0 ? "-" : "",
                           (int64_t)llabs(time / 1000000000), (int64_t)llabs(time % 1000000000));
}

static void
add_source(GString *out, const match_result *result, unsigned source)
{
    const clock_estimate *clock = &result->clocks[source];

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "name");
    json_text(out, name_of(result, source));
    json_key(out, "file");
    json_text(out, source_path(result->sources->pdata[source]));
    json_key(out, "packets");
    json_number(out, true, (int64_t)result->records[source]);
    json_key(out, "reference");
    json_bool(out, source == 0);
    if (source > 0) {
        bool is_known = clock->quality != CLOCK_NONE;

        json_key(out, "offset");
        is_known ? add_seconds(out, clock->offset) : json_text(out, NULL);
        json_key(out, "uncertainty");
        is_known ? add_seconds(out, clock->uncertainty) : json_text(out, NULL);
        json_key(out, "drift_ppm");
        clock->is_drift_known ? add_decimal(out, clock->drift / 1e3, "%.3f") : json_text(out, NULL);
        json_key(out, "drift_uncertainty_ppm");
        clock->is_drift_known ? add_decimal(out, clock->drift_uncertainty / 1e3, "%.3f") : json_text(out, NULL);
        json_key(out, "quality");
        json_text(out, clock_quality_name(clock->quality));
        json_key(out, "by_way_of");
        json_text(out, result->tied_by[source] > 0 ? name_of(result, (unsigned)result->tied_by[source]) : NULL);
        json_key(out, "steps");
        g_string_append_c(out, '[');
        for (guint i = 0; clock->steps && i < clock->steps->len; i++) {
            const clock_step *step = &g_array_index(clock->steps, clock_step, i);

            json_begin(out);
            g_string_append_c(out, '{');
            json_key(out, "at");
            json_taken_text(out, layout_time(step->at));
            json_key(out, "size");
            add_seconds(out, step->size);
            g_string_append_c(out, '}');
        }
        g_string_append_c(out, ']');
    }
    json_key(out, "matched");
    json_number(out, true, count_matched(result, source));
    g_string_append_c(out, '}');
}

static void
add_ends(GString *out, const stream_conversation *conversation)
{
    json_key(out, "client");
    json_taken_text(out, end_of(conversation, STREAM_CLIENT));
    json_key(out, "server");
    json_taken_text(out, end_of(conversation, STREAM_SERVER));
}

static void
add_seen(GString *out, const match_result *result, const pair_group *group)
{
    json_key(out, "seen");
    g_string_append_c(out, '{');
    for (guint i = 0; i < group->seen->len; i++) {
        const stream_conversation *conversation = group->seen->pdata[i];

        json_key(out, name_of(result, conversation->source));
        g_string_append_c(out, '{');
        add_ends(out, conversation);
        json_key(out, "first_frame");
        json_number(out, true, conversation->first_number);
        json_key(out, "last_frame");
        json_number(out, true, conversation->last_number);
        json_key(out, "duplicates");
        json_number(out, true, conversation->duplicates);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, '}');
}

/* Opens the value of a pair's direction under the key "A_to_B". */
static void
add_direction_key(GString *out, const match_result *result, const between_pair *pair, stream_side from)
{
    char *key = g_strdup_printf("%s_to_%s", name_of(result, pair->sources[from]), name_of(result, pair->sources[1 - from]));

    json_key(out, key);
    g_free(key);
}

static void
add_delay(GString *out, const between_delay *delay)
{
    g_string_append_c(out, '{');
    if (delay->count) {
        json_key(out, "min");
        add_seconds(out, delay->min);
        json_key(out, "median");
        add_seconds(out, delay->median);
        json_key(out, "max");
        add_seconds(out, delay->max);
    }
    g_string_append_c(out, '}');
}

/* The numbers of one kind for all pairs of a group. */
static void
add_counts(GString *out, const match_result *result, const pair_group *group, const char *key, size_t offset)
{
    json_key(out, key);
    g_string_append_c(out, '{');
    for (guint i = 0; i < result->pairs->len; i++) {
        const between_pair *pair = result->pairs->pdata[i];

        for (int from = 0; pair->group == group && from < 2; from++) {
            add_direction_key(out, result, pair, (stream_side)from);
            json_number(out, true, (int64_t)*(const uint64_t *)(const void *)((const char *)&pair->directions[from] + offset));
        }
    }
    g_string_append_c(out, '}');
}

static void
add_between(GString *out, const match_result *result, const pair_group *group)
{
    add_counts(out, result, group, "lost", offsetof(between_direction, lost));
    add_counts(out, result, group, "retransmitted", offsetof(between_direction, retransmitted));
    add_counts(out, result, group, "reordered", offsetof(between_direction, reordered));
    add_counts(out, result, group, "injected", offsetof(between_direction, injected));
    json_key(out, "delay");
    g_string_append_c(out, '{');
    for (guint i = 0; i < result->pairs->len; i++) {
        const between_pair *pair = result->pairs->pdata[i];

        for (int from = 0; pair->group == group && from < 2; from++) {
            add_direction_key(out, result, pair, (stream_side)from);
            add_delay(out, &pair->directions[from].delay);
        }
    }
    g_string_append_c(out, '}');
    json_key(out, "notes");
    g_string_append_c(out, '[');
    for (guint i = 0; i < result->pairs->len; i++) {
        const between_pair *pair = result->pairs->pdata[i];

        for (int from = 0; pair->group == group && from < 2; from++) {
            if (pair->directions[from].is_black_hole)
                json_text(out, "mtu-black-hole");
            if (pair->directions[from].has_mss_changed)
                json_text(out, "mss-changed");
            if (pair->is_reset_injected[from])
                json_text(out, "reset-injected");
        }
    }
    g_string_append_c(out, ']');
}

static void
add_onward(GString *out, const match_result *result, const pair_group *group)
{
    json_key(out, "onward");
    g_string_append_c(out, '[');
    for (guint i = 0; i < result->links->len; i++) {
        const across_link         *link = &g_array_index(result->links, across_link, i);
        const stream_conversation *inner = begins_in(link, group) ? conversation_at(result, link->inner) : NULL;

        if (!inner)
            continue;
        json_begin(out);
        g_string_append_c(out, '{');
        json_key(out, "source");
        json_text(out, name_of(result, link->inner.source));
        add_ends(out, inner);
        json_key(out, "basis");
        json_text(out, link->basis);
        json_key(out, "confidence");
        json_number(out, true, link->confidence);
        json_key(out, "reason");
        json_text(out, link->reason);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
}

static void
add_unmatched(GString *out, const match_result *result, const pair_group *group)
{
    const stream_conversation *conversation = group->seen->pdata[0];

    json_begin(out);
    g_string_append_c(out, '{');
    json_key(out, "source");
    json_text(out, name_of(result, conversation->source));
    add_ends(out, conversation);
    json_key(out, "first_frame");
    json_number(out, true, conversation->first_number);
    json_key(out, "last_frame");
    json_number(out, true, conversation->last_number);
    json_key(out, "reason");
    json_text(out, group->reason);
    add_onward(out, result, group);
    g_string_append_c(out, '}');
}

void
report_json(GString *out, const match_result *result)
{
    g_string_append_c(out, '{');
    json_key(out, "sources");
    g_string_append_c(out, '[');
    for (guint i = 0; i < result->sources->len; i++)
        add_source(out, result, i);
    g_string_append_c(out, ']');
    json_key(out, "conversations");
    g_string_append_c(out, '[');
    for (guint i = 0; i < result->groups->len; i++) {
        const pair_group *group = result->groups->pdata[i];

        if (group->seen->len < 2)
            continue;
        json_begin(out);
        g_string_append_c(out, '{');
        add_seen(out, result, group);
        json_key(out, "basis");
        json_text(out, pair_basis_name(group->basis));
        add_between(out, result, group);
        add_onward(out, result, group);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
    json_key(out, "unmatched");
    g_string_append_c(out, '[');
    for (guint i = 0; i < result->groups->len; i++) {
        const pair_group *group = result->groups->pdata[i];

        if (group->seen->len < 2)
            add_unmatched(out, result, group);
    }
    g_string_append(out, "]}\n");
}
