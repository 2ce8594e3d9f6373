/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Finds the files: first what is compiled in, then the user's.
 */
#include "knowledge.h"

#include <string.h>

#include <gio/gio.h>

#include "activities.h"
#include "catalogue.h"
#include "expected.h"
#include "flow-data.h"
#include "keyfile.h"

#define DATA_ROOT "/scepshark"
#define MAX_FILE_SIZE (1 << 20)

struct flow_knowledge {
    char            *folder;           /* of the user, or NULL */
    bool             is_complete;      /* the catalogue was read */
    GStringChunk    *strings;          /* every string below */
    GPtrArray       *flows;            /* of flow_expected * */
    GPtrArray       *catalogue;        /* of flow_entry * */
    GPtrArray       *activities;       /* of flow_activity * */
    const char      *looks[FLOW_STEPS]; /* for flows that have no sentence of their own */
    flow_recognition recognition;
};

/* Reading what is compiled in, or the user's folder. */
typedef struct {
    flow_knowledge *knowledge;
    GPtrArray      *problems;
    GPtrArray      *entries; /* of flow_entry *: what they may refer to is only known when all files are read */
} source;

static gint
compare_flows(gconstpointer a, gconstpointer b)
{
    const flow_expected *one = *(flow_expected *const *)a, *other = *(flow_expected *const *)b;

    return one->priority != other->priority ? (one->priority > other->priority) - (one->priority < other->priority)
                                            : strcmp(one->name, other->name);
}

/* Adds a flow, or replaces the one of its name. */
static void
add_flow(flow_knowledge *knowledge, flow_expected *expected)
{
    for (guint i = 0; i < knowledge->flows->len; i++) {
        if (strcmp(((flow_expected *)knowledge->flows->pdata[i])->name, expected->name) == 0) {
            g_ptr_array_remove_index(knowledge->flows, i);
            break;
        }
    }
    g_ptr_array_add(knowledge->flows, expected);
    g_ptr_array_sort(knowledge->flows, compare_flows);
}

/* A file of the folder `kind`; `shown` is its name in problems. */
static void
read_text(source *from, const char *kind, const char *name, const char *shown, const char *text, size_t length)
{
    flow_knowledge *knowledge = from->knowledge;
    keyfile         file;

    if (!keyfile_open(&file, shown, text, length, from->problems, knowledge->strings))
        return;
    if (strcmp(kind, "catalogue") == 0) {
        flow_catalogue_read(&file, from->entries);
    } else if (g_str_has_suffix(name, ".flow")) {
        char          *bare = g_strndup(name, strlen(name) - strlen(".flow"));
        flow_expected *expected = flow_expected_read(&file, bare);

        if (expected)
            add_flow(knowledge, expected);
        g_free(bare);
    } else if (strcmp(name, "looks.conf") == 0) {
        flow_looks_read(&file, knowledge->looks);
    } else if (strcmp(name, "recognition.conf") == 0) {
        flow_recognition_read(&file, &knowledge->recognition);
    } else if (strcmp(name, "messages.conf") == 0) {
        flow_activities_read(&file, knowledge->activities);
    } else {
        keyfile_problem(from->problems, shown, NULL, NULL,
                        "unknown file; expected NAME.flow, looks.conf, recognition.conf or messages.conf");
    }
    keyfile_close(&file);
}

static gint
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Takes the names; those of files that are of no interest are left out. */
static GPtrArray *
sorted(char **names)
{
    GPtrArray *list = g_ptr_array_new_with_free_func(g_free);

    for (char **name = names; name && *name; name++) {
        if (**name != '.' && (g_str_has_suffix(*name, ".conf") || g_str_has_suffix(*name, ".flow")))
            g_ptr_array_add(list, *name);
        else
            g_free(*name);
    }
    g_free(names);
    g_ptr_array_sort(list, compare_names);
    return list;
}

