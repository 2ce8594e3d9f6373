/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The order of drawing: listeners draw in the reverse order of their registration (epan/tap.c), hence one that is
 * registered in a packet callback draws before the one whose callback that was.
 */
#include "at_end.h"

typedef struct {
    void *tapdata;
    void (*complete)(void *tapdata, void *kept); /* NULL when it was called */
    void *kept;
} pending;

/* Of pending *, for as long as the program runs. */
static GPtrArray *all;

static bool is_revisited;

void
at_end_see(const packet_info *pinfo)
{
    is_revisited = pinfo->fd->visited;
}

bool
at_end_is_reached(void)
{
    return is_revisited;
}

static void
draw(void *data)
{
    pending *one = data;

    if (one->complete)
        one->complete(one->tapdata, one->kept);
    one->complete = NULL;
    one->tapdata = one->kept = NULL;
}

void **
at_end(void *tapdata, void (*complete)(void *tapdata, void *kept))
{
    pending *one;
    GString *error;

    if (!all)
        all = g_ptr_array_new();
    for (unsigned i = 0; i < all->len; i++) {
        one = all->pdata[i];
        if (one->tapdata == tapdata)
            return &one->kept;
    }
    one = g_new0(pending, 1);
    one->tapdata = tapdata;
    one->complete = complete;
    g_ptr_array_add(all, one);
    error = register_tap_listener("scepflow", one, NULL, TL_REQUIRES_NOTHING, NULL, NULL, draw, NULL);
    g_assert(!error);
    return &one->kept;
}
