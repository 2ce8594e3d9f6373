/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How exact match/clock.c is: "study_clocks [-v] [NETWORKS [SEED]]", by default 100 networks of every kind; -v prints
 * those of which something is told wrongly. Each has a path whose delays, losses and asymmetry are drawn, and two
 * clocks of which everything is known; what the estimate says of them is compared with the truth, with the best that
 * anybody could say (half of the shortest round trip: how that is divided into way and way back cannot be seen), and
 * with least squares. Ends with 1 when the truth lies outside of the stated bounds more often than in one of 100.
 */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "match/clock.h"

#define MICROSECOND 1e3
#define MILLISECOND 1e6
#define SECOND      1e9
#define HOUR        (3600 * SECOND)
#define DAY         (24 * HOUR)

#define BEGIN (INT64_C(1465526646) * 1000000000) /* date -u -d @1465526646: Fri Jun 10 02:44:06 UTC 2016 */

#define MOST_STEPS 3

/* Events of each direction on either side of a step. */
#define ENOUGH 5

/* What the networks of one kind have. */
typedef struct {
    const char *name;
    bool        has_steps;
    double      least_step, largest_step; /* ns */
    double      wander;                   /* by how much a drift changes from begin to end, at most: ppm */
    double      disorder;                 /* by how much a stamp may be early, at most: ns */
    double      wrong;                    /* the part of the events that are none: up to a second early or late */
    bool        is_judged;
} kind;

static const kind kinds[] = {
    { "one clock rate, no steps", false, 0, 0, 0, 0, 0, true },
    { "set up to three times by 128 ms to an hour", true, 128 * MILLISECOND, HOUR, 0, 0, 0, true },
    { "stamps up to 10 us early", false, 0, 0, 0, 10 * MICROSECOND, 0, true },
    { "drift changes by up to 0.1 ppm", false, 0, 0, 0.1, 0, 0, true },
    { "set by 1 ms to 128 ms", true, MILLISECOND, 128 * MILLISECOND, 0, 0, 0, false },
    { "one event of 100 is wrong", false, 0, 0, 0, 0, 0.01, false },
};

typedef struct {
    double at, size; /* ns after BEGIN; ns */
} step;

typedef struct {
    const kind *kind;
    double      way[2];    /* the shortest delay, by direction; ns */
    double      jitter[2]; /* the mean of what comes on top */
    bool        is_pareto;
    double      loss;
    double      offset, drift, change; /* at BEGIN, ns; ns a ns; of the drift, a ns */
    double      duration;
    int64_t     fineness; /* of stamps, ns */
    guint       events;
    guint       steps;
    step        step[MOST_STEPS];
} network;

typedef struct {
    double  at; /* of the reference, ns after BEGIN, exact */
    double  delay;
    int64_t reference, other;
    bool    to_other, is_wrong;
} event;

/* What came out of one network. */
typedef struct {
    bool          is_offset_right, is_drift_right, are_steps_right, is_drift_known;
    guint         events, right;
    clock_quality quality;
    double        least;         /* half of the shortest round trip, ns */
    double        at_middle, of_all; /* stated, ns */
    double        at_middle_of_least, of_all_of_least;
    double        offset, drift; /* the errors, ns and ppb */
    double        least_squares_offset, least_squares_drift;
} result;

/* What is printed of the results of a kind. */
typedef struct {
    const char *label;
    size_t      offset; /* in a result: a double */
    double      unit;
    bool        is_of_known_drift; /* of those networks only */
} quantity;

static const quantity quantities[] = {
    { "half of the shortest round trip, us", offsetof(result, least), MICROSECOND, false },
    { "bounds of the offset, us", offsetof(result, at_middle), MICROSECOND, false },
    { "bounds of the offset / half of the shortest round trip", offsetof(result, at_middle_of_least), 1, false },
    { "bounds of all times / half of the shortest round trip", offsetof(result, of_all_of_least), 1, false },
    { "error of the offset, us", offsetof(result, offset), MICROSECOND, false },
    { "error of the offset by least squares, us", offsetof(result, least_squares_offset), MICROSECOND, false },
    { "error of the drift where it is bounded, ppm", offsetof(result, drift), 1e3, true },
    { "error of that by least squares, ppm", offsetof(result, least_squares_drift), 1e3, true },
};