static void
read_built_in(source *from, const char *kind)
{
    GResource *resource = flow_data_get_resource();
    char      *folder = g_strconcat(DATA_ROOT "/", kind, NULL);
    GPtrArray *names = sorted(g_resource_enumerate_children(resource, folder, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL));

    for (guint i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];
        char       *path = g_strconcat(folder, "/", name, NULL);
        char       *shown = g_strconcat("built-in ", kind, "/", name, NULL);
        GBytes     *bytes = g_resource_lookup_data(resource, path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

        read_text(from, kind, name, shown, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
        g_bytes_unref(bytes);
        g_free(shown);
        g_free(path);
    }
    g_ptr_array_unref(names);
    g_free(folder);
}

static char **
names_in(GDir *folder)
{
    GPtrArray  *names = g_ptr_array_new();
    const char *name;

    while ((name = g_dir_read_name(folder)) != NULL)
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static void
read_user_file(source *from, const char *kind, const char *name, const char *path)
{
    char   *shown = g_filename_display_name(path);
    char   *text;
    gsize   length;
    GError *error = NULL;

    if (!g_file_get_contents(path, &text, &length, &error)) {
        keyfile_problem(from->problems, shown, NULL, NULL, error->message);
        g_error_free(error);
    } else {
        if (length > MAX_FILE_SIZE)
            keyfile_problem(from->problems, shown, NULL, NULL, "larger than 1 MiB; expected a file written by hand");
        else
            read_text(from, kind, name, shown, text, length);
        g_free(text);
    }
    g_free(shown);
}

/* The files of one kind in the user's folder, which need not be there. */
static void
read_user_folder(source *from, const char *folder, const char *kind)
{
    char *path = g_build_filename(folder, kind, NULL);
    GDir *opened = g_dir_open(path, 0, NULL);

    if (opened) {
        GPtrArray *names = sorted(names_in(opened));

        for (guint i = 0; i < names->len; i++) {
            char *file = g_build_filename(path, names->pdata[i], NULL);

            read_user_file(from, kind, names->pdata[i], file);
            g_free(file);
        }
        g_ptr_array_unref(names);
        g_dir_close(opened);
    }
    g_free(path);
}

/* Everything of one kind: what is compiled in, then what is in the user's folder. */
static void
read_kind(flow_knowledge *knowledge, const char *kind, GPtrArray *problems)
{
    source from = { knowledge, problems, g_ptr_array_new() };

    flow_data_register_resource();
    read_built_in(&from, kind);
    flow_data_unregister_resource();
    flow_catalogue_take(knowledge->catalogue, from.entries, problems);
    g_ptr_array_set_size(from.entries, 0);
    if (knowledge->folder)
        read_user_folder(&from, knowledge->folder, kind);
    flow_catalogue_take(knowledge->catalogue, from.entries, problems);
    g_ptr_array_unref(from.entries);
}

/* Gives flows the common sentences where they have none of their own. */
static void
spread_looks(flow_knowledge *knowledge)
{
    for (guint i = 0; i < knowledge->flows->len; i++) {
        flow_expected *expected = knowledge->flows->pdata[i];

        for (int step = 0; step < FLOW_STEPS; step++) {
            if (!expected->looks[step])
                expected->looks[step] = knowledge->looks[step];
        }
    }
}

flow_knowledge *
flow_knowledge_begin(const char *folder, GPtrArray *problems)
{
    flow_knowledge *knowledge = g_new0(flow_knowledge, 1);

    knowledge->folder = g_strdup(folder);
    knowledge->strings = g_string_chunk_new(4096);
    knowledge->flows = g_ptr_array_new_with_free_func(flow_expected_free);
    knowledge->catalogue = g_ptr_array_new_with_free_func(flow_entry_free);
    knowledge->activities = g_ptr_array_new_with_free_func(flow_activity_free);
    read_kind(knowledge, "flows", problems);
    spread_looks(knowledge);
    return knowledge;
}

void
flow_knowledge_complete(flow_knowledge *knowledge, GPtrArray *problems)
{
    if (knowledge->is_complete)
        return;
    knowledge->is_complete = true;
    read_kind(knowledge, "catalogue", problems);
    flow_catalogue_link(knowledge->catalogue);
}

flow_knowledge *
flow_knowledge_new(const char *folder, GPtrArray *problems)
{
    flow_knowledge *knowledge = flow_knowledge_begin(folder, problems);

    flow_knowledge_complete(knowledge, problems);
    return knowledge;
}

void
flow_knowledge_free(flow_knowledge *knowledge)
{
    g_ptr_array_unref(knowledge->flows);
    g_ptr_array_unref(knowledge->catalogue);
    g_ptr_array_unref(knowledge->activities);
    flow_recognition_clear(&knowledge->recognition);
    g_string_chunk_free(knowledge->strings);
    g_free(knowledge->folder);
    g_free(knowledge);
}

const GPtrArray *
flow_knowledge_flows(const flow_knowledge *knowledge)
{
    return knowledge->flows;
}

const flow_expected *
flow_knowledge_flow(const flow_knowledge *knowledge, const char *name)
{
    for (guint i = 0; i < knowledge->flows->len; i++) {
        const flow_expected *expected = knowledge->flows->pdata[i];

        if (strcmp(expected->name, name) == 0)
            return expected;
    }
    return NULL;
}

const GPtrArray *
flow_knowledge_catalogue(const flow_knowledge *knowledge)
{
    return knowledge->catalogue;
}

const GPtrArray *
flow_knowledge_activities(const flow_knowledge *knowledge)
{
    return knowledge->activities;
}

const flow_recognition *
flow_knowledge_recognition(const flow_knowledge *knowledge)
{
    return &knowledge->recognition;
}
