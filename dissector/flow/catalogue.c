/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads the catalogue of what can go wrong.
 */
#include "catalogue.h"

#include <string.h>

#include "conditions.h"

#define NAME_CHARACTERS G_CSET_a_2_z G_CSET_DIGITS "-"

static void
alternative_free(gpointer data)
{
    g_ptr_array_unref(data);
}

static void
condition_free(gpointer data)
{
    flow_condition_free(data);
}

void
flow_entry_free(gpointer data)
{
    flow_entry *entry = data;

    g_free(entry->hides);
    g_free(entry->hides_ids);
    g_free(entry->hidden_by);
    g_ptr_array_unref(entry->given);
    g_ptr_array_unref(entry->alternatives);
    g_free(entry);
}

static GPtrArray *
read_conditions(keyfile *file, const char *group, const char *key, flow_about about)
{
    const char **texts = keyfile_list(file, group, key, false);
    GPtrArray   *conditions = g_ptr_array_new_with_free_func(condition_free);

    for (const char **text = texts; text && *text; text++) {
        char           *problem;
        flow_condition *condition = flow_condition_parse(*text, about, &problem);

        if (condition)
            g_ptr_array_add(conditions, condition);
        else
            keyfile_complain(file, group, key, "%s", problem);
        g_free(problem);
    }
    g_free(texts);
    return conditions;
}

/* when, when-2, when-3 … */
static bool
is_alternative(const char *key)
{
    static const char when[] = "when-";
    uint64_t          number;
    const char       *end;

    if (strcmp(key, "when") == 0)
        return true;
    end = g_str_has_prefix(key, when) ? keyfile_number(key + strlen(when), 99, &number) : NULL;
    return end && !*end && number >= 2;
}

static const char *
read_filled_text(keyfile *file, const char *group, const char *key, flow_about about)
{
    const char *text = keyfile_text(file, group, key, true);
    char       *problem = text ? flow_text_problem(text, about) : NULL;

    if (problem)
        keyfile_complain(file, group, key, "%s", problem);
    g_free(problem);
    return text;
}

static flow_entry *
read_entry(keyfile *file, const char *group)
{
    static const char *const keys[] = { "about", "severity", "given", "what", "cause", "fix",
                                        "look",  "hides",    "hidden-by", NULL };
    const char *const abouts[] = { flow_about_name(FLOW_ABOUT_EXCHANGE), flow_about_name(FLOW_ABOUT_CONVERSATION),
                                   flow_about_name(FLOW_ABOUT_ENROLMENT), NULL };
    const char *const severities[] = { flow_severity_name(FLOW_NOTE), flow_severity_name(FLOW_WARNING),
                                       flow_severity_name(FLOW_ERROR), NULL };
    flow_entry       *entry = g_new0(flow_entry, 1);
    char            **given = keyfile_keys(file, group);
    int               about, severity;

    entry->file = g_string_chunk_insert_const(file->strings, file->name);
    entry->id = g_string_chunk_insert_const(file->strings, group);
    if (!*group || group[strspn(group, NAME_CHARACTERS)])
        keyfile_complain(file, group, NULL, "no id; expected lower case letters, digits and hyphens");
    about = keyfile_choice(file, group, "about", true, abouts);
    severity = keyfile_choice(file, group, "severity", true, severities);
    entry->about = about < 0 ? FLOW_ABOUT_EXCHANGE : (flow_about)about;
    entry->severity = severity < 0 ? FLOW_NOTE : (flow_severity)severity;
    entry->given = read_conditions(file, group, "given", entry->about);
    entry->alternatives = g_ptr_array_new_with_free_func(alternative_free);
    for (char **key = given; *key; key++) {
        if (is_alternative(*key))
            g_ptr_array_add(entry->alternatives, read_conditions(file, group, *key, entry->about));
        else if (!g_strv_contains(keys, *key))
            keyfile_complain(file, group, *key,
                             "unknown key; expected about, severity, given, when, when-2 …, what, cause, fix, look, "
                             "hides or hidden-by");
    }
    g_strfreev(given);
    if (entry->alternatives->len == 0)
        keyfile_complain(file, group, "when", "missing; expected the conditions of this entry");
    entry->what = read_filled_text(file, group, "what", entry->about);
    entry->cause = read_filled_text(file, group, "cause", entry->about);
    entry->fix = read_filled_text(file, group, "fix", entry->about);
    entry->look = read_filled_text(file, group, "look", entry->about);
    entry->hides_ids = keyfile_list(file, group, "hides", false);
    entry->hidden_by = keyfile_list(file, group, "hidden-by", false);
    if (!keyfile_is_sound(file, group))
        g_clear_pointer(&entry, flow_entry_free);
    return entry;
}