static double
between(GRand *random, double low, double high)
{
    return g_rand_double_range(random, low, high);
}

/* Every order of magnitude as often as another. */
static double
of_any_size(GRand *random, double low, double high)
{
    return exp(between(random, log(low), log(high)));
}

static double
with_any_sign(GRand *random, double value)
{
    return g_rand_boolean(random) ? value : -value;
}

static void
draw_network(network *network, const kind *kind, GRand *random)
{
    static const int64_t finenesses[] = { 1, 100, 1000 };
    double               asymmetry = of_any_size(random, 1, 10);
    unsigned             longer = g_rand_boolean(random);

    network->kind = kind;
    network->way[longer] = of_any_size(random, 50 * MICROSECOND, 50 * MILLISECOND);
    network->way[!longer] = network->way[longer] / asymmetry;
    for (unsigned i = 0; i < 2; i++)
        network->jitter[i] = network->way[i] * of_any_size(random, 0.05, 1);
    network->is_pareto = g_rand_boolean(random);
    network->loss = between(random, 0, 0.1);
    network->offset = between(random, -DAY, DAY);
    network->drift = between(random, -100e-6, 100e-6);
    network->duration = of_any_size(random, SECOND, 2 * HOUR);
    network->change = kind->wander > 0 ? between(random, -1, 1) * kind->wander * 1e-6 / network->duration : 0;
    network->fineness = finenesses[g_rand_int_range(random, 0, G_N_ELEMENTS(finenesses))];
    network->events = (guint)of_any_size(random, 10, 10000);
    network->steps = kind->has_steps ? (guint)g_rand_int_range(random, 1, MOST_STEPS + 1) : 0;
    for (guint i = 0; i < network->steps; i++)
        network->step[i] = (step){ network->duration * (i + between(random, 0.2, 0.8)) / network->steps,
                                   with_any_sign(random, of_any_size(random, kind->least_step, kind->largest_step)) };
}

/* The other clock less the reference. */
static double
difference(const network *network, double at)
{
    double difference = network->offset + network->drift * at + network->change * at * at / 2;

    for (guint i = 0; i < network->steps; i++)
        if (at >= network->step[i].at)
            difference += network->step[i].size;
    return difference;
}

/* When the other clock stamped it, on the reference. */
static double
at_other(const event *one)
{
    return one->to_other ? one->at + one->delay : one->at - one->delay;
}

static double
draw_delay(const network *network, bool to_other, GRand *random)
{
    double mean = network->jitter[!to_other], drawn = 1 - g_rand_double(random);

    /* Pareto's with the shape 1.5 has its mean at three times its least, and no variance. */
    return network->way[!to_other] + (network->is_pareto ? mean / 2 * (pow(drawn, -1 / 1.5) - 1) : -log(drawn) * mean);
}

static int64_t
stamp(const network *network, double time, GRand *random)
{
    double early = network->kind->disorder > 0 ? between(random, 0, network->kind->disorder) : 0;

    return (BEGIN + (int64_t)floor(time - early)) / network->fineness * network->fineness;
}

static gint
by_reference(gconstpointer a, gconstpointer b)
{
    const event *one = a, *other = b;

    return one->reference < other->reference ? -1 : one->reference > other->reference;
}

/* Whether there is enough to tell each step from wrong events: some of either direction before and behind it, up to the
 * next step. */
