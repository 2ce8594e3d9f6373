/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads expected flows, and what recognises requests.
 */
#include "expected.h"

#include <string.h>

#define NAME_CHARACTERS G_CSET_a_2_z G_CSET_DIGITS "-"
#define MAX_PRIORITY 1000

static void
stage_free(gpointer data)
{
    flow_stage *stage = data;

    g_free(stage->steps);
    keyfile_free_patterns(stage->messages);
    g_free(stage);
}

void
flow_expected_free(gpointer data)
{
    flow_expected *expected = data;

    g_ptr_array_unref(expected->stages);
    keyfile_free_patterns(expected->user_agents);
    keyfile_free_patterns(expected->messages);
    g_free(expected->before);
    g_free(expected->behind);
    g_array_unref(expected->retries);
    g_free(expected);
}

static GPatternSpec **
patterns_or_none(keyfile *file, const char *group, const char *key)
{
    GPatternSpec **patterns = keyfile_patterns(file, group, key);

    return patterns ? patterns : g_new0(GPatternSpec *, 1);
}

static flow_step
step_named(keyfile *file, const char *group, const char *key, const char *name)
{
    flow_step step = flow_step_by_name(name);

    if (step == FLOW_STEP_NONE)
        keyfile_complain(file, group, key, "unknown step \"%s\"; expected a step, such as get-ca-cert", name);
    return step;
}

/* The steps of a list, ended by FLOW_STEP_NONE. */
static flow_step *
read_steps(keyfile *file, const char *group, const char *key, bool is_required)
{
    const char **names = keyfile_list(file, group, key, is_required);
    GArray      *steps = g_array_new(TRUE, FALSE, sizeof(flow_step));

    for (const char **name = names; name && *name; name++) {
        flow_step step = step_named(file, group, key, *name);

        g_array_append_val(steps, step);
    }
    g_free(names);
    return (flow_step *)(void *)g_array_free(steps, FALSE);
}

/* Keys are steps, values what would show them. */
static void
read_looks(keyfile *file, const char *group, const char **looks)
{
    char **keys = keyfile_keys(file, group);

    for (char **key = keys; *key; key++) {
        flow_step   step = step_named(file, group, *key, *key);
        const char *text = keyfile_text(file, group, *key, true);

        if (step != FLOW_STEP_NONE)
            looks[step] = text;
    }
    g_strfreev(keys);
}

/* "5 minutes" for "5m". */
static char *
duration_in_words(const char *duration)
{
    static const struct {
        char        unit;
        const char *word;
    } units[] = { { 's', "second" }, { 'm', "minute" }, { 'h', "hour" }, { 'd', "day" } };
    uint64_t    number;
    const char *unit = keyfile_number(duration, UINT64_MAX, &number);

    for (size_t i = 0; i < G_N_ELEMENTS(units); i++) {
        if (*unit == units[i].unit)
            return g_strdup_printf("%" G_GUINT64_FORMAT " %s%s", number, units[i].word, number == 1 ? "" : "s");
    }
    return g_strdup(duration);
}

/* One interval, "every DURATION for DURATION" or, as the last one, "every DURATION"; its words, NULL for another. */
static char *
parse_interval(const char *text, bool is_last, int64_t begin, flow_retry *retry)
{
    char **words = g_strsplit_set(text, " \t", -1);
    guint  count = g_strv_length(words);
    char  *result = NULL;

    retry->every = count >= 2 && strcmp(words[0], "every") == 0 ? keyfile_duration(words[1]) : -1;
    retry->until = 0;
    if (count == 4 && strcmp(words[2], "for") == 0) {
        int64_t length = keyfile_duration(words[3]);

        retry->until = length < 0 ? -1 : begin + length;
    } else if (count != 2 || !is_last) {
        retry->until = -1;
    }
    if (retry->every > 0 && retry->until >= 0) {
        char *every = duration_in_words(words[1]);
        char *length = count == 4 ? duration_in_words(words[3]) : NULL;

        result = g_strconcat("every ", every, length ? " for " : NULL, length, NULL);
        g_free(every);
        g_free(length);
    }
    g_strfreev(words);
    return result;
}

