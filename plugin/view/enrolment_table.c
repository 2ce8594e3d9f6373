/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The enrolments as a table, one row each.
 */
#include "enrolment_table.h"

#include <epan/packet.h>
#include <epan/stat_tap_ui.h>
#include <epan/tap.h>

#include "../../dissector/transport/flow_track.h"
#include "at_end.h"
#include "layout.h"
#include "outcome.h"
#include "report_text.h"

enum {
    COLUMN_NUMBER,
    COLUMN_VERDICT,
    COLUMN_DEVICE,
    COLUMN_SERVER,
    COLUMN_FLOW,
    COLUMN_START,
    COLUMN_DURATION,
    COLUMN_STEPS,
    COLUMN_FINDING,
    COLUMNS,
};

/* The formats are tshark's. */
static stat_tap_table_item columns[COLUMNS] = {
    [COLUMN_NUMBER] = { TABLE_ITEM_UINT, TAP_ALIGN_RIGHT, "Enrolment", "%9u" },
    [COLUMN_VERDICT] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Verdict", " %-10s" },
    [COLUMN_DEVICE] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Device", " %-15s" },
    [COLUMN_SERVER] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Server", " %-20s" },
    [COLUMN_FLOW] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Expected flow", " %-13s" },
    [COLUMN_START] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Start", " %-27s" },
    [COLUMN_DURATION] = { TABLE_ITEM_FLOAT, TAP_ALIGN_RIGHT, "Duration (s)", "%12.6f" },
    [COLUMN_STEPS] = { TABLE_ITEM_STRING, TAP_ALIGN_RIGHT, "Steps ok", " %8s" },
    [COLUMN_FINDING] = { TABLE_ITEM_STRING, TAP_ALIGN_LEFT, "Worst finding", " %s" },
};

static const char table_title[] = "SCEP Enrolments";

/* Rows of earlier fillings: a second window may still show them. Freed when no window is left. */
static GPtrArray *retired;

static void
free_row(stat_tap_table_item_type *row)
{
    for (unsigned i = 0; i < COLUMNS; i++) {
        if (row[i].type == TABLE_ITEM_STRING)
            g_free((char *)row[i].value.string_value);
    }
    g_free(row);
}

static void
set_text(stat_tap_table_item_type *item, char *taken)
{
    item->type = TABLE_ITEM_STRING;
    item->value.string_value = taken ? taken : g_strdup("");
}

static void
add_row(stat_tap_table *table, const flow_enrolment *enrolment)
{
    const flow_finding      *finding = enrolment->findings->len ? enrolment->findings->pdata[0] : NULL;
    stat_tap_table_item_type row[COLUMNS] = { 0 };
    unsigned                 fine, visible;

    outcome_count(enrolment, &fine, &visible);
    row[COLUMN_NUMBER].type = TABLE_ITEM_UINT;
    row[COLUMN_NUMBER].value.uint_value = enrolment->number;
    set_text(&row[COLUMN_VERDICT], g_strdup(flow_verdict_name(enrolment->verdict)));
    set_text(&row[COLUMN_DEVICE], g_strdup(outcome_device(enrolment)));
    set_text(&row[COLUMN_SERVER], g_strdup(outcome_server(enrolment)));
    set_text(&row[COLUMN_FLOW], g_strdup(enrolment->flow));
    set_text(&row[COLUMN_START], layout_time(enrolment->begin.time));
    row[COLUMN_DURATION].type = TABLE_ITEM_FLOAT;
    row[COLUMN_DURATION].value.float_value = (double)(enrolment->end.time - enrolment->begin.time) / 1e9;
    set_text(&row[COLUMN_STEPS], g_strdup_printf("%u of %u", fine, visible));
    set_text(&row[COLUMN_FINDING], finding ? g_strdup_printf("%s: %s", finding->id, finding->what) : NULL);
    stat_tap_init_table_row(table, table->num_elements, COLUMNS, row);
}

static bool
has_row(const stat_tap_table *table, const flow_enrolment *enrolment)
{
    for (unsigned i = table->num_elements; i > 0; i--) {
        if (table->elements[i - 1][COLUMN_NUMBER].value.uint_value == enrolment->number)
            return true;
    }
    return false;
}

static stat_tap_table *
table_of(void *tapdata)
{
    return g_array_index(((stat_data_t *)tapdata)->stat_tap_data->tables, stat_tap_table *, 0);
}

/* `kept` is the set of conversations that the listener got. */
static void
complete(void *tapdata, void *kept)
{
    const flow_result *result = flow_track_result();

    for (unsigned i = 0; result && i < result->enrolments->len; i++) {
        if (report_is_shown(result->enrolments->pdata[i], kept))
            add_row(table_of(tapdata), result->enrolments->pdata[i]);
    }
    g_hash_table_destroy(kept);
}

static tap_packet_status
tap_packet(void *tapdata, packet_info *pinfo _U_, epan_dissect_t *edt _U_, const void *data, tap_flags_t flags _U_)
{
    const GPtrArray *parts;
    bool             is_new = false;

    if (!data)
        return TAP_PACKET_DONT_REDRAW;
    if (!at_end_is_reached()) {
        void **kept = at_end(tapdata, complete);

        if (!*kept)
            *kept = g_hash_table_new(NULL, NULL);
        g_hash_table_add(*kept, (gpointer)data);
        return TAP_PACKET_REDRAW;
    }
    flow_track_result();
    parts = flow_parts_of(data);
    for (unsigned i = 0; parts && i < parts->len; i++) {
        const flow_enrolment *enrolment = ((const flow_part *)parts->pdata[i])->enrolment;

        if (!has_row(table_of(tapdata), enrolment)) {
            add_row(table_of(tapdata), enrolment);
            is_new = true;
        }
    }
    return is_new ? TAP_PACKET_REDRAW : TAP_PACKET_DONT_REDRAW;
}

static void
reset_table(stat_tap_table *table)
{
    for (unsigned i = 0; i < table->num_elements; i++)
        g_ptr_array_add(retired, table->elements[i]);
    table->num_elements = 0;
}

static void
init_table(stat_tap_table_ui *ui)
{
    stat_tap_table *table = stat_tap_find_table(ui, table_title);

    if (table) {
        reset_table(table);
        return;
    }
    if (retired)
        g_ptr_array_free(retired, TRUE);
    retired = g_ptr_array_new_with_free_func((GDestroyNotify)free_row);
    stat_tap_add_table(ui, stat_tap_init_table(table_title, COLUMNS, 0, NULL));
}

static void
free_item(stat_tap_table *table _U_, unsigned row _U_, unsigned column _U_, stat_tap_table_item_type *item)
{
    if (item->type == TABLE_ITEM_STRING)
        g_free((char *)item->value.string_value);
}

void
enrolment_table_register(void)
{
    static tap_param         filter = { PARAM_FILTER, "filter", "Filter", NULL, TRUE };
    static stat_tap_table_ui ui;

    ui.group = REGISTER_PACKET_STAT_GROUP_UNSORTED;
    ui.title = table_title;
    ui.tap_name = "scepflow";
    ui.cli_string = "scep,summary";
    ui.stat_tap_init_cb = init_table;
    ui.packet_func = tap_packet;
    ui.stat_tap_reset_table_cb = reset_table;
    ui.stat_tap_free_table_item_cb = free_item;
    ui.nfields = COLUMNS;
    ui.fields = columns;
    ui.nparams = 1;
    ui.params = &filter;
    register_stat_tap_table_ui(&ui);
}
