/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The reports as tshark's options. Both are written when the file has been read, in one pass or two.
 */
#include "flow_taps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <epan/packet.h>
#include <epan/stat_tap_ui.h>
#include <epan/tap.h>
#include <wsutil/report_message.h>

#include "../../dissector/transport/flow_track.h"
#include "enrolment_table.h"
#include "report_json.h"
#include "report_text.h"
#include "statistics.h"

/* One -z. Lives as long as the program. */
typedef struct {
    void (*report)(GString *out, const flow_result *result, GHashTable *shown);
    GHashTable *shown; /* set of const flow_conversation * that passed the filter; NULL without one */
} report;

static void
report_lines(GString *out, const flow_result *result, GHashTable *shown)
{
    for (unsigned i = 0; result && i < result->enrolments->len; i++) {
        if (report_is_shown(result->enrolments->pdata[i], shown))
            report_json(out, result->enrolments->pdata[i], result->logs);
    }
}

static void
forget_conversations(void *tapdata)
{
    report *one = tapdata;

    if (one->shown)
        g_hash_table_remove_all(one->shown);
}

static tap_packet_status
keep_conversation(void *tapdata, packet_info *pinfo _U_, epan_dissect_t *edt _U_, const void *data,
                  tap_flags_t flags _U_)
{
    report *one = tapdata;

    if (one->shown && data)
        g_hash_table_add(one->shown, (gpointer)data);
    return TAP_PACKET_DONT_REDRAW;
}

static void
write_report(void *tapdata)
{
    report  *one = tapdata;
    GString *out = g_string_new(NULL);

    one->report(out, flow_track_result(), one->shown);
    fwrite(out->str, 1, out->len, stdout);
    fflush(stdout);
    g_string_free(out, TRUE);
}

/* Takes "scep,flow" or "scep,flow,FILTER"; `name` is the part without the filter. */
static void
start_report(const char *argument, const char *name,
             void (*write)(GString *out, const flow_result *result, GHashTable *shown))
{
    const char *rest = argument + strlen(name);
    report     *one = g_new0(report, 1);
    GString    *error;

    if (*rest && *rest != ',') {
        report_failure("invalid \"-z %s\" argument: behind %s belongs nothing, or a comma and a display filter",
                       argument, name);
        exit(1);
    }
    one->report = write;
    one->shown = *rest ? g_hash_table_new(NULL, NULL) : NULL;
    error = register_tap_listener("scepflow", one, *rest ? rest + 1 : NULL, TL_REQUIRES_NOTHING, forget_conversations,
                                  keep_conversation, write_report, NULL);
    if (error) {
        report_failure("Couldn't register %s tap: %s", name, error->str);
        exit(1);
    }
}

static void
start_text(const char *argument, void *user_data)
{
    start_report(argument, user_data, report_text);
}

static void
start_json(const char *argument, void *user_data)
{
    start_report(argument, user_data, report_lines);
}

static void
register_report(char *name, void (*start)(const char *, void *))
{
    stat_tap_ui report = { 0 };

    report.group = REGISTER_PACKET_STAT_GROUP_UNSORTED;
    report.cli_string = name;
    report.tap_init_cb = start;
    register_stat_tap_ui(&report, name);
}

void
flow_taps_register(int proto_scepflow _U_)
{
    static char text[] = "scep,flow", json[] = "scep,json";

    register_report(text, start_text);
    register_report(json, start_json);
    enrolment_table_register();
    statistics_register(proto_get_id_by_filter_name("scep"), proto_get_id_by_filter_name("crp"));
}
