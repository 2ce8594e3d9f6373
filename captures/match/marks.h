/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Marks of a stream (stream_marks in streams.h): a bounded number of them, evenly spread over what was captured so far.
 */
#ifndef MATCH_MARKS_H
#define MATCH_MARKS_H

#include "streams.h"

/* The octets from `from` to before `to` were captured for the first time, and none beyond them before. `mark` has
 * everything but the offset. */
void stream_marks_octets(stream_marks *marks, uint64_t from, uint64_t to, stream_mark mark);

/* Everything before `to` was acknowledged; up to now, everything before `from`. */
void stream_marks_acknowledged(stream_marks *marks, uint64_t from, uint64_t to, stream_mark mark);

/* The octets from `from` to before `to` have come again. */
void stream_marks_forget(stream_marks *marks, uint64_t from, uint64_t to);

void stream_marks_clear(stream_marks *marks);

#endif
