/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Text for a terminal of 100 columns.
 */
#include "layout.h"

#include <string.h>

#define GAP         2 /* between the cells of a row */
#define REPLACEMENT 0xfffd
#define NO_BREAK    0xa0 /* a blank at which no line ends */

static const int64_t microsecond = 1000, second = 1000000000;

static void
append_blanks(GString *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        g_string_append_c(out, ' ');
}

/* What is shown for a character. */
static gunichar
shown(gunichar c)
{
    if (c != NO_BREAK && g_unichar_isspace(c))
        return ' ';
    return g_unichar_isprint(c) || g_unichar_iszerowidth(c) ? c : REPLACEMENT;
}

static unsigned
width_of_character(gunichar c)
{
    if (g_unichar_iszerowidth(c))
        return 0;
    return g_unichar_iswide(c) ? 2 : 1;
}

static bool
is_hidden(gunichar c)
{
    return g_unichar_iszerowidth(c) && !g_unichar_ismark(c);
}

/* Takes the next line of at most `width` off `*rest`, which then stands at the next one: broken at a blank if there is
 * one, without the blanks around it. The line's own width goes to `*used`. */
static char *
take_line(const char **rest, unsigned width, unsigned *used)
{
    GString    *line = g_string_new(NULL);
    const char *at = *rest, *after_blank = NULL;
    size_t      length_at_blank = 0;
    unsigned    column = 0, column_at_blank = 0;

    while (*at && shown(g_utf8_get_char(at)) == ' ')
        at = g_utf8_next_char(at);
    for (; *at; at = g_utf8_next_char(at)) {
        gunichar c = shown(g_utf8_get_char(at));
        unsigned wide = width_of_character(c);

        if (c == ' ' && line->len && line->str[line->len - 1] != ' ') {
            after_blank = at;
            length_at_blank = line->len;
            column_at_blank = column;
        }
        if (column + wide > width)
            break;
        if (c == ' ' && line->len && line->str[line->len - 1] == ' ')
            continue;
        if (is_hidden(c))
            continue; /* directions and the like: they would rearrange the line */
        g_string_append_unichar(line, c == NO_BREAK ? ' ' : c);
        column += wide;
    }
    if (*at && after_blank) {
        at = after_blank;
        g_string_truncate(line, length_at_blank);
        column = column_at_blank;
    }
    while (line->len && line->str[line->len - 1] == ' ') {
        g_string_truncate(line, line->len - 1);
        column--;
    }
    while (*at && shown(g_utf8_get_char(at)) == ' ')
        at = g_utf8_next_char(at);
    *rest = at;
    *used = column;
    return g_string_free(line, FALSE);
}

static unsigned
width_of(const char *text)
{
    unsigned width = 0;

    for (; *text; text = g_utf8_next_char(text))
        width += width_of_character(g_utf8_get_char(text));
    return width;
}

void
layout_prose(GString *out, unsigned indent, const char *label, const char *text)
{
    unsigned hanging = indent + width_of(label), used;

    append_blanks(out, indent);
    g_string_append(out, label);
    do {
        char *line = take_line(&text, LAYOUT_WIDTH - hanging, &used);

        g_string_append(out, line);
        g_string_append_c(out, '\n');
        g_free(line);
        if (*text)
            append_blanks(out, hanging);
    } while (*text);
}

void
layout_row(GString *out, unsigned indent, const layout_column *columns, unsigned count, const char *const *cells)
{
    const char **rests = g_newa(const char *, count);
    bool         is_done;

    for (unsigned i = 0; i < count; i++)
        rests[i] = cells[i] ? cells[i] : "";
    do {
        unsigned due = indent; /* blanks before the next cell that has anything in it */

        is_done = true;
        for (unsigned i = 0; i < count; i++) {
            unsigned used;
            char    *line = take_line(&rests[i], columns[i].width, &used);
            unsigned fill = columns[i].width - used;

            if (used) {
                append_blanks(out, due + (columns[i].is_right ? fill : 0));
                g_string_append(out, line);
                due = columns[i].is_right ? GAP : fill + GAP;
            } else {
                due += columns[i].width + GAP;
            }
            g_free(line);
            if (*rests[i])
                is_done = false;
        }
        g_string_append_c(out, '\n');
    } while (!is_done);
}

char *
layout_cut(const char *text, unsigned width)
{
    const char *rest = text;
    unsigned    used;
    char       *line = take_line(&rest, width, &used), *cut;

    if (!*rest)
        return line;
    g_free(line);
    rest = text;
    line = take_line(&rest, width - 2, &used);
    cut = g_strconcat(line, " …", NULL);
    g_free(line);
    return cut;
}

char *
layout_time(int64_t time)
{
    int64_t    rounded = time / microsecond + time % microsecond / (microsecond / 2);
    int64_t    seconds = rounded / 1000000, micros = rounded % 1000000;
    GDateTime *moment;
    char      *date, *text;

    if (micros < 0) {
        micros += 1000000;
        seconds--;
    }
    moment = g_date_time_new_from_unix_utc(seconds);
    if (!moment)
        return NULL;
    date = g_date_time_format(moment, "%Y-%m-%dT%H:%M:%S");
    text = g_strdup_printf("%s.%06dZ", date, (int)micros);
    g_free(date);
    g_date_time_unref(moment);
    return text;
}

char *
layout_duration(int64_t duration)
{
    const char *sign = duration < 0 ? "-" : "";
    uint64_t    size = duration < 0 ? -(uint64_t)duration : (uint64_t)duration;
    uint64_t    tenths = (size + 50000) / 100000, millis = (size + 500000) / 1000000;
    unsigned    minutes = (unsigned)((size / second + 30) / 60);

    if (size < 999500)
        return g_strdup_printf("%s%u µs", sign, (unsigned)((size + 500) / 1000));
    if (tenths < 10000)
        return g_strdup_printf("%s%u.%u ms", sign, (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    if (millis < 600000)
        return g_strdup_printf("%s%u.%03u s", sign, (unsigned)(millis / 1000), (unsigned)(millis % 1000));
    if (minutes < 120)
        return g_strdup_printf("%s%u min", sign, minutes);
    return g_strdup_printf("%s%u h %u min", sign, minutes / 60, minutes % 60);
}

void
layout_append_seconds(GString *out, int64_t duration)
{
    const char *sign = duration < 0 ? "-" : "";
    uint64_t    size = duration < 0 ? -(uint64_t)duration : (uint64_t)duration;
    uint64_t    micros = (size + 500) / 1000;

    g_string_append_printf(out, "%s%" G_GUINT64_FORMAT ".%06u", sign, micros / 1000000, (unsigned)(micros % 1000000));
}

char *
layout_endpoint(const char *address, uint16_t port)
{
    if (!address)
        return NULL;
    if (port == 0)
        return g_strdup(address);
    return g_strdup_printf(strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
}
