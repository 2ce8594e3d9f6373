/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the harnesses share. Each is run by libFuzzer, or, to replay inputs, by replay.c.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <wsutil/wmem/wmem.h>

#include "scep/ber.h"

/* libFuzzer's names. The second is called once, before the first input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What everybody may rely on: a string, or NULL, that a user interface can show. */
static inline void
assert_text(const char *text)
{
    g_assert_true(!text || g_utf8_validate(text, -1, NULL));
}

/* `part` lies within `whole`. */
static inline void
assert_inside(ber_slice part, const uint8_t *whole, size_t size)
{
    g_assert_true(part.length == 0 || (part.data >= whole && part.length <= size &&
                                       (size_t)(part.data - whole) <= size - part.length));
}

#endif
