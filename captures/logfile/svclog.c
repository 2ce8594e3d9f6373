/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Elements as .NET's XmlWriterTraceListener writes them, one after the other without a root element:
 *     <E2ETraceEvent xmlns="…"><System xmlns="…"><EventID>0</EventID>… <TimeCreated SystemTime="…" />…</System>
 *     <ApplicationData>message</ApplicationData></E2ETraceEvent>
 */
#include "internal.h"

const logfile_span logfile_svclog_begin = LOGFILE_SPAN("<E2ETraceEvent");

static const logfile_span element_end = LOGFILE_SPAN("</E2ETraceEvent");

/* A column that is an element's text, or the value of its attribute. */
typedef struct {
    const char *column, *element, *attribute;
} place;

static const place places[] = {
    { "EventID", "EventID", NULL },
    { "Type", "Type", NULL },
    { "SubType", "SubType", "Name" },
    { "Level", "Level", NULL },
    { "TimeCreated", "TimeCreated", "SystemTime" },
    { "Source", "Source", "Name" },
    { "ActivityID", "Correlation", "ActivityID" },
    { "ProcessName", "Execution", "ProcessName" },
    { "ProcessID", "Execution", "ProcessID" },
    { "ThreadID", "Execution", "ThreadID" },
    { "Channel", "Channel", NULL },
    { "Computer", "Computer", NULL },
};

/* Elements of a message that say in words what happened; what else is in it comes behind them. */
static const char *const in_words[] = { "Description", "Message", NULL };

enum { TIME_CREATED = 4 };

G_STATIC_ASSERT(G_N_ELEMENTS(places) > TIME_CREATED);

/* While an element is read. */
typedef struct {
    GString *values[G_N_ELEMENTS(places)]; /* NULL: not there */
    GString *words, *others;               /* of ApplicationData, which is there when they are */
    unsigned depth;
    unsigned application_data;             /* its depth; 0: outside it */
    bool     is_in_words;
    bool     has_ended;
} reading;

size_t
logfile_svclog_end(logfile_span text)
{
    for (size_t from = 0;;) {
        logfile_span rest = logfile_after(text, from);
        size_t       at = logfile_find(rest, element_end);

        if (at == rest.length)
            return 0;
        from += at + element_end.length;
        rest = logfile_after(text, from);
        while (rest.length > 0 && logfile_is_blank(*rest.at))
            rest = logfile_after(rest, 1);
        if (logfile_take_char(&rest, '>'))
            return (size_t)(rest.at - text.at);
    }
}

static const char *
attribute_of(const char *name, const char **names, const char **values)
{
    for (; *names; names++, values++) {
        if (strcmp(*names, name) == 0)
            return *values;
    }
    return NULL;
}

static void
on_start(GMarkupParseContext *context G_GNUC_UNUSED, const char *element, const char **names, const char **values,
         void *user, GError **error G_GNUC_UNUSED)
{
    reading *in = user;

    in->depth++;
    if (in->application_data > 0) {
        in->is_in_words = g_strv_contains(in_words, element);
        return;
    }
    if (strcmp(element, "ApplicationData") == 0 && !in->words) {
        in->application_data = in->depth;
        in->words = g_string_new(NULL);
        in->others = g_string_new(NULL);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        const char *value = places[i].attribute ? attribute_of(places[i].attribute, names, values) : NULL;

        if (value && !in->values[i] && strcmp(element, places[i].element) == 0)
            in->values[i] = g_string_new(value);
    }
}

static void
on_end(GMarkupParseContext *context G_GNUC_UNUSED, const char *element G_GNUC_UNUSED, void *user,
       GError **error G_GNUC_UNUSED)
{
    reading *in = user;

    if (in->depth == in->application_data)
        in->application_data = 0;
    in->is_in_words = false;
    in->depth--;
    in->has_ended = in->depth == 0;
}

/* Adds text without the blanks around it, behind a blank. */
static void
add_piece(GString *to, const char *text)
{
    char *piece = g_strstrip(g_strdup(text));

    if (*piece != '\0') {
        if (to->len > 0)
            g_string_append_c(to, ' ');
        g_string_append(to, piece);
    }
    g_free(piece);
}

static void
on_text(GMarkupParseContext *context, const char *octets, gsize length, void *user, GError **error G_GNUC_UNUSED)
{
    reading    *in = user;
    const char *element = in->depth > 0 ? g_markup_parse_context_get_element(context) : "";
    char       *text = g_strndup(octets, length);

    if (in->application_data > 0)
        add_piece(in->is_in_words ? in->words : in->others, text);
    for (size_t i = 0; i < G_N_ELEMENTS(places) && in->application_data == 0; i++) {
        if (!in->values[i] && strcmp(element, places[i].element) == 0 && strspn(text, " \t\r\n") < length)
            in->values[i] = g_string_new(text);
    }
    g_free(text);
}

