/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What was read, counted: Statistics > Service Response Time > SCEP and > CRP, and Statistics > SCEP > Messages.
 */
#include "statistics.h"

#include <epan/packet.h>
#include <epan/srt_table.h>
#include <epan/stats_tree.h>
#include <epan/tap.h>

#include "../../dissector/compat.h"
#include "../../dissector/crp/crp.h"
#include "../../dissector/scep/scep.h"

/* Rows of the table of response times: the operations (numbered as in scep_operation), then PKIOperation by what was
 * sent. */
enum { ROW_OTHER_TYPE = SCEP_OPERATION_OTHER + 1, ROW_TYPES };

static const char *const operations[] = {
    [SCEP_GET_CA_CAPS] = "GetCACaps",
    [SCEP_GET_CA_CERT] = "GetCACert",
    [SCEP_GET_NEXT_CA_CERT] = "GetNextCACert",
    [SCEP_PKI_OPERATION] = "PKIOperation",
    [SCEP_OPERATION_OTHER] = "other operations",
};

/* The row of a messageType. */
static int
row_of_type(const scep_message *message)
{
    for (int i = 0; message && message->has_message_type && scep_message_types[i].strptr; i++) {
        if (scep_message_types[i].value == message->message_type)
            return ROW_TYPES + i;
    }
    return ROW_OTHER_TYPE;
}

static void
init_times(struct register_srt *srt _U_, GArray *tables)
{
    int             types = 0;
    srt_stat_table *table;

    while (scep_message_types[types].strptr)
        types++;
    table = init_srt_table("SCEP", NULL, tables, ROW_TYPES + types, "Operation", NULL, NULL);
    for (int i = 0; i <= SCEP_OPERATION_OTHER; i++)
        init_srt_table_row(table, i, operations[i]);
    init_srt_table_row(table, ROW_OTHER_TYPE, "- other messages");
    for (int i = 0; i < types; i++) {
        char *name = g_strdup_printf("- %s", scep_message_types[i].strptr);

        init_srt_table_row(table, ROW_TYPES + i, name);
        g_free(name);
    }
}

static tap_packet_status
count_time(void *tapdata, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    srt_stat_table      *table = g_array_index(((srt_data_t *)tapdata)->srt_array, srt_stat_table *, 0);
    const scep_tap_data *tapped = data;
    const scep_record   *request = tapped->record->peer;

    if (!tapped->record->is_response || !request)
        return TAP_PACKET_DONT_REDRAW;
    add_srt_table_data(table, request->operation, &request->time, pinfo);
    if (request->operation == SCEP_PKI_OPERATION)
        add_srt_table_data(table, row_of_type(request->message), &request->time, pinfo);
    return TAP_PACKET_REDRAW;
}

/* Rows in the order of crp_call. */
static const char *const calls[] = { "VerifyRequest", "Notify", "validateRequest", "successNotification",
                                     "failureNotification" };

static void
init_call_times(struct register_srt *srt _U_, GArray *tables)
{
    srt_stat_table *table = init_srt_table("Certificate Registration Point", NULL, tables, G_N_ELEMENTS(calls), "Call", NULL,
                                           NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(calls); i++)
        init_srt_table_row(table, (int)i, calls[i]);
}

static tap_packet_status
count_call_time(void *tapdata, packet_info *pinfo, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    srt_stat_table   *table = g_array_index(((srt_data_t *)tapdata)->srt_array, srt_stat_table *, 0);
    const crp_record *answer = data;

    if (!answer->is_response || !answer->peer)
        return TAP_PACKET_DONT_REDRAW;
    add_srt_table_data(table, (int)answer->target.call, &answer->peer->time, pinfo);
    return TAP_PACKET_REDRAW;
}

/* The nodes below the root, which stand in this order whatever comes first. */
static const char tree_requests[] = "Requests", tree_answers[] = "Answers", tree_http[] = "HTTP status",
                  tree_types[] = "Message types", tree_statuses[] = "pkiStatus", tree_failures[] = "failInfo";
static int        requests, answers, http, types, statuses, failures;

static void
init_messages(stats_tree *tree)
{
    requests = stats_tree_create_pivot(tree, tree_requests, 0);
    answers = stats_tree_create_pivot(tree, tree_answers, 0);
    http = stats_tree_create_pivot(tree, tree_http, 0);
    types = stats_tree_create_pivot(tree, tree_types, 0);
    statuses = stats_tree_create_pivot(tree, tree_statuses, 0);
    failures = stats_tree_create_pivot(tree, tree_failures, 0);
}

static void
count_value(stats_tree *tree, int node, uint32_t value, const value_string *names)
{
    const char *name = try_val_to_str(value, names);
    char       *unknown = name ? NULL : g_strdup_printf("%u", value);

    stats_tree_tick_pivot(tree, node, name ? name : unknown);
    g_free(unknown);
}

static tap_packet_status
count_message(stats_tree *tree, packet_info *pinfo _U_, epan_dissect_t *edt _U_, const void *data,
              tap_flags_t flags _U_)
{
    const scep_record  *record = ((const scep_tap_data *)data)->record;
    const scep_message *message = record->message;

    stats_tree_tick_pivot(tree, record->is_response ? answers : requests,
                          record->operation_name ? record->operation_name : "unknown operation");
    if (record->http_status) {
        char *status = g_strdup_printf("%u", record->http_status);

        stats_tree_tick_pivot(tree, http, status);
        g_free(status);
    }
    if (message && message->has_message_type)
        count_value(tree, types, message->message_type, scep_message_types);
    if (message && message->has_pki_status)
        count_value(tree, statuses, message->pki_status, scep_pki_statuses);
    if (message && message->has_fail_info)
        count_value(tree, failures, message->fail_info, scep_fail_infos);
    return TAP_PACKET_REDRAW;
}

void
statistics_register(int proto_scep, int proto_crp)
{
    register_srt_table(proto_crp, "crp", 1, count_call_time, init_call_times, NULL);
    register_srt_table(proto_scep, "scep", 1, count_time, init_times, NULL);
    stats_tree_register_plugin("scep", "scep", "SCEP" COMPAT_MENU_SEPARATOR "Messages", 0, count_message, init_messages,
                               NULL);
}
