/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads messages.conf.
 */
#include "activities.h"

#include <string.h>

void
flow_activity_free(gpointer data)
{
    flow_activity *activity = data;

    keyfile_free_patterns(activity->components);
    keyfile_free_patterns(activity->begin);
    keyfile_free_patterns(activity->end);
    keyfile_free_patterns(activity->good);
    keyfile_free_patterns(activity->bad);
    keyfile_free_patterns(activity->failed);
    g_free(activity);
}

static bool
is_kind(const char *kind)
{
    return strcmp(kind, "ndes-plugin") == 0 || strcmp(kind, "crp") == 0;
}

/* "LOG STEP"; false when it is none. */
static bool
read_name(keyfile *file, const char *group, flow_activity *activity)
{
    char **words = g_strsplit(group, " ", 2);
    bool   is_name = words[0] && words[1] && is_kind(words[0]) && flow_step_by_name(words[1]) != FLOW_STEP_NONE;

    if (is_name) {
        activity->kind = g_string_chunk_insert_const(file->strings, words[0]);
        activity->step = flow_step_by_name(words[1]);
    } else {
        keyfile_complain(file, group, NULL, "unknown group; expected [ndes-plugin STEP] or [crp STEP]");
    }
    g_strfreev(words);
    return is_name;
}

static void
take(GPtrArray *activities, flow_activity *activity)
{
    for (guint i = 0; i < activities->len; i++) {
        flow_activity *other = activities->pdata[i];

        if (other->step == activity->step && strcmp(other->kind, activity->kind) == 0) {
            flow_activity_free(other);
            activities->pdata[i] = activity;
            return;
        }
    }
    g_ptr_array_add(activities, activity);
}

void
flow_activities_read(keyfile *file, GPtrArray *activities)
{
    static const char *const keys[] = { "components", "begin", "end", "true", "false", "failed", NULL };
    char                   **groups = keyfile_groups(file);

    for (char **group = groups; *group; group++) {
        flow_activity *activity = g_new0(flow_activity, 1);

        if (read_name(file, *group, activity)) {
            keyfile_check_keys(file, *group, keys);
            activity->components = keyfile_patterns(file, *group, "components");
            activity->begin = keyfile_patterns(file, *group, "begin");
            activity->end = keyfile_patterns(file, *group, "end");
            activity->good = keyfile_patterns(file, *group, "true");
            activity->bad = keyfile_patterns(file, *group, "false");
            activity->failed = keyfile_patterns(file, *group, "failed");
            if (!activity->components || !activity->begin)
                keyfile_complain(file, *group, activity->components ? "begin" : "components", "missing; expected globs");
        }
        if (keyfile_is_sound(file, *group))
            take(activities, activity);
        else
            flow_activity_free(activity);
    }
    g_strfreev(groups);
}
