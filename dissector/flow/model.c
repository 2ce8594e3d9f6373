/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The model of a file: what evidence there is, and its evaluation stage by stage.
 */
#include <stdarg.h>
#include <string.h>

#include "internal.h"
#include "logs.h"

/* Conversations are many and short-lived strings are few: a chunk of this size holds most files' strings. */
#define STRINGS 4096

/* An evaluation on the way costs as much as there are conversations. */
#define CHEAP 64

static void
free_conversation(gpointer data)
{
    flow_conversation *conversation = data;

    if (conversation->turns)
        g_array_unref(conversation->turns);
    if (conversation->exchanges)
        g_ptr_array_unref(conversation->exchanges);
    g_free(conversation);
}

static void
free_certificate(gpointer data)
{
    flow_certificate *certificate = data;

    g_free((gpointer)certificate->names);
    g_free(certificate);
}

/* A certificate ends with its signature, which no other has. */
static guint
hash_der(gconstpointer data)
{
    gsize          length;
    const uint8_t *der = g_bytes_get_data((GBytes *)data, &length);
    guint          hash = (guint)length;

    for (gsize i = length > 16 ? length - 16 : 0; i < length; i++)
        hash = hash * 31 + der[i];
    return hash;
}

void
flow_part_free(gpointer data)
{
    flow_part *part = data;

    g_array_unref(part->steps);
    g_free(part->roles);
    g_free(part);
}

static void
free_timing(gpointer data)
{
    flow_timing *timing = data;

    g_array_unref(timing->spans);
    g_free(timing);
}

static void
free_enrolment(gpointer data)
{
    flow_enrolment *enrolment = data;

    g_ptr_array_unref(enrolment->parts);
    g_ptr_array_unref(enrolment->steps);
    g_ptr_array_unref(enrolment->findings);
    g_ptr_array_unref(enrolment->timings);
    g_free(enrolment);
}

flow_enrolment *
flow_enrolment_new(flow_model *model)
{
    flow_enrolment *enrolment = g_new0(flow_enrolment, 1);

    enrolment->parts = g_ptr_array_new_with_free_func(flow_part_free);
    enrolment->steps = g_ptr_array_new_with_free_func(g_free);
    enrolment->findings = g_ptr_array_new_with_free_func(g_free);
    enrolment->timings = g_ptr_array_new_with_free_func(free_timing);
    g_ptr_array_add(model->result.enrolments, enrolment);
    return enrolment;
}

/* "wap=198.51.100.20" tells a role, a plain word a server. */
static void
read_told(flow_model *model, const char *text)
{
    char **words = g_strsplit_set(text ? text : "", ", ;\t", -1);

    for (char **word = words; *word; word++) {
        static const char *const roles[] = { "server", "wap", "ndes", "device", "crp", "ca", "mdm" };
        char     *equals = strchr(*word, '=');
        flow_told told = { NULL, "server" };

        if (!**word)
            continue;
        for (size_t i = 0; equals && i < G_N_ELEMENTS(roles); i++) {
            if (strlen(roles[i]) == (size_t)(equals - *word) &&
                g_ascii_strncasecmp(*word, roles[i], (gsize)(equals - *word)) == 0)
                told.role = roles[i];
        }
        told.pattern = g_ascii_strdown(equals ? equals + 1 : *word, -1);
        g_array_append_val(model->told, told);
    }
    g_strfreev(words);
}

static bool
is_set(const char *text)
{
    return text && *text && g_ascii_strcasecmp(text, "auto") != 0;
}

static char *
setting(const char *text)
{
    return is_set(text) ? g_ascii_strdown(text, -1) : NULL;
}

static GTimeZone *
read_zone(const char *text)
{
    return is_set(text) ? g_time_zone_new_identifier(text) : NULL;
}

bool
flow_zone_is_known(const char *text)
{
    GTimeZone *zone = read_zone(text);
    bool       is_known = zone || !is_set(text);

    if (zone)
        g_time_zone_unref(zone);
    return is_known;
}

static void
clear_told(gpointer data)
{
    g_free(((flow_told *)data)->pattern);
}