static bool
shows_steps(const network *network, const GArray *events)
{
    for (guint i = 0; i <= network->steps && network->steps > 0; i++) {
        double begin = i == 0 ? -HUGE_VAL : network->step[i - 1].at;
        double end = i == network->steps ? HUGE_VAL : network->step[i].at;
        guint  seen[2] = { 0, 0 };

        for (guint j = 0; j < events->len; j++) {
            const event *one = &g_array_index(events, event, j);

            seen[one->to_other] += at_other(one) >= begin && at_other(one) < end;
        }
        if (seen[0] < ENOUGH || seen[1] < ENOUGH)
            return false;
    }
    return true;
}

/* Packets in bursts, as a request and its answer are. */
static GArray *
draw_events(const network *network, GRand *random)
{
    GArray *events = g_array_new(FALSE, FALSE, sizeof(event));
    guint   left = network->events;

    while (left > 0) {
        guint  drawn = (guint)g_rand_int_range(random, 1, 40), burst = MIN(left, drawn);
        double at = between(random, 0, network->duration);

        for (guint i = 0; i < burst; i++) {
            event  one = { .to_other = g_rand_boolean(random) };
            double sent = at, arrived;

            one.delay = draw_delay(network, one.to_other, random);
            one.is_wrong = network->kind->wrong > 0 && g_rand_double(random) < network->kind->wrong;
            arrived = sent + one.delay + (one.is_wrong ? between(random, -SECOND, SECOND) : 0);
            one.at = one.to_other ? sent : arrived;
            one.reference = stamp(network, one.at, random);
            at = one.to_other ? arrived : sent;
            one.other = stamp(network, at + difference(network, at), random);
            at = sent + one.delay + between(random, 0, MILLISECOND);
            if (g_rand_double(random) >= network->loss)
                g_array_append_val(events, one);
        }
        left -= burst;
    }
    g_array_sort(events, by_reference);
    return events;
}

/* A straight line through the events of one direction. */
static void
fit_line(const GArray *events, bool to_other, double middle, double base, double *height, double *slope)
{
    double count = 0, x = 0, y = 0, xx = 0, xy = 0;

    for (guint i = 0; i < events->len; i++) {
        const event *one = &g_array_index(events, event, i);
        double       at = (double)(one->reference - BEGIN) - middle;
        double       value = (double)(one->other - one->reference) - base;

        if (one->to_other != to_other)
            continue;
        count++;
        x += at;
        y += value;
        xx += at * at;
        xy += at * value;
    }
    *slope = count * xx - x * x > 0 ? (count * xy - x * y) / (count * xx - x * x) : 0;
    *height = count > 0 ? (y - *slope * x) / count + base : base;
}

static void
compare_least_squares(const network *network, const GArray *events, double middle, result *result)
{
    double height[2], slope[2], base = difference(network, middle);

    for (unsigned i = 0; i < 2; i++)
        fit_line(events, i == 0, middle, base, &height[i], &slope[i]);
    result->least_squares_offset = fabs((height[0] + height[1]) / 2 - base);
    result->least_squares_drift = fabs((slope[0] + slope[1]) / 2 - network->drift) * 1e9;
}

static gint
by_other(gconstpointer a, gconstpointer b)
{
    double first = at_other(a), second = at_other(b);

    return first < second ? -1 : first > second;
}

/* Whether nothing was stamped by the other clock between two times, so that nobody can tell them apart. */
static bool
is_same_gap(const GArray *by_other, double one, double other)
{
    for (guint i = 0; i < by_other->len; i++) {
        double at = at_other(&g_array_index(by_other, event, i));

        if (at >= MIN(one, other) && at < MAX(one, other))
            return false;
    }
    return true;
}

/* The steps that events show: those between which there are none are one. */
static GArray *
steps_to_find(const network *network, const GArray *by_other)
{
    GArray *steps = g_array_new(FALSE, FALSE, sizeof(step));

    for (guint i = 0; i < network->steps; i++) {
        step  *last = steps->len > 0 ? &g_array_index(steps, step, steps->len - 1) : NULL;
        double first = at_other(&g_array_index(by_other, event, 0));
        double end = at_other(&g_array_index(by_other, event, by_other->len - 1));

        if (last && is_same_gap(by_other, last->at, network->step[i].at))
            last->size += network->step[i].size;
        else if (network->step[i].at > first && network->step[i].at <= end)
            g_array_append_val(steps, network->step[i]);
    }
    return steps;
}