void
flow_catalogue_read(keyfile *file, GPtrArray *read)
{
    char **groups = keyfile_groups(file);

    for (char **group = groups; *group; group++) {
        flow_entry *entry = read_entry(file, *group);

        if (entry)
            g_ptr_array_add(read, entry);
    }
    g_strfreev(groups);
}

/* True when the list has an entry whose id matches. */
static bool
has_entry(const GPtrArray *entries, const char *glob)
{
    for (guint i = 0; i < entries->len; i++) {
        if (g_pattern_match_simple(glob, ((const flow_entry *)entries->pdata[i])->id))
            return true;
    }
    return false;
}

static bool
check_references(const flow_entry *entry, const char *key, const char **globs, const GPtrArray *catalogue,
                 const GPtrArray *read, GPtrArray *problems)
{
    bool is_sound = true;

    for (const char **glob = globs; glob && *glob; glob++) {
        if (!has_entry(catalogue, *glob) && !has_entry(read, *glob)) {
            char *what = g_strdup_printf("there is no entry \"%s\"; expected the id of another entry", *glob);

            keyfile_problem(problems, entry->file, entry->id, key, what);
            g_free(what);
            is_sound = false;
        }
    }
    return is_sound;
}

static void
put_entry(GPtrArray *catalogue, flow_entry *entry)
{
    for (guint i = 0; i < catalogue->len; i++) {
        flow_entry *old = catalogue->pdata[i];

        if (strcmp(old->id, entry->id) == 0) {
            catalogue->pdata[i] = entry;
            flow_entry_free(old);
            return;
        }
    }
    g_ptr_array_add(catalogue, entry);
}

void
flow_catalogue_take(GPtrArray *catalogue, GPtrArray *read, GPtrArray *problems)
{
    GPtrArray *sound = g_ptr_array_new();

    for (guint i = 0; i < read->len; i++) {
        flow_entry *entry = read->pdata[i];
        bool        hides = check_references(entry, "hides", entry->hides_ids, catalogue, read, problems);

        if (check_references(entry, "hidden-by", entry->hidden_by, catalogue, read, problems) && hides)
            g_ptr_array_add(sound, entry);
    }
    for (guint i = 0; i < read->len; i++) {
        if (g_ptr_array_find(sound, read->pdata[i], NULL))
            put_entry(catalogue, read->pdata[i]);
        else
            flow_entry_free(read->pdata[i]);
    }
    g_ptr_array_unref(sound);
    g_ptr_array_set_size(read, 0);
}

/* True when `error` explains the entry. */
static bool
is_hidden_by(const flow_entry *entry, const flow_entry *error)
{
    if (error == entry || error->severity != FLOW_ERROR)
        return false;
    for (const char **glob = entry->hidden_by; glob && *glob; glob++) {
        if (g_pattern_match_simple(*glob, error->id))
            return true;
    }
    return false;
}

void
flow_catalogue_link(GPtrArray *catalogue)
{
    for (guint i = 0; i < catalogue->len; i++) {
        flow_entry *entry = catalogue->pdata[i];
        GPtrArray  *hides = g_ptr_array_new();

        for (const char **id = entry->hides_ids; id && *id; id++)
            g_ptr_array_add(hides, (gpointer)*id);
        for (guint j = 0; j < catalogue->len; j++) {
            const flow_entry *other = catalogue->pdata[j];

            if (is_hidden_by(other, entry))
                g_ptr_array_add(hides, (gpointer)other->id);
        }
        g_ptr_array_add(hides, NULL);
        entry->hides = (const char **)g_ptr_array_free(hides, FALSE);
    }
}

static bool
all_hold(const GPtrArray *conditions, flow_fact fact, void *user)
{
    for (guint i = 0; i < conditions->len; i++) {
        if (!flow_condition_holds(conditions->pdata[i], fact, user))
            return false;
    }
    return true;
}

bool
flow_entry_holds(const flow_entry *entry, flow_fact fact, void *user)
{
    if (!all_hold(entry->given, fact, user))
        return false;
    for (guint i = 0; i < entry->alternatives->len; i++) {
        if (all_hold(entry->alternatives->pdata[i], fact, user))
            return true;
    }
    return false;
}
