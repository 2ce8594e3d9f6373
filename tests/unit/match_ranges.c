/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ranges in order, against a plain list of them, and the median of numbers.
 */
#include <glib.h>

#include "match/digest.h"
#include "match/ranges.h"

static const char owner[1] = { 0 };

static range
range_of(uint64_t begin, uint32_t length)
{
    return (range){ begin, length, length, (gpointer)owner };
}

static void
assert_found(const range_queue *queue, uint64_t offset, uint64_t begin)
{
    const range *found = range_queue_find(queue, offset);

    g_assert_nonnull(found);
    g_assert_cmpuint(found->begin, ==, begin);
}

static void
test_order(void)
{
    range_queue queue = { 0 };

    g_assert_null(range_queue_find(&queue, 0));
    g_assert_true(range_queue_insert(&queue, range_of(100, 10)));
    g_assert_true(range_queue_insert(&queue, range_of(130, 10)));
    g_assert_true(range_queue_insert(&queue, range_of(110, 20)));
    g_assert_true(range_queue_insert(&queue, range_of(0, 50)));
    g_assert_true(range_queue_insert(&queue, range_of(140, 1)));
    assert_found(&queue, 0, 0);
    assert_found(&queue, 49, 0);
    assert_found(&queue, 50, 100);
    assert_found(&queue, 109, 100);
    assert_found(&queue, 110, 110);
    assert_found(&queue, 129, 110);
    assert_found(&queue, 130, 130);
    assert_found(&queue, 140, 140);
    g_assert_null(range_queue_find(&queue, 141));
    /* Those that touch another one. */
    g_assert_false(range_queue_insert(&queue, range_of(49, 2)));
    g_assert_false(range_queue_insert(&queue, range_of(99, 2)));
    g_assert_false(range_queue_insert(&queue, range_of(60, 200)));
    g_assert_false(range_queue_insert(&queue, range_of(115, 1)));
    g_assert_false(range_queue_insert(&queue, range_of(140, 5)));
    g_assert_cmpuint(queue.count, ==, 5);
    range_queue_clear(&queue);
}

/* What is done goes away when everything before it is done, too. */
static void
test_done(void)
{
    range_queue queue = { 0 };

    for (unsigned i = 0; i < 100; i++)
        g_assert_true(range_queue_insert(&queue, range_of(i * 10, 10)));
    range_queue_find(&queue, 10)->owner = NULL;
    range_queue_tidy(&queue);
    g_assert_cmpuint(queue.count, ==, 100);
    assert_found(&queue, 10, 10);
    range_queue_find(&queue, 0)->owner = NULL;
    range_queue_tidy(&queue);
    g_assert_cmpuint(queue.count, ==, 98);
    assert_found(&queue, 0, 20);
    range_queue_clear(&queue);
    g_assert_null(range_queue_find(&queue, 0));
}

/* The ring goes round and grows: what comes and goes is what a list has. */
static void
test_ring(void)
{
    range_queue queue = { 0 };
    unsigned    first = 0, last = 0;

    for (unsigned i = 0; i < 5000; i++) {
        for (unsigned k = 0; k < i * 7 % 13; k++, last++)
            g_assert_true(range_queue_insert(&queue, range_of(last * 3, 3)));
        for (unsigned k = 0; k < i * 11 % 13 && first < last; k++, first++) {
            range *found = range_queue_find(&queue, first * 3 + 2);

            g_assert_cmpuint(found->begin, ==, first * 3);
            found->owner = NULL;
            range_queue_tidy(&queue);
        }
        g_assert_cmpuint(queue.count, ==, last - first);
        if (first < last)
            assert_found(&queue, (last - 1) * 3, (last - 1) * 3);
    }
    range_queue_clear(&queue);
}

/* No range is put before more than 256 others. */
static void
test_bound(void)
{
    range_queue queue = { 0 };

    for (unsigned i = 0; i < 300; i++)
        g_assert_true(range_queue_insert(&queue, range_of(1000 + i, 1)));
    g_assert_false(range_queue_insert(&queue, range_of(0, 1)));
    range_queue_clear(&queue);
    for (unsigned i = 0; i < 256; i++)
        g_assert_true(range_queue_insert(&queue, range_of(1000 - i, 1)));
    assert_found(&queue, 0, 1000 - 255);
    range_queue_clear(&queue);
}

static void
test_median(void)
{
    static const struct {
        int64_t  values[6];
        unsigned count;
        int64_t  median;
    } cases[] = {
        { { 0 }, 0, 0 },
        { { -7 }, 1, -7 },
        { { 9, 1 }, 2, 1 },
        { { 3, 9, 1 }, 3, 3 },
        { { 4, 3, 9, 1 }, 4, 3 },
        { { INT64_MAX, INT64_MIN, 5, 5, 6 }, 5, 5 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        digest digest = { 0 };

        for (unsigned k = 0; k < cases[i].count; k++)
            digest_add(&digest, cases[i].values[k]);
        g_assert_cmpint(digest_median(&digest), ==, cases[i].median);
        g_assert_cmpuint(digest.count, ==, cases[i].count);
        digest_clear(&digest);
    }
}

/* Of very many numbers that grow, all parts count alike: it is the one in the middle, as near as 64 kept ones can
 * tell. */
static void
test_median_of_many(void)
{
    enum { COUNT = 1000000 };

    digest digest = { 0 };

    for (int64_t i = 0; i < COUNT; i++)
        digest_add(&digest, i);
    g_assert_cmpint(digest.least, ==, 0);
    g_assert_cmpint(digest.most, ==, COUNT - 1);
    g_assert_cmpuint(digest.count, ==, COUNT);
    g_assert_cmpuint(digest.kept, >=, 64);
    g_assert_cmpuint(digest.kept, <=, 128);
    g_assert_cmpint(ABS(digest_median(&digest) - COUNT / 2), <=, COUNT / 64);
    digest_clear(&digest);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/match/ranges/order", test_order);
    g_test_add_func("/match/ranges/done", test_done);
    g_test_add_func("/match/ranges/ring", test_ring);
    g_test_add_func("/match/ranges/bound", test_bound);
    g_test_add_func("/match/digest/median", test_median);
    g_test_add_func("/match/digest/median-of-many", test_median_of_many);
    return g_test_run();
}