static void
read_schedule(keyfile *file, flow_expected *expected)
{
    const char **intervals = keyfile_list(file, "flow", "schedule", false);
    GString     *words = g_string_new(NULL);
    int64_t      begin = 0;

    expected->retries = g_array_new(FALSE, FALSE, sizeof(flow_retry));
    for (const char **interval = intervals; interval && *interval; interval++) {
        flow_retry retry;
        char      *text = parse_interval(*interval, !interval[1], begin, &retry);

        if (!text) {
            keyfile_complain(file, "flow", "schedule",
                             "\"%s\" is no interval; expected every DURATION for DURATION, the last one also without "
                             "for, and durations such as 30s, 5m, 2h or 1d",
                             *interval);
            break;
        }
        g_string_append_printf(words, "%s%s", words->len == 0 ? "" : interval[1] ? ", " : ", then ", text);
        g_array_append_val(expected->retries, retry);
        begin = retry.until;
        g_free(text);
    }
    expected->retry_words = words->len > 0 ? g_string_chunk_insert_const(file->strings, words->str) : NULL;
    g_string_free(words, TRUE);
    g_free(intervals);
}

static void
read_stage(keyfile *file, const char *group, const char *role, flow_expected *expected)
{
    static const char *const keys[] = { "steps", "order", "messages", "optional", NULL };
    static const char *const orders[] = { "strict", "any", NULL };
    flow_stage              *stage = g_new0(flow_stage, 1);

    g_ptr_array_add(expected->stages, stage);
    keyfile_check_keys(file, group, keys);
    if (!*role || role[strspn(role, NAME_CHARACTERS)])
        keyfile_complain(file, group, NULL, "\"%s\" is no role; expected lower case letters, digits and hyphens", role);
    stage->role = g_string_chunk_insert_const(file->strings, role);
    stage->steps = read_steps(file, group, "steps", true);
    stage->any_order = keyfile_choice(file, group, "order", false, orders) == 1;
    stage->messages = patterns_or_none(file, group, "messages");
    stage->is_optional = keyfile_boolean(file, group, "optional");
}

static void
read_flow_group(keyfile *file, flow_expected *expected)
{
    static const char        group[] = "flow";
    static const char *const keys[] = { "title",    "priority", "user-agents", "messages", "keeps-conversations",
                                        "fallback", "before",   "behind",      "schedule", NULL };
    const char              *priority, *end;
    uint64_t                 number = 0;

    keyfile_check_keys(file, group, keys);
    expected->title = keyfile_text(file, group, "title", true);
    priority = keyfile_text(file, group, "priority", true);
    end = priority ? keyfile_number(priority, MAX_PRIORITY, &number) : NULL;
    if (priority && (!end || *end))
        keyfile_complain(file, group, "priority", "\"%s\" is no priority; expected a number from 0 to %d", priority,
                         MAX_PRIORITY);
    expected->priority = (unsigned)number;
    expected->user_agents = patterns_or_none(file, group, "user-agents");
    expected->messages = patterns_or_none(file, group, "messages");
    expected->keeps_conversations = keyfile_boolean(file, group, "keeps-conversations");
    expected->is_fallback = keyfile_boolean(file, group, "fallback");
    expected->before = read_steps(file, group, "before", false);
    expected->behind = read_steps(file, group, "behind", false);
    read_schedule(file, expected);
}

flow_expected *
flow_expected_read(keyfile *file, const char *name)
{
    static const char conversation[] = "conversation ";
    flow_expected    *expected = g_new0(flow_expected, 1);
    char            **groups = keyfile_groups(file);

    expected->name = g_string_chunk_insert_const(file->strings, name);
    expected->stages = g_ptr_array_new_with_free_func(stage_free);
    if (!*name || name[strspn(name, NAME_CHARACTERS)])
        keyfile_complain(file, "flow", NULL, "\"%s\" is no name of a flow; expected lower case letters, digits and "
                         "hyphens before .flow", name);
    read_flow_group(file, expected);
    for (char **group = groups; *group; group++) {
        if (g_str_has_prefix(*group, conversation))
            read_stage(file, *group, *group + strlen(conversation), expected);
        else if (strcmp(*group, "look") == 0)
            read_looks(file, *group, expected->looks);
        else if (strcmp(*group, "flow") != 0)
            keyfile_complain(file, *group, NULL, "unknown group; expected [flow], [conversation ROLE] or [look]");
    }
    g_strfreev(groups);
    if (expected->stages->len == 0)
        keyfile_complain(file, "flow", NULL, "a flow without conversations; expected [conversation ROLE]");
    if (!keyfile_is_sound(file, NULL))
        g_clear_pointer(&expected, flow_expected_free);
    return expected;
}