/* Whether each step is told, between the events that are next to it. Where the clocks are not known better than that,
 * neither is the place of a step. */
static bool
are_steps_right(const GArray *steps, const GArray *by_other, const clock_estimate *estimate)
{
    if (estimate->steps->len != steps->len)
        return false;
    for (guint i = 0; i < steps->len; i++) {
        const clock_step *found = &g_array_index(estimate->steps, clock_step, i);
        const step       *right = &g_array_index(steps, step, i);
        double            at = (double)(found->at - BEGIN), blur = (double)estimate->uncertainty;

        if (fabs((double)found->size - right->size) > 2 * blur ||
            (fabs(at - right->at) > blur && !is_same_gap(by_other, right->at, at < right->at ? at + blur : at - blur)))
            return false;
    }
    return true;
}

/* The records of the other clock, in order, on the reference. */
static void
judge_times(const network *network, const GArray *by_other, const clock_estimate *estimate, result *result)
{
    double  wrong = network->kind->disorder + (double)network->fineness; /* in the stamp itself */
    int64_t before = INT64_MIN;

    for (guint i = 0; i < by_other->len; i++) {
        const event *one = &g_array_index(by_other, event, i);

        if (one->is_wrong)
            continue;
        before = clock_to_reference_after(estimate, one->other, before);
        result->events++;
        result->right += fabs((double)(before - BEGIN) - at_other(one)) <= result->of_all + wrong;
    }
}

static bool
is_offset_right(const network *network, const GArray *by_other, const clock_estimate *estimate)
{
    double middle = (double)(estimate->middle - BEGIN), tolerated = (double)estimate->at_middle;
    double wrong = (double)estimate->offset - difference(network, middle);

    if (fabs(wrong) <= tolerated)
        return true;
    /* A step may be anywhere between its neighbours. */
    for (guint i = 0; i < network->steps; i++)
        if (is_same_gap(by_other, middle, network->step[i].at) &&
            fabs(wrong + (network->step[i].at > middle ? -1 : 1) * network->step[i].size) <= tolerated)
            return true;
    return false;
}

static GArray *
in_order_of_other(const GArray *events)
{
    GArray *sorted = g_array_new(FALSE, FALSE, sizeof(event));

    g_array_append_vals(sorted, events->data, events->len);
    g_array_sort(sorted, by_other);
    return sorted;
}

static void
judge(const network *network, const GArray *events, const clock_estimate *estimate, result *result)
{
    GArray *others = in_order_of_other(events), *steps = steps_to_find(network, others);
    double  middle = (double)(estimate->middle - BEGIN), least[2] = { HUGE_VAL, HUGE_VAL };
    double  mean = network->drift + network->change * network->duration / 2;

    result->offset = fabs((double)estimate->offset - difference(network, middle));
    result->drift = fabs(estimate->drift - mean * 1e9);
    result->is_offset_right = is_offset_right(network, others, estimate);
    result->is_drift_right = result->drift <= estimate->drift_uncertainty;
    result->is_drift_known = estimate->is_drift_known;
    result->at_middle = (double)estimate->at_middle;
    result->of_all = (double)estimate->uncertainty;
    result->quality = estimate->quality;
    result->events = result->right = 0;
    for (guint i = 0; i < events->len; i++) {
        const event *one = &g_array_index(events, event, i);

        if (!one->is_wrong)
            least[!one->to_other] = MIN(least[!one->to_other], one->delay);
    }
    result->least = (least[0] + least[1]) / 2;
    result->at_middle_of_least = result->at_middle / result->least;
    result->of_all_of_least = result->of_all / result->least;
    result->are_steps_right = are_steps_right(steps, others, estimate);
    judge_times(network, others, estimate, result);
    compare_least_squares(network, events, middle, result);
    g_array_unref(steps);
    g_array_unref(others);
}