flow_model *
flow_model_new(const flow_knowledge *knowledge, const flow_settings *settings)
{
    flow_model *model = g_new0(flow_model, 1);

    model->known = knowledge;
    model->learn = settings ? settings->learn : NULL;
    model->conversations = g_ptr_array_new_with_free_func(free_conversation);
    model->told_conversations = g_ptr_array_new_with_free_func(free_conversation);
    model->logs = g_ptr_array_new_with_free_func(flow_log_free);
    model->logged = g_hash_table_new(NULL, NULL);
    model->witnessed = g_ptr_array_new();
    model->distinct = g_ptr_array_new();
    model->twins = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    model->shadows = g_ptr_array_new_with_free_func(flow_part_free);
    model->log_zone = read_zone(settings ? settings->log_time_zone : NULL);
    model->certificates =
        g_hash_table_new_full(hash_der, g_bytes_equal, (GDestroyNotify)g_bytes_unref, free_certificate);
    model->names = g_hash_table_new(NULL, NULL);
    model->strings = g_string_chunk_new(STRINGS);
    model->told = g_array_new(FALSE, FALSE, sizeof(flow_told));
    g_array_set_clear_func(model->told, clear_told);
    read_told(model, settings ? settings->servers : NULL);
    model->expected_flow = setting(settings ? settings->expected_flow : NULL);
    model->vantage = setting(settings ? settings->vantage : NULL);
    model->result.enrolments = g_ptr_array_new_with_free_func(free_enrolment);
    model->result_strings = g_string_chunk_new(STRINGS);
    model->inferred = g_ptr_array_new_with_free_func(flow_exchange_free);
    model->parts = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    model->servers = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    model->outside = g_hash_table_new(NULL, NULL);
    model->inside = g_hash_table_new(NULL, NULL);
    model->ndes = g_hash_table_new(NULL, NULL);
    model->calls_crp = g_hash_table_new(NULL, NULL);
    model->calls_ca = g_hash_table_new(NULL, NULL);
    model->speaks_rpc = g_hash_table_new(NULL, NULL);
    model->changes = 1;
    return model;
}

void
flow_model_free(flow_model *model)
{
    if (!model)
        return;
    g_hash_table_unref(model->parts);
    g_hash_table_unref(model->servers);
    g_hash_table_unref(model->outside);
    g_hash_table_unref(model->inside);
    g_hash_table_unref(model->ndes);
    g_hash_table_unref(model->calls_crp);
    g_hash_table_unref(model->calls_ca);
    g_hash_table_unref(model->speaks_rpc);
    g_ptr_array_unref(model->result.enrolments);
    g_ptr_array_unref(model->inferred);
    g_string_chunk_free(model->result_strings);
    g_free(model->expected_flow);
    g_free(model->vantage);
    g_array_unref(model->told);
    g_string_chunk_free(model->strings);
    g_hash_table_unref(model->certificates);
    g_hash_table_unref(model->names);
    g_ptr_array_unref(model->conversations);
    g_ptr_array_unref(model->told_conversations);
    g_ptr_array_unref(model->logs);
    g_ptr_array_unref(model->witnessed);
    g_ptr_array_unref(model->distinct);
    g_hash_table_unref(model->twins);
    g_ptr_array_unref(model->shadows);
    g_hash_table_unref(model->logged);
    if (model->log_zone)
        g_time_zone_unref(model->log_zone);
    g_free(model);
}

const flow_knowledge *
flow_known(flow_model *model)
{
    if (!model->known)
        model->known = model->learn(false);
    return model->known;
}

void
flow_model_saw_frame(flow_model *model, uint32_t frame, int64_t time)
{
    model->last.frame = frame;
    model->last.time = MAX(model->last.time, time);
}

const char *
flow_intern(flow_model *model, const char *text)
{
    return text ? g_string_chunk_insert_const(model->strings, text) : NULL;
}

const char *
flow_result_string(flow_model *model, const char *text)
{
    return text ? g_string_chunk_insert_const(model->result_strings, text) : NULL;
}

const char *
flow_result_printf(flow_model *model, const char *format, ...)
{
    va_list     arguments;
    char       *text;
    const char *kept;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    kept = flow_result_string(model, text);
    g_free(text);
    return kept;
}

flow_conversation *
flow_add_conversation(flow_model *model, unsigned tcp_stream, const char *client, uint16_t client_port,
                      const char *server, uint16_t server_port, const char *vantage, flow_moment first)
{
    flow_conversation *conversation = g_new0(flow_conversation, 1);

    conversation->model = model;
    conversation->tcp_stream = tcp_stream;
    conversation->client = (flow_endpoint){ flow_intern(model, client), client_port };
    conversation->server = (flow_endpoint){ flow_intern(model, server), server_port };
    conversation->vantage = flow_intern(model, vantage);
    conversation->first = conversation->last = first;
    conversation->alert_description = -1;
    conversation->alert_level = -1;
    g_ptr_array_add(model->conversations, conversation);
    model->changes++;
    return conversation;
}

void
flow_swap_sides(flow_conversation *conversation)
{
    flow_endpoint client = conversation->client;

    conversation->client = conversation->server;
    conversation->server = client;
}