void
flow_looks_read(keyfile *file, const char **looks)
{
    char **groups = keyfile_groups(file);

    for (char **group = groups; *group; group++) {
        const char *read[FLOW_STEPS] = { NULL };

        if (strcmp(*group, "look") == 0)
            read_looks(file, *group, read);
        else
            keyfile_complain(file, *group, NULL, "unknown group; expected [look]");
        for (int step = 0; keyfile_is_sound(file, *group) && step < FLOW_STEPS; step++) {
            if (read[step])
                looks[step] = read[step];
        }
    }
    g_strfreev(groups);
}

/* "LOW-HIGH"; leaves `range` alone when the key is absent. */
static void
read_range(keyfile *file, const char *group, const char *key, flow_range *range)
{
    const char *text = keyfile_text(file, group, key, false);
    uint64_t    low, high;
    const char *end;

    if (!text)
        return;
    end = keyfile_number(text, UINT32_MAX, &low);
    if (end && *end == '-' && (end = keyfile_number(end + 1, UINT32_MAX, &high)) != NULL && !*end && low <= high)
        *range = (flow_range){ (uint32_t)low, (uint32_t)high };
    else
        keyfile_complain(file, group, key, "\"%s\" is no range; expected LOW-HIGH in octets", text);
}

static void
read_recognised_step(keyfile *file, const char *group, flow_step step, flow_recognition *recognition)
{
    static const char *const keys[] = { "request", "answer", NULL };
    flow_range               request = recognition->request[step], answer = recognition->answer[step];

    keyfile_check_keys(file, group, keys);
    read_range(file, group, "request", &request);
    read_range(file, group, "answer", &answer);
    if (keyfile_is_sound(file, group)) {
        recognition->request[step] = request;
        recognition->answer[step] = answer;
    }
}

static void
replace_patterns(GPatternSpec ***patterns, GPatternSpec **by)
{
    if (by) {
        keyfile_free_patterns(*patterns);
        *patterns = by;
    }
}

static void
read_servers(keyfile *file, const char *group, flow_recognition *recognition)
{
    static const char *const keys[] = { "names", "internal", NULL };
    GPatternSpec           **names, **internal_names;

    keyfile_check_keys(file, group, keys);
    names = keyfile_patterns(file, group, "names");
    internal_names = keyfile_patterns(file, group, "internal");
    if (keyfile_is_sound(file, group)) {
        replace_patterns(&recognition->names, names);
        replace_patterns(&recognition->internal_names, internal_names);
    } else {
        keyfile_free_patterns(names);
        keyfile_free_patterns(internal_names);
    }
}

/* A group that has names alone. */
static void
read_names(keyfile *file, const char *group, GPatternSpec ***names)
{
    static const char *const keys[] = { "names", NULL };
    GPatternSpec           **read;

    keyfile_check_keys(file, group, keys);
    read = keyfile_patterns(file, group, "names");
    if (keyfile_is_sound(file, group))
        replace_patterns(names, read);
    else
        keyfile_free_patterns(read);
}

static void
read_tries(keyfile *file, const char *group, flow_recognition *recognition)
{
    static const char *const keys[] = { "pause", NULL };
    const char              *text;
    int64_t                  pause;

    keyfile_check_keys(file, group, keys);
    text = keyfile_text(file, group, "pause", false);
    pause = text ? keyfile_duration(text) : recognition->pause;
    if (text && pause < 0)
        keyfile_complain(file, group, "pause", "\"%s\" is no duration; expected one such as 30s, 5m, 2h or 1d", text);
    if (keyfile_is_sound(file, group))
        recognition->pause = pause;
}

void
flow_recognition_read(keyfile *file, flow_recognition *recognition)
{
    char **groups = keyfile_groups(file);

    for (char **group = groups; *group; group++) {
        flow_step step = flow_step_by_name(*group);

        if (step != FLOW_STEP_NONE)
            read_recognised_step(file, *group, step, recognition);
        else if (strcmp(*group, "servers") == 0)
            read_servers(file, *group, recognition);
        else if (strcmp(*group, "registration-points") == 0)
            read_names(file, *group, &recognition->registration_names);
        else if (strcmp(*group, "management") == 0)
            read_names(file, *group, &recognition->management_names);
        else if (strcmp(*group, "tries") == 0)
            read_tries(file, *group, recognition);
        else
            keyfile_complain(file, *group, NULL, "unknown group; expected a step, [servers], [registration-points], "
                             "[management] or [tries]");
    }
    g_strfreev(groups);
}

void
flow_recognition_clear(flow_recognition *recognition)
{
    keyfile_free_patterns(recognition->names);
    keyfile_free_patterns(recognition->internal_names);
    keyfile_free_patterns(recognition->registration_names);
    keyfile_free_patterns(recognition->management_names);
}