static void
print_step(const char *what, double size, double at)
{
    printf("    %s %.3f ms at %.6f s\n", what, size / MILLISECOND, at / SECOND);
}

static void
print_network(const network *network, const result *result, const clock_estimate *estimate)
{
    printf("  %u of %u events right, in %.0f s, stamps of %d ns; ways of %.3f and %.3f ms, %s; left out %d\n",
           result->right, result->events, network->duration / SECOND, (int)network->fineness,
           network->way[0] / MILLISECOND, network->way[1] / MILLISECOND, network->is_pareto ? "Pareto" : "exponential", (int)estimate->left_out);
    printf("    offset wrong by %.6f of %.6f ms (least %.6f, of all %.6f), drift of %.3f by %.3f of %.3f ppm\n",
           result->offset / MILLISECOND, result->at_middle / MILLISECOND, result->least / MILLISECOND,
           result->of_all / MILLISECOND, network->drift * 1e6, result->drift / 1e3, estimate->drift_uncertainty / 1e3);
    for (guint i = 0; i < network->steps; i++)
        print_step("set by", network->step[i].size, network->step[i].at);
    for (guint i = 0; i < estimate->steps->len; i++) {
        const clock_step *found = &g_array_index(estimate->steps, clock_step, i);

        print_step("told:", (double)found->size, (double)(found->at - BEGIN));
    }
}

static void
study_network(const kind *kind, GRand *random, bool is_verbose, result *result)
{
    network        network;
    clock_fit     *fit = clock_fit_new();
    clock_estimate estimate;
    GArray        *events;

    draw_network(&network, kind, random);
    while (events = draw_events(&network, random), !shows_steps(&network, events)) {
        g_array_unref(events);
        draw_network(&network, kind, random);
    }
    for (guint i = 0; i < events->len; i++) {
        const event *one = &g_array_index(events, event, i);

        clock_fit_add(fit, one->reference, one->other, one->to_other, 0);
    }
    clock_fit_estimate(fit, &estimate);
    judge(&network, events, &estimate, result);
    if (is_verbose && (!result->is_offset_right || !result->is_drift_right || result->right < result->events ||
                       !result->are_steps_right))
        print_network(&network, result, &estimate);
    clock_estimate_clear(&estimate);
    g_array_unref(events);
    clock_fit_free(fit);
}

static int
by_value(const void *a, const void *b)
{
    double one = *(const double *)a, other = *(const double *)b;

    return one < other ? -1 : one > other;
}

static double
quantile(double *values, guint count, double part)
{
    qsort(values, count, sizeof *values, by_value);
    return count > 0 ? values[(guint)(part * (count - 1))] : NAN;
}

static void
print_quantity(const quantity *quantity, const result *results, guint count)
{
    double *values = g_new(double, count);
    guint   used = 0;

    for (guint i = 0; i < count; i++)
        if (results[i].is_drift_known || !quantity->is_of_known_drift)
            values[used++] = G_STRUCT_MEMBER(double, &results[i], quantity->offset) / quantity->unit;
    printf("  %-58s %10.3f %10.3f %10.3f\n", quantity->label, quantile(values, used, 0.1), quantile(values, used, 0.5),
           quantile(values, used, 0.9));
    g_free(values);
}

static bool
print_part(const char *what, guint64 right, guint64 all, bool is_judged)
{
    double percent = all > 0 ? 100.0 * (double)right / (double)all : 100;

    printf("  %-58s %10.3f %%  (%" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT ")\n", what, percent, right, all);
    return percent >= 99 || !is_judged;
}