flow_exchange *
flow_exchange_new(flow_conversation *conversation, flow_basis basis)
{
    flow_exchange *exchange = g_new0(flow_exchange, 1);

    exchange->conversation = conversation;
    exchange->basis = basis;
    exchange->message_type = exchange->pki_status = exchange->fail_info = -1;
    exchange->verified = exchange->disposition = -1;
    return exchange;
}

void
flow_exchange_free(gpointer data)
{
    flow_exchange *exchange = data;

    flow_testimony_free(exchange->testimony);
    if (exchange->witnesses)
        g_ptr_array_unref(exchange->witnesses);
    g_free(exchange);
}

flow_exchange *
flow_add_exchange(flow_conversation *conversation, flow_basis basis, flow_moment request)
{
    flow_exchange *exchange = flow_exchange_new(conversation, basis);

    exchange->request = exchange->request_end = request;
    exchange->confidence = 100;
    if (!conversation->exchanges)
        conversation->exchanges = g_ptr_array_new_with_free_func(flow_exchange_free);
    g_ptr_array_add(conversation->exchanges, exchange);
    flow_changed(conversation);
    return exchange;
}

const flow_certificate *
flow_certificate_of(flow_model *model, const uint8_t *der, size_t length, flow_read_certificate read)
{
    GBytes           *key = g_bytes_new_static(der, length);
    flow_certificate *certificate = g_hash_table_lookup(model->certificates, key);

    g_bytes_unref(key);
    if (!certificate) {
        certificate = g_new0(flow_certificate, 1);
        read(model, der, length, certificate);
        g_hash_table_insert(model->certificates, g_bytes_new(der, length), certificate);
    }
    return certificate->subject ? certificate : NULL;
}

void
flow_changed(flow_conversation *conversation)
{
    conversation->model->changes++;
}

static void
forget_exchanges(const GPtrArray *conversations)
{
    for (guint i = 0; i < conversations->len; i++) {
        flow_conversation *conversation = conversations->pdata[i];

        for (guint j = 0; conversation->exchanges && j < conversation->exchanges->len; j++) {
            flow_exchange *exchange = conversation->exchanges->pdata[j];

            exchange->enrolment = NULL;
            exchange->onward = exchange->inward = NULL;
            exchange->operation_of = NULL;
            exchange->onward_reason = NULL;
            exchange->onward_confidence = 0;
        }
    }
}

static void
forget_result(flow_model *model)
{
    g_hash_table_remove_all(model->parts);
    g_hash_table_remove_all(model->servers);
    g_hash_table_remove_all(model->outside);
    g_hash_table_remove_all(model->inside);
    g_hash_table_remove_all(model->ndes);
    g_hash_table_remove_all(model->calls_crp);
    g_hash_table_remove_all(model->calls_ca);
    g_hash_table_remove_all(model->speaks_rpc);
    g_ptr_array_set_size(model->result.enrolments, 0);
    flow_forget_witnesses(model);
    g_ptr_array_set_size(model->shadows, 0);
    g_ptr_array_set_size(model->inferred, 0);
    g_string_chunk_clear(model->result_strings);
    model->result.hint = NULL;
    forget_exchanges(model->conversations);
    forget_exchanges(model->told_conversations);
}

static void
add_to_index(flow_model *model, const flow_conversation *conversation, flow_part *part)
{
    GPtrArray *parts = g_hash_table_lookup(model->parts, conversation);

    if (!parts) {
        parts = g_ptr_array_new();
        g_hash_table_insert(model->parts, (gpointer)conversation, parts);
    }
    if (!g_ptr_array_find(parts, part, NULL))
        g_ptr_array_add(parts, part);
}

/* A part is found by its conversation, and by every line of a log that tells of it. */
void
flow_index_part(flow_model *model, flow_part *part)
{
    add_to_index(model, part->conversation, part);
    for (guint i = 0; model->logs->len > 0 && i < part->steps->len; i++) {
        const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, i).exchange, *witness;

        for (guint j = 0; exchange && (witness = flow_witness(exchange, j)) != NULL; j++) {
            if (witness->conversation->log)
                add_to_index(model, witness->conversation, part);
        }
    }
}

static gint
by_begin(gconstpointer a, gconstpointer b)
{
    const flow_enrolment *first = (*(flow_group *const *)a)->enrolment, *second = (*(flow_group *const *)b)->enrolment;

    return first->begin.frame < second->begin.frame ? -1 : first->begin.frame > second->begin.frame;
}

