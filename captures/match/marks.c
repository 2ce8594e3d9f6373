/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Marks of a stream. Those that are kept when the stride doubles are those that the doubled stride would have made, so
 * that two sources that have seen the same have the same marks however far each has come.
 */
#include "marks.h"

#include <string.h>

#define FEW 2 /* there is room for so many at first */

static uint64_t
stride_of(const stream_marks *marks)
{
    return MAX(marks->stride, 1);
}

static void
append(stream_marks *marks, uint64_t offset, stream_mark mark)
{
    mark.offset = offset;
    /* Room doubles whenever the count is a power of two; after marks were dropped, there may be more than that. */
    if (marks->count == 0 || (marks->count >= FEW && (marks->count & (marks->count - 1)) == 0))
        marks->marks = g_renew(stream_mark, marks->marks, MAX(FEW, 2 * marks->count));
    marks->marks[marks->count++] = mark;
}

/* Doubles the stride until there is room; each time those stay that `is_kept` with the one before them that stays. */
static void
thin_out(stream_marks *marks, bool (*is_kept)(const stream_mark *mark, const stream_mark *before, uint64_t stride))
{
    while (marks->count == STREAM_MARKS) {
        unsigned kept = 0;

        marks->stride = 2 * stride_of(marks);
        for (unsigned i = 0; i < marks->count; i++) {
            if (is_kept(&marks->marks[i], kept > 0 ? &marks->marks[kept - 1] : NULL, marks->stride))
                marks->marks[kept++] = marks->marks[i];
        }
        marks->count = kept;
    }
}

static bool
is_multiple(const stream_mark *mark, const stream_mark *before G_GNUC_UNUSED, uint64_t stride)
{
    return mark->offset % stride == 0;
}

static bool
passes_multiple(const stream_mark *mark, const stream_mark *before, uint64_t stride)
{
    return !before || mark->offset / stride != before->offset / stride;
}

void
stream_marks_octets(stream_marks *marks, uint64_t from, uint64_t to, stream_mark mark)
{
    for (;;) {
        uint64_t stride = stride_of(marks), at = (from + stride - 1) / stride * stride;

        if (at >= to)
            return;
        if (marks->count == STREAM_MARKS) {
            thin_out(marks, is_multiple);
        } else {
            append(marks, at, mark);
            from = at + 1;
        }
    }
}

void
stream_marks_acknowledged(stream_marks *marks, uint64_t from, uint64_t to, stream_mark mark)
{
    if (to / stride_of(marks) == from / stride_of(marks))
        return;
    if (marks->count == STREAM_MARKS)
        thin_out(marks, passes_multiple);
    if (to / stride_of(marks) != from / stride_of(marks))
        append(marks, to, mark);
}

void
stream_marks_forget(stream_marks *marks, uint64_t from, uint64_t to)
{
    unsigned kept = marks->count, end = marks->count;

    while (end > 0 && marks->marks[end - 1].offset >= to)
        end--;
    for (kept = end; kept > 0 && marks->marks[kept - 1].offset >= from; kept--)
        ;
    if (kept == end)
        return;
    memmove(&marks->marks[kept], &marks->marks[end], (marks->count - end) * sizeof *marks->marks);
    marks->count -= end - kept;
}

void
stream_marks_clear(stream_marks *marks)
{
    g_free(marks->marks);
    memset(marks, 0, sizeof *marks);
}