/* "2016-06-10T02:44:11.8513964Z", with a distance from UTC instead of Z, or nothing. */
static void
read_time(logfile_span text, logfile_meaning *meaning)
{
    int64_t  day, of_day;
    unsigned hours = 0, minutes = 0;
    bool     is_east = false, is_utc = false, is_read;

    is_read = logfile_take_date(&text, &day) && logfile_take_char(&text, 'T') && logfile_take_time(&text, &of_day);
    if (is_read && text.length > 0) {
        is_utc = true;
        if (!logfile_take_char(&text, 'Z')) {
            is_east = logfile_take_char(&text, '+');
            is_read = (is_east || logfile_take_char(&text, '-')) && logfile_take_number(&text, 2, &hours) &&
                      logfile_take_char(&text, ':') && logfile_take_number(&text, 2, &minutes);
        }
        is_read = is_read && text.length == 0;
    }
    if (!is_read) {
        logfile_object(meaning, "its time cannot be read");
        return;
    }
    meaning->has_time = true;
    meaning->is_utc = is_utc;
    meaning->time = day * LOGFILE_DAY + of_day -
                    (is_east ? 1 : -1) * ((int64_t)hours * 3600 + minutes * 60) * LOGFILE_SECOND;
}

/* Moves `text` behind the name of the first element that is called so. */
static bool
find_element(logfile_span *text, const char *name)
{
    logfile_span wanted = { name, strlen(name) };

    while (text->length > 0) {
        *text = logfile_after(*text, logfile_find(*text, LOGFILE_SPAN("<")));
        if (!logfile_take_char(text, '<') || !logfile_begins(*text, wanted))
            continue;
        *text = logfile_after(*text, wanted.length);
        if (text->length > 0 && (logfile_is_blank(*text->at) || *text->at == '>'))
            return true;
    }
    return false;
}

/* The value where it stands in the record, or else by itself. */
static logfile_span
locate(logfile_span record, const char *element, const char *attribute, const GString *value)
{
    logfile_span literal = { value->str, value->len }, tag;
    size_t       at;

    if (!find_element(&record, element))
        return literal;
    at = logfile_find(record, LOGFILE_SPAN(">"));
    tag = logfile_before(record, at);
    record = logfile_after(record, MIN(at + 1, record.length));
    while (record.length > 0 && logfile_is_blank(*record.at))
        record = logfile_after(record, 1);
    if (logfile_begins(record, literal))
        return logfile_before(record, literal.length);
    if (attribute) {
        tag = logfile_after(tag, logfile_find(tag, (logfile_span){ attribute, strlen(attribute) }));
        at = strlen(attribute) + strlen("=\"");
        if (tag.length >= at && logfile_begins(logfile_after(tag, at), literal))
            return logfile_before(logfile_after(tag, at), literal.length);
    }
    return literal;
}

static void
tell(const reading *in, logfile_span record, const logfile_sink *sink)
{
    if (in->words) {
        add_piece(in->words, in->others->str);
        sink->column(sink->user, LOGFILE_SPAN("message"), locate(record, "ApplicationData", NULL, in->words));
    }
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        logfile_span name = { places[i].column, strlen(places[i].column) };

        if (in->values[i])
            sink->column(sink->user, name, locate(record, places[i].element, places[i].attribute, in->values[i]));
    }
}

static void
end_reading(reading *in)
{
    for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
        if (in->values[i])
            g_string_free(in->values[i], TRUE);
    }
    if (in->words) {
        g_string_free(in->words, TRUE);
        g_string_free(in->others, TRUE);
    }
}

/* Returns why the element cannot be read wholly; NULL when it can. */
static const char *
read_element(logfile_span record, reading *in)
{
    static const GMarkupParser parser = { .start_element = on_start, .end_element = on_end, .text = on_text };
    GMarkupParseContext       *context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, in, NULL);
    const char                *problem = NULL;

    if (!g_markup_parse_context_parse(context, record.at, (gssize)record.length, NULL)) {
        problem = "it is not well-formed XML";
    } else if (!in->has_ended) {
        problem = "no </E2ETraceEvent> at its end";
        g_markup_parse_context_parse(context, "<", 1, NULL); /* a text that is cut short comes when something follows */
    }
    g_markup_parse_context_free(context);
    return problem;
}

void
logfile_svclog_read(logfile_span record, logfile_meaning *meaning, const logfile_sink *sink)
{
    reading     in = { 0 };
    const char *problem;

    if (!logfile_begins(record, logfile_svclog_begin)) {
        logfile_object(meaning, "no <E2ETraceEvent at its begin");
        return;
    }
    problem = read_element(record, &in);
    if (problem)
        logfile_object(meaning, "%s", problem);
    if (in.values[TIME_CREATED])
        read_time((logfile_span){ in.values[TIME_CREATED]->str, in.values[TIME_CREATED]->len }, meaning);
    else
        logfile_object(meaning, "it has no time");
    if (sink)
        tell(&in, record, sink);
    end_reading(&in);
}