/* One line about a capture without SCEP: whether something in it could be, if the user said so. */
static const char *
hint(flow_model *model)
{
    unsigned tls = 0, silent = 0;

    for (guint i = 0; i < model->conversations->len; i++) {
        const flow_conversation *conversation = model->conversations->pdata[i];
        flow_tcp_state           state = flow_tcp_state_of(conversation);

        tls += conversation->is_tls && !conversation->is_readable;
        silent += state == FLOW_TCP_REFUSED || state == FLOW_TCP_NO_ANSWER;
    }
    if (tls + silent == 0)
        return NULL;
    return flow_result_printf(model,
                              "Of its %u TCP conversations %u are encrypted and %u found nobody listening; if one of "
                              "them goes to your SCEP server, name it: -o scepflow.servers:ADDRESS",
                              model->conversations->len, tls, silent);
}

const flow_result *
flow_evaluate(flow_model *model)
{
    flow_candidates candidates;
    GPtrArray      *groups;

    if (model->evaluated == model->changes && model->evaluated_frame == model->last.frame)
        return &model->result;
    forget_result(model);
    candidates.exchanges = g_ptr_array_new();
    candidates.behind = g_ptr_array_new();
    candidates.bare = g_ptr_array_new();
    flow_find_twins(model);
    flow_find_candidates(model, &candidates);
    flow_hear_twins(model, candidates.exchanges);
    flow_hear_twins(model, candidates.behind);
    flow_hear_requests(model, &candidates);
    flow_pair_legs(model, &candidates);
    groups = flow_group_exchanges(model, &candidates);
    flow_join_behind(model, &candidates, groups);
    flow_add_syncs(model, groups);
    g_ptr_array_sort(groups, by_begin);

    /* Numbers follow the order of begin, the result's array too. */
    for (guint i = 0; i < groups->len; i++) {
        flow_group *group = groups->pdata[i];

        model->result.enrolments->pdata[i] = group->enrolment;
        group->enrolment->number = i + 1;
    }
    for (guint i = 0; i < groups->len; i++) {
        flow_group *group = groups->pdata[i];

        flow_compare(model, group);
        flow_time(model, group);
        for (guint j = 0; j < group->enrolment->parts->len; j++)
            flow_index_part(model, group->enrolment->parts->pdata[j]);
        flow_add_shadows(model, group->enrolment);
    }
    if (groups->len > 0 && model->learn)
        model->learn(true);
    for (guint i = 0; i < groups->len; i++)
        flow_find_findings(model, ((flow_group *)groups->pdata[i])->enrolment);
    if (groups->len == 0)
        model->result.hint = hint(model);
    g_ptr_array_unref(groups);
    g_ptr_array_unref(candidates.exchanges);
    g_ptr_array_unref(candidates.behind);
    g_ptr_array_unref(candidates.bare);
    model->result.logs = model->logs;
    model->evaluated = model->changes;
    model->evaluated_frame = model->last.frame;
    return &model->result;
}

const flow_result *
flow_evaluate_lately(flow_model *model)
{
    unsigned behind = model->changes - model->evaluated;

    guint    count = model->conversations->len + model->told_conversations->len;

    if (behind == 0 || (count > CHEAP && behind < count / 2))
        return &model->result;
    return flow_evaluate(model);
}

flow_moment
flow_begin_of(const flow_exchange *exchange)
{
    const flow_conversation *conversation = exchange->conversation;
    const flow_turn         *first =
        conversation->turns && conversation->turns->len ? &g_array_index(conversation->turns, flow_turn, 0) : NULL;
    bool is_first;

    if (conversation->log)
        return exchange->request;
    is_first = conversation->exchanges ? conversation->exchanges->pdata[0] == exchange
                                            : first && first->request.frame == exchange->request.frame;

    return is_first ? conversation->first : exchange->request;
}

const GPtrArray *
flow_parts_of(const flow_conversation *conversation)
{
    return g_hash_table_lookup(conversation->model->parts, conversation);
}

/* True when a step of the part is known from this conversation of a log. */
static bool
has_told(const flow_part *part, const flow_conversation *conversation)
{
    for (guint i = 0; i < part->steps->len; i++) {
        const flow_exchange *exchange = g_array_index(part->steps, flow_part_step, i).exchange;

        if (exchange && exchange->conversation == conversation)
            return true;
    }
    return false;
}

flow_part *
flow_part_in(const flow_enrolment *enrolment, const flow_conversation *conversation)
{
    for (guint i = 0; i < enrolment->parts->len; i++) {
        flow_part *part = enrolment->parts->pdata[i];

        if (part->conversation == conversation || (conversation->log && has_told(part, conversation)))
            return part;
    }
    return NULL;
}
