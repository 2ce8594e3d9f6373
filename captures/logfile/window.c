/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The text that comes next, in UTF-8, and where it stands in the file. There is always enough of it to see a whole
 * record, so that nobody needs to ask for more in the middle of one.
 */
#include "internal.h"

/* Seeing further than a record shows whether it ends there. */
#define AHEAD (LOGFILE_MAX_RECORD + 16)

#define CAPACITY (4 * LOGFILE_MAX_RECORD)

/* Of UTF-16 at once: decoded it fits behind what is AHEAD. */
#define RAW_CAPACITY ((CAPACITY - AHEAD) / 3 * 2 - 16)

void
logfile_window_init(logfile_window *window, logfile_source source, void *from)
{
    memset(window, 0, sizeof *window);
    window->source = source;
    window->from = from;
    window->line = 1;
    window->octets = g_malloc(CAPACITY);
}

void
logfile_window_clear(logfile_window *window)
{
    g_free(window->octets);
    g_free(window->raw);
}

void
logfile_window_move(logfile_window *window, bool has_begun, logfile_encoding encoding, uint64_t offset, uint32_t line)
{
    window->has_begun = has_begun;
    window->has_ended = false;
    window->has_failed = false;
    window->ends_odd = false;
    window->encoding = encoding;
    window->raw_length = 0;
    window->start = window->end = 0;
    window->offset = offset;
    window->line = line;
}

/* Returns the octets read, 0 when there are none any more. */
static size_t
read_octets(logfile_window *window, uint8_t *octets, size_t size)
{
    gssize got = window->source(window->from, octets, size);

    if (got > 0 && (size_t)got <= size)
        return (size_t)got;
    window->has_ended = true;
    window->has_failed = got != 0;
    return 0;
}

/* Reads the first octets, which tell the encoding. */
static void
begin(logfile_window *window)
{
    uint8_t head[LOGFILE_ENCODING_HEAD];
    size_t  length = 0, mark;

    while (length < sizeof head && !window->has_ended)
        length += read_octets(window, head + length, sizeof head - length);
    window->has_begun = true;
    window->encoding = logfile_encoding_of(head, length, &mark);
    window->offset += mark;
    if (window->encoding == LOGFILE_UTF8) {
        memcpy(window->octets, head + mark, length - mark);
        window->end = length - mark;
        return;
    }
    window->raw = window->raw ? window->raw : g_malloc(RAW_CAPACITY);
    memcpy(window->raw, head + mark, length - mark);
    window->raw_length = length - mark;
}

static void
read_utf16(logfile_window *window)
{
    size_t used;

    window->raw = window->raw ? window->raw : g_malloc(RAW_CAPACITY);
    if (!window->has_ended)
        window->raw_length += read_octets(window, window->raw + window->raw_length, RAW_CAPACITY - window->raw_length);
    window->end += logfile_decode(window->encoding, window->raw, window->raw_length, window->has_ended,
                                  window->octets + window->end, &used);
    window->ends_odd = window->has_ended && window->raw_length % 2 == 1;
    window->raw_length -= used;
    memmove(window->raw, window->raw + used, window->raw_length);
}

logfile_span
logfile_window_text(logfile_window *window)
{
    if (!window->has_begun)
        begin(window);
    if (window->end - window->start < AHEAD && !(window->has_ended && window->raw_length == 0)) {
        memmove(window->octets, window->octets + window->start, window->end - window->start);
        window->end -= window->start;
        window->start = 0;
        while (window->end < AHEAD && !(window->has_ended && window->raw_length == 0)) {
            if (window->encoding == LOGFILE_UTF8)
                window->end += read_octets(window, (uint8_t *)window->octets + window->end, CAPACITY - window->end);
            else
                read_utf16(window);
        }
    }
    return (logfile_span){ window->octets + window->start, window->end - window->start };
}

void
logfile_window_take(logfile_window *window, size_t octets)
{
    logfile_span taken = { window->octets + window->start, octets };

    window->start += octets;
    window->offset += window->encoding == LOGFILE_UTF8 ? octets : logfile_encoded_length(taken);
    if (window->ends_odd && window->start == window->end)
        window->offset--;
    for (const char *at = taken.at; (at = memchr(at, '\n', octets - (size_t)(at - taken.at))) != NULL; at++)
        window->line++;
}
