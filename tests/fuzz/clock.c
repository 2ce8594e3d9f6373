/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any events of two clocks: the estimate keeps its promises, and times go from one clock to the other and back.
 *
 * The first octet of an input, if it is 0xf0 or more, says how often its events happen once more, so that there are
 * more of them than are kept. An event is an octet of choices, and big-endian numbers: how much later it is on the
 * reference clock (two octets, signed), and how much more the other clock tells then (four, signed), in a unit that is
 * chosen; or both times, of eight octets.
 */
#include <math.h>

#include "fuzz.h"
#include "match/clock_internal.h"

#define TO_OTHER 0x01
#define SLACK    0x02
#define TIMES    0x04

#define MANY 0xf0

#define BEGIN (INT64_C(1465526646) * CLOCK_SECOND)

static const int64_t units[] = { 1, 1000, CLOCK_MILLISECOND, CLOCK_SECOND };

int
LLVMFuzzerInitialize(int *argc G_GNUC_UNUSED, char ***argv G_GNUC_UNUSED)
{
    return 0;
}

/* The next octets, as a number; those that are missing are 0. */
static int64_t
take(ber_slice *input, unsigned octets)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < octets; i++) {
        number = number << 8 | (input->length > 0 ? *input->data : 0);
        if (input->length > 0) {
            input->data++;
            input->length--;
        }
    }
    return (int64_t)(number << (64 - 8 * octets)) >> (64 - 8 * octets);
}

/* Returns the number of events that were added. */
static uint64_t
add_events(clock_fit *fit, ber_slice input, int64_t *reference)
{
    uint64_t count = 0;

    for (; input.length > 0; count++) {
        unsigned choices = (unsigned)take(&input, 1);
        int64_t  other;

        if (choices & TIMES) {
            int64_t at = take(&input, 8);

            other = take(&input, 8);
            clock_fit_add(fit, at, other, choices & TO_OTHER, 0);
            continue;
        }
        *reference += take(&input, 2) * units[choices >> 3 & 3];
        other = *reference + take(&input, 4) * units[choices >> 5 & 3];
        clock_fit_add(fit, *reference, other, choices & TO_OTHER, choices & SLACK ? CLOCK_SECOND : 0);
    }
    return count;
}

/* There and back is the same, but where the other clock showed a time twice: then it may be any that it was. */
static void
assert_conversion(const clock_estimate *estimate, int64_t reference)
{
    int64_t other = clock_from_reference(estimate, reference);
    int64_t back = clock_to_reference_after(estimate, other, reference), again = clock_from_reference(estimate, back);

    clock_to_reference(estimate, other);
    if (other == INT64_MIN || other == INT64_MAX || back == INT64_MIN || back == INT64_MAX)
        return;
    g_assert_true((__int128)back >= (__int128)reference - 2 * CLOCK_MILLISECOND || estimate->steps->len > 0);
    g_assert_true(ABS((__int128)again - other) <= 2 || estimate->steps->len > 0);
}

static void
assert_estimate(const clock_estimate *estimate)
{
    g_assert_true(clock_quality_name(estimate->quality) != NULL);
    g_assert_true(estimate->begin <= estimate->middle && estimate->middle <= estimate->end);
    g_assert_true(estimate->at_middle >= 0 && estimate->at_middle <= estimate->uncertainty);
    g_assert_true(isfinite(estimate->drift) && estimate->drift_uncertainty >= 0);
    g_assert_true((estimate->quality == CLOCK_NONE) == (estimate->uncertainty == CLOCK_UNBOUNDED));
    for (guint i = 1; i < estimate->steps->len; i++)
        g_assert_true(clock_step_at(estimate, i - 1)->at <= clock_step_at(estimate, i)->at);
    g_assert_true(clock_uncertainty_at(estimate, estimate->middle) == estimate->uncertainty);
    g_assert_true(clock_uncertainty_at(estimate, INT64_MAX) >= estimate->uncertainty);
    assert_conversion(estimate, estimate->begin);
    assert_conversion(estimate, estimate->middle);
    assert_conversion(estimate, estimate->end);
    assert_conversion(estimate, INT64_MIN);
    assert_conversion(estimate, INT64_MAX);
    for (guint i = 0; i < estimate->steps->len; i++)
        assert_conversion(estimate, clock_step_at(estimate, i)->at);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ber_slice      input = { data, size };
    clock_fit     *fit = clock_fit_new();
    int64_t        reference = BEGIN;
    uint64_t       count = 0;
    int            again;
    clock_estimate estimate, chained, twice;

    again = (int)take(&input, 1) & 0xff;
    for (int i = 0; i <= MAX(again - MANY, 0); i++)
        count += add_events(fit, input, &reference);
    clock_fit_estimate(fit, &estimate);
    g_assert_cmpuint(estimate.events[0] + estimate.events[1] + estimate.left_out, ==, count);
    g_assert_true(estimate.steps->len <= 16);
    g_assert_true(fabs(estimate.drift) <= 200000.001 && estimate.drift_uncertainty <= 200000.001);
    assert_estimate(&estimate);
    clock_chain(&estimate, &estimate, &chained);
    assert_estimate(&chained);
    clock_chain(&chained, &estimate, &twice);
    assert_estimate(&twice);
    clock_estimate_clear(&estimate);
    clock_estimate_clear(&chained);
    clock_estimate_clear(&twice);
    clock_fit_free(fit);
    return 0;
}