static bool
print_kind(const kind *kind, const result *results, guint count)
{
    guint64 offsets = 0, drifts = 0, steps = 0, events = 0, right = 0, whole = 0, known = 0, quality[4] = { 0 };
    bool    is_fine = true;

    for (guint i = 0; i < count; i++) {
        offsets += results[i].is_offset_right;
        drifts += results[i].is_drift_right;
        steps += results[i].are_steps_right;
        known += results[i].is_drift_known;
        events += results[i].events;
        right += results[i].right;
        whole += results[i].right == results[i].events;
        quality[results[i].quality]++;
    }
    printf("%s\n", kind->name);
    is_fine = print_part("offset within its bounds", offsets, count, kind->is_judged) && is_fine;
    is_fine = print_part("drift within its bounds", drifts, count, kind->is_judged) && is_fine;
    is_fine = print_part("converted times within their bounds", right, events, kind->is_judged) && is_fine;
    is_fine = print_part("networks with all of them within", whole, count, kind->is_judged) && is_fine;
    print_part("steps told, each between its neighbours; no others", steps, count, false);
    print_part("drift bounded by the events", known, count, false);
    for (guint i = 0; i < G_N_ELEMENTS(quality); i++)
        print_part(clock_quality_name(i), quality[i], count, false);
    printf("  %-58s %10s %10s %10s\n", "", "10 %", "median", "90 %");
    for (guint i = 0; i < G_N_ELEMENTS(quantities); i++)
        print_quantity(&quantities[i], results, count);
    return is_fine;
}

/* What an event costs. */
static void
print_speed(void)
{
    const guint64  count = 20000000;
    clock_fit     *fit = clock_fit_new();
    clock_estimate estimate;
    GRand         *random = g_rand_new_with_seed(1);
    int64_t        at = BEGIN, delays[4096];
    clock_t        begin, added;

    for (guint i = 0; i < G_N_ELEMENTS(delays); i++)
        delays[i] = (int64_t)(200 * MICROSECOND - log(1 - g_rand_double(random)) * 50 * MICROSECOND);
    begin = clock();
    for (guint64 i = 0; i < count; i++) {
        int64_t delay = delays[i * 7 % G_N_ELEMENTS(delays)];

        at += delays[i % G_N_ELEMENTS(delays)];
        clock_fit_add(fit, at, at + 37 * (int64_t)SECOND + (at - BEGIN) / 50000 + (i % 2 ? delay : -delay), i % 2, 0);
    }
    added = clock();
    clock_fit_estimate(fit, &estimate);
    printf("%" G_GUINT64_FORMAT " events: %.1f million a second; estimate in %.1f ms\n", count,
           (double)count * CLOCKS_PER_SEC / (double)(added - begin) / 1e6,
           (double)(clock() - added) * 1e3 / CLOCKS_PER_SEC);
    printf("  offset %.9f s +/- %.1f us, drift %.4f +/- %.4f ppm, which is 20\n", (double)estimate.offset / SECOND,
           (double)estimate.uncertainty / MICROSECOND, estimate.drift / 1e3, estimate.drift_uncertainty / 1e3);
    clock_estimate_clear(&estimate);
    clock_fit_free(fit);
    g_rand_free(random);
}

int
main(int argc, char **argv)
{
    bool    is_verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
    int     first = is_verbose ? 2 : 1;
    guint   count = argc > first ? (guint)strtoul(argv[first], NULL, 10) : 100;
    GRand  *random = g_rand_new_with_seed(argc > first + 1 ? (guint32)strtoul(argv[first + 1], NULL, 10) : 1);
    result *results = g_new0(result, MAX(count, 1));
    bool    is_fine = true;

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (guint j = 0; j < count; j++)
            study_network(&kinds[i], random, is_verbose, &results[j]);
        is_fine = print_kind(&kinds[i], results, count) && is_fine;
    }
    print_speed();
    g_free(results);
    g_rand_free(random);
    return is_fine ? 0 : 1;
}
