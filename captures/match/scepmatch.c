/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scepmatch: two or more captures of the same traffic, and logs, on one clock and in one file. The order of work: read all,
 * find the conversations that several have seen, estimate the clocks by them, read all again side by side to tell what
 * happened in between, and write.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "across.h"
#include "between.h"
#include "merged.h"
#include "report.h"

/* What the program ends with. */
enum { DONE = 0, FAILED = 1, WRONG_USE = 2, NOTHING_IN_COMMON = 3 };

/* How many records lie between two looks at the progress. */
#define MANY 65536

typedef struct {
    char *output, *filter, *keylog;
    gboolean is_json, is_version;
} options;

/* Everything while it is worked on. */
typedef struct {
    options         *asked;
    GPtrArray       *sources;  /* of match_source * */
    GPtrArray       *tables;   /* of stream_table *, NULL for logs */
    uint64_t        *records;
    clock_estimate  *clocks;
    int             *tied_by;
    GPtrArray       *groups, *pairs;
    across          *legs;
    merged          *file;
    GArray          *links;
} work;

static void G_GNUC_PRINTF(1, 2)
complain(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("scepmatch: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

/* Says a problem, which is freed. */
static void
complain_of(char *problem)
{
    complain("%s", problem ? problem : "something went wrong");
    g_free(problem);
}

/* A line about how far it is, where somebody looks. */
static void
show_progress(const char *what, const match_source *source)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K%s %s: %.0f %%", what, source_name(source), 100 * source_progress(source));
}

static void
end_progress(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* --- opening --- */

/* "NAME=FILE", or FILE alone, whose name without what is after the dot is taken. */
static char *
split(const char *argument, const char **path)
{
    const char *equals = strchr(argument, '=');
    char       *name, *dot;

    if (equals && equals != argument && !memchr(argument, '/', (size_t)(equals - argument))) {
        *path = equals + 1;
        return g_strndup(argument, (gsize)(equals - argument));
    }
    *path = argument;
    name = g_path_get_basename(argument);
    dot = strchr(name + 1, '.');
    if (dot)
        *dot = 0;
    return name;
}

static bool
is_name_taken(const GPtrArray *sources, const char *name)
{
    for (guint i = 0; i < sources->len; i++) {
        if (strcmp(source_name(sources->pdata[i]), name) == 0)
            return true;
    }
    return false;
}

static bool
open_sources(work *all, char **arguments)
{
    for (char **argument = arguments; *argument; argument++) {
        const char   *path;
        char         *name = split(*argument, &path), *problem = NULL;
        match_source *source = NULL;

        if (is_name_taken(all->sources, name))
            problem = g_strdup_printf("two sources are named \"%s\": give each a name of its own, NAME=FILE", name);
        else
            source = source_open(name, path, all->asked->filter, &problem);
        g_free(name);
        if (!source) {
            complain_of(problem);
            return false;
        }
        g_ptr_array_add(all->sources, source);
    }
    if (all->sources->len > 0 && source_is_log(all->sources->pdata[0])) {
        complain("%s is a log: the first file gives the clock, and has to be a capture",
                 source_path(all->sources->pdata[0]));
        return false;
    }
    return true;
}

/* --- reading --- */

static void
read_source(work *all, unsigned index)
{
    match_source *source = all->sources->pdata[index];
    stream_table *table = all->tables->pdata[index];
    match_record  record;
    char         *problem = NULL;

    while (source_next(source, &record, &problem)) {
        wire_segment segment;
        stream_side  from;

        if (all->records[index]++ % MANY == 0)
            show_progress("reading", source);
        if (table && wire_segment_read(record.link, record.octets, record.captured, record.length, &segment))
            stream_table_add(table, &record, &segment, &from);
    }
    end_progress();
    if (problem)
        complain("%s; what comes before counts", problem);
    g_free(problem);
}

static void
free_table(gpointer table)
{
    if (table)
        stream_table_free(table);
}

static void
read_all(work *all)
{
    all->records = g_new0(uint64_t, all->sources->len);
    for (guint i = 0; i < all->sources->len; i++) {
        g_ptr_array_add(all->tables, source_is_log(all->sources->pdata[i]) ? NULL : stream_table_new(i));
        read_source(all, i);
    }
    all->groups = pairs_find(all->tables);
}

/* --- clocks --- */

/* Estimates the clock of `source` by that of `by`, which is known. */
static void
tie(work *all, unsigned source, unsigned by)
{
    clock_fit     *fit = clock_fit_new();
    clock_estimate estimate = { 0 };

    pairs_events(all->groups, by, source, fit);
    clock_estimate_clear(&all->clocks[source]);
    clock_fit_estimate(fit, &estimate);
    if (by == 0) {
        all->clocks[source] = estimate;
    } else {
        clock_chain(&all->clocks[by], &estimate, &all->clocks[source]);
        clock_estimate_clear(&estimate);
    }
    all->tied_by[source] = (int)by;
    clock_fit_free(fit);
}

/* Of the sources that are not tied yet the one that shares most with one that is; false when none shares anything. */
static bool
next_to_tie(const work *all, const bool *is_tied, unsigned *source, unsigned *by)
{
    unsigned most = 0;

    for (unsigned i = 0; i < all->sources->len; i++) {
        for (unsigned j = 0; !is_tied[i] && j < all->sources->len; j++) {
            unsigned shared = is_tied[j] ? pairs_share(all->groups, j, i) : 0;

            if (shared > most) {
                most = shared;
                *source = i;
                *by = j;
            }
        }
    }
    return most > 0;
}

static unsigned
tie_clocks(work *all)
{
    bool    *is_tied = g_new0(bool, all->sources->len);
    unsigned source = 0, by = 0, count = 0;

    all->clocks = g_new0(clock_estimate, all->sources->len);
    all->tied_by = g_new(int, all->sources->len);
    for (guint i = 0; i < all->sources->len; i++) {
        all->tied_by[i] = -1;
        all->clocks[i].steps = g_array_new(FALSE, FALSE, sizeof(clock_step)); /* none: what is not known is as it is */
    }
    all->clocks[0].quality = CLOCK_ACCURATE;
    is_tied[0] = true;
    for (; next_to_tie(all, is_tied, &source, &by); count++) {
        tie(all, source, by);
        is_tied[source] = true;
    }
    g_free(is_tied);
    return count;
}

/* --- between --- */

static void *
keep(void *user, unsigned source, const match_record *record)
{
    work        *all = user;
    wire_segment segment;

    if (!record->is_log && wire_segment_read(record->link, record->octets, record->captured, record->length, &segment))
        across_take(all->legs, source, record->number, &segment, clock_to_reference(&all->clocks[source], record->time));
    return all->file ? merged_keep(all->file, all->sources->pdata[source], source) : NULL;
}

/* "also seen at wap +1.204 ms as packet 311", "not seen at wap". */
static char *
comment_on(const work *all, const between_fate *fate)
{
    GString *text = g_string_new(NULL);

    if (fate->twin_number)
        g_string_append_printf(text, "also seen at %s %+.3f ms as packet %u",
                               source_name(all->sources->pdata[fate->twin_source]), (double)fate->twin_delay / 1e6,
                               fate->twin_number);
    if (fate->is_absent)
        g_string_append_printf(text, "%snot seen at %s", text->len ? "; " : "",
                               source_name(all->sources->pdata[fate->absent_source]));
    return g_string_free(text, text->len == 0);
}

static bool
decided(void *user, void *kept, const between_fate *fate, char **problem)
{
    work *all = user;
    char *comment;
    bool  result;

    if (!all->file)
        return true;
    comment = comment_on(all, fate);
    result = merged_write(all->file, kept, fate->time, comment, problem);
    g_free(comment);
    return result;
}

static void
drop(void *user G_GNUC_UNUSED, void *kept)
{
    if (kept)
        kept_record_free(kept);
}

static bool
rewind_all(work *all, char **problem)
{
    for (guint i = 0; i < all->sources->len; i++) {
        if (!source_rewind(all->sources->pdata[i], problem))
            return false;
    }
    return true;
}

static bool
look_between(work *all, char **problem)
{
    between_sink sink = { keep, decided, all, drop };
    GPtrArray   *names = g_ptr_array_new();
    char        *keylog = NULL;
    GError      *error = NULL;
    bool         is_done;

    if (all->asked->keylog && !g_file_get_contents(all->asked->keylog, &keylog, NULL, &error)) {
        *problem = g_strdup(error->message);
        g_error_free(error);
        g_ptr_array_unref(names);
        return false;
    }
    for (guint i = 0; i < all->sources->len; i++)
        g_ptr_array_add(names, (gpointer)source_name(all->sources->pdata[i]));
    g_ptr_array_add(names, NULL);
    all->legs = across_new((const char *const *)names->pdata);
    g_ptr_array_unref(names);
    is_done = rewind_all(all, problem);
    if (is_done && all->asked->output) {
        all->file = merged_new(all->asked->output, all->sources, keylog, problem);
        is_done = all->file != NULL;
    }
    if (is_done) {
        all->pairs = between_find(all->sources, all->groups, all->clocks, &sink, problem);
        is_done = all->pairs != NULL;
    }
    if (all->file) {
        char *other = NULL;

        if (!merged_close(all->file, is_done, is_done ? problem : &other))
            is_done = false;
        g_free(other);
    }
    g_free(keylog);
    return is_done;
}

/* --- the whole --- */

static void
tell(const work *all)
{
    match_result result = { all->sources, all->records, all->clocks, all->tied_by, all->groups, all->pairs, all->links };
    GString     *out = g_string_new(NULL);

    (all->asked->is_json ? report_json : report_text)(out, &result);
    fwrite(out->str, 1, out->len, stdout);
    g_string_free(out, TRUE);
}

static void
finish(work *all)
{
    if (all->links)
        g_array_unref(all->links);
    across_free(all->legs);
    if (all->pairs)
        g_ptr_array_unref(all->pairs);
    if (all->groups)
        g_ptr_array_unref(all->groups);
    for (guint i = 0; all->clocks && i < all->sources->len; i++)
        clock_estimate_clear(&all->clocks[i]);
    g_free(all->clocks);
    g_free(all->tied_by);
    g_free(all->records);
    g_ptr_array_unref(all->tables);
    g_ptr_array_unref(all->sources);
}

static int
match(options *asked, char **arguments)
{
    work  all = { .asked = asked };
    char *problem = NULL;
    int   status = FAILED;

    all.sources = g_ptr_array_new_with_free_func((GDestroyNotify)source_close);
    all.tables = g_ptr_array_new_with_free_func(free_table);
    if (open_sources(&all, arguments)) {
        read_all(&all);
        if (tie_clocks(&all) == 0) {
            complain("no conversation was captured by more than one of these: are they of the same traffic, and of the same "
                     "time? Nothing can be put on one clock%s", asked->output ? ", and nothing was written" : "");
            status = NOTHING_IN_COMMON;
        } else if (look_between(&all, &problem)) {
            pairs_explain(all.groups, all.tables, all.clocks);
            all.links = across_links(all.legs);
            tell(&all);
            status = DONE;
        } else {
            complain_of(problem);
        }
    }
    finish(&all);
    return status;
}

int
main(int argc, char **argv)
{
    options            asked = { 0 };
    const GOptionEntry entries[] = {
        { "write", 'w', 0, G_OPTION_ARG_FILENAME, &asked.output, "Write all packets and lines on one clock", "OUT.pcapng" },
        { "json", 0, 0, G_OPTION_ARG_NONE, &asked.is_json, "Report as one JSON object", NULL },
        { "filter", 'f', 0, G_OPTION_ARG_STRING, &asked.filter, "Only packets that pass this capture filter", "FILTER" },
        { "keylog", 0, 0, G_OPTION_ARG_FILENAME, &asked.keylog, "Put these TLS secrets into what is written", "FILE" },
        { "version", 0, 0, G_OPTION_ARG_NONE, &asked.is_version, "Tell the version", NULL },
        { NULL, 0, 0, 0, NULL, NULL, NULL },
    };
    GOptionContext *context = g_option_context_new("NAME=FILE NAME=FILE…");
    GError         *error = NULL;
    int             status = WRONG_USE;

    g_option_context_set_summary(context, "Puts captures of the same traffic, and logs, on one clock: the first file's. NAME is "
                                          "client, wap, ndes, crp or any label.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        complain("%s", error->message);
        g_error_free(error);
    } else if (asked.is_version) {
        puts("scepmatch " SCEPSHARK_VERSION);
        status = DONE;
    } else if (argc < 3) {
        complain("two files at least are needed: scepmatch client=device.pcapng wap=wap.pcapng");
    } else {
        status = match(&asked, argv + 1);
    }
    g_option_context_free(context);
    g_free(asked.output);
    g_free(asked.filter);
    g_free(asked.keylog);
    return status;
}
