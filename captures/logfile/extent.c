/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where a record ends: at the end of its line (W3C), or at the end of what began as one (CMTrace, svclog). What stands
 * between such records is a record too, a malformed one.
 */
#include "internal.h"

/* How far is looked for an end at first, then twice as far, and so on: what is short costs little. */
#define FIRST_LOOK 512

static const logfile_span nuls = LOGFILE_SPAN("\0\0\0\0");
static const logfile_span byte_order_mark = LOGFILE_SPAN("\xef\xbb\xbf");

G_STATIC_ASSERT(sizeof "\0\0\0\0" - 1 == LOGFILE_NULS);

bool
logfile_begins_with_nuls(logfile_span text)
{
    return logfile_begins(text, nuls);
}

/* Octets of blanks at the begin; where files were put together, a byte order mark is one. */
static size_t
blanks_at(logfile_span text)
{
    size_t at = 0;

    while (at < text.length) {
        if (logfile_is_blank(text.at[at]))
            at++;
        else if (logfile_begins(logfile_after(text, at), byte_order_mark))
            at += byte_order_mark.length;
        else
            break;
    }
    return at;
}

static size_t
line_end_at(logfile_span text)
{
    if (text.length > 0 && text.at[0] == '\n')
        return 1;
    return text.length > 1 && text.at[0] == '\r' && text.at[1] == '\n' ? 2 : 0;
}

/* A record of which there is more than LOGFILE_MAX_RECORD: not cut within a character, nor where another one begins. */
static logfile_extent
cut(logfile_span text, logfile_span begin)
{
    size_t length = LOGFILE_MAX_RECORD;

    for (size_t less = 0; less < begin.length; less++) {
        if (logfile_begins(logfile_after(text, length - less), begin))
            return (logfile_extent){ .length = length - less, .taken = length - less };
    }
    for (unsigned i = 0; i < 3 && ((uint8_t)text.at[length] & 0xc0) == 0x80; i++)
        length--;
    return (logfile_extent){ .length = length, .taken = length, .is_cut = true };
}

/* Where NULs that were never written over begin; the length of `text` when there are none. */
static size_t
find_nuls(logfile_span text)
{
    return memchr(text.at, '\0', text.length) ? logfile_find(text, nuls) : text.length;
}

static logfile_extent
line_extent(logfile_span text)
{
    const char    *end = memchr(text.at, '\n', MIN(text.length, LOGFILE_MAX_RECORD + 1));
    logfile_extent extent = { 0 };
    logfile_span   line;
    size_t         written;

    if (logfile_begins(text, byte_order_mark))
        return (logfile_extent){ .taken = byte_order_mark.length, .is_blank = true };
    if (end)
        extent.taken = (size_t)(end - text.at) + 1;
    else if (text.length > LOGFILE_MAX_RECORD)
        extent = cut(text, LOGFILE_SPAN(""));
    else
        extent.taken = text.length;
    line = logfile_before(text, extent.taken);
    written = find_nuls(line);
    if (written < line.length)
        extent = (logfile_extent){ .taken = written };
    if (!extent.is_cut) {
        extent.length = extent.taken - (end && written == line.length);
        while (extent.length > 0 && text.at[extent.length - 1] == '\r')
            extent.length--;
    }
    extent.is_blank = blanks_at(logfile_before(text, extent.length)) == extent.length;
    return extent;
}

/* Returns whether the record that `text` begins with ends there. Sets `length` to the octets up to and with its end, or
 * else to those before the begin of another one, or to all. */
static bool
find_end(logfile_format format, logfile_span text, logfile_span begin, size_t *length)
{
    bool has_begin = logfile_begins(text, begin);

    for (size_t look = FIRST_LOOK;; look *= 2) {
        logfile_span within = logfile_before(text, MIN(look, text.length));
        size_t       from = has_begin ? begin.length : 0;
        size_t       next = from + logfile_find(logfile_after(within, from), begin);
        bool         is_whole = next < within.length || within.length == text.length;
        size_t       end;

        within.length = next;
        end = format == LOGFILE_SVCLOG ? logfile_svclog_end(within) : logfile_cmtrace_end(within, has_begin, is_whole);
        *length = end > 0 ? end : next;
        if (end > 0 || is_whole)
            return end > 0;
    }
}

static logfile_extent
block_extent(logfile_format format, logfile_span text, bool is_rest)
{
    logfile_span   begin = format == LOGFILE_SVCLOG ? logfile_svclog_begin : logfile_cmtrace_begin;
    logfile_span   within = logfile_before(text, MIN(text.length, LOGFILE_MAX_RECORD));
    logfile_extent extent = { 0 };
    size_t         blanks = is_rest ? 0 : blanks_at(text), length, written;
    bool           is_open;

    if (blanks > 0)
        return (logfile_extent){ .taken = blanks, .is_blank = true };
    is_open = !find_end(format, within, begin, &length) && length == within.length && length < text.length;
    written = find_nuls(logfile_before(within, length));
    if (written < length) {
        find_end(format, logfile_before(within, written), begin, &length);
        is_open = false;
    }
    if (is_open)
        return cut(text, begin);
    extent.length = logfile_trim_end(logfile_before(text, length)).length;
    extent.is_blank = extent.length == 0;
    extent.taken = extent.is_blank ? length : extent.length + line_end_at(logfile_after(text, extent.length));
    return extent;
}

logfile_extent
logfile_extent_of(logfile_format format, logfile_span text, bool is_rest)
{
    return format == LOGFILE_IIS || format == LOGFILE_HTTPERR ? line_extent(text) : block_extent(format, text, is_rest);
}
