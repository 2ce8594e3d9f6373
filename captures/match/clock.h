/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How one machine's clock stands to another's, from events that both have captured: packets that went from one to the
 * other and packets that came back. No packet arrives before it was sent, so that each direction gives a bound, and the
 * two together an interval. GLib only.
 *
 * What cannot be seen: how a round trip is divided into the way and the way back, so that nothing is known more exactly
 * than to half of the shortest; and when a clock was set by less than the round trip, though then bounds are wider.
 * Clocks are taken to gain no more than 200 ppm on each other, as quartz does, so that bounds of short captures make
 * sense.
 *
 * Times are nanoseconds since 1970; `reference` is the clock that everything is shown by, `other` the one in question.
 */
#ifndef MATCH_CLOCK_H
#define MATCH_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

typedef enum {
    CLOCK_NONE,        /* nothing in common, or in one direction only */
    CLOCK_COARSE,      /* whole seconds, or bounds wider than a second */
    CLOCK_APPROXIMATE, /* bounds wider than a millisecond, or drift not bounded */
    CLOCK_ACCURATE,
} clock_quality;

#define CLOCK_UNBOUNDED INT64_MAX

const char *clock_quality_name(clock_quality quality); /* "none", "coarse", "approximate", "accurate" */

/* A step of one of the two clocks: somebody set it. */
typedef struct {
    int64_t at;   /* on the reference clock: between the last event before and the first after */
    int64_t size; /* ns; positive when the other clock went ahead by it */
} clock_step;

/* What is known: other = reference + offset + drift * (reference - middle) / 1e9, within ± uncertainty, for times
 * between `begin` and `end`; piecewise where there are steps: each adds its size to every later time if it comes after
 * the middle, and takes it from every earlier time if it comes before. What nothing bounds has CLOCK_UNBOUNDED for its
 * uncertainty. */
typedef struct {
    clock_quality quality;
    int64_t       begin, end, middle; /* of the overlap, on the reference clock */
    int64_t       offset;             /* ns, at the middle: the other clock less the reference */
    int64_t       uncertainty;        /* ns: the truth lies within so much, at every time from begin to end */
    int64_t       at_middle;          /* ns: likewise, for the offset at the middle: no more than `uncertainty` */
    double        drift;              /* ppb: by how much the other clock gains */
    double        drift_uncertainty;  /* ppb */
    bool          is_drift_known;     /* bounded by the events rather than by what oscillators do */
    uint64_t      events[2];          /* used, by direction: to the other, from the other */
    uint64_t      left_out;           /* contradict the others, or are at no time that a clock could show */
    GArray       *steps;              /* of clock_step, in order of time; owned by the estimate */
} clock_estimate;

/* Gathers events; memory does not grow with their number. */
typedef struct clock_fit clock_fit;

clock_fit *clock_fit_new(void);
void       clock_fit_free(clock_fit *fit);

/* An event that was captured at both: on the reference clock at `reference`, on the other at `other`. `to_other`: it
 * went from the reference's place to the other's (so that it was at the reference first). `slack`: the other's time may
 * be later by so much than told (logs of whole seconds), 0 for packets. Events may come in any order; when they come in
 * the order in which they happened, or in that of the reference clock, a step's place is found among more of them. */
void clock_fit_add(clock_fit *fit, int64_t reference, int64_t other, bool to_other, int64_t slack);

/* The estimate from all events so far; free its steps with clock_estimate_clear(). */
void clock_fit_estimate(const clock_fit *fit, clock_estimate *estimate);
void clock_estimate_clear(clock_estimate *estimate);

/* A time of the other clock as the reference clock had it, and back. A clock that was set back shows some times twice:
 * of those it is the first; or the first that is not before `previous`, which is what the record before came to. Times
 * that a clock left out when it was put forward are all the step's. */
int64_t clock_to_reference(const clock_estimate *estimate, int64_t other);
int64_t clock_to_reference_after(const clock_estimate *estimate, int64_t other, int64_t previous);
int64_t clock_from_reference(const clock_estimate *estimate, int64_t reference);

/* How far clock_from_reference() may be wrong: `uncertainty`, and what the drift adds outside of begin and end. */
int64_t clock_uncertainty_at(const clock_estimate *estimate, int64_t reference);

/* The estimate of `c` against `a`, from that of `b` against `a` and of `c` against `b`: for sources that share nothing
 * directly. */
void clock_chain(const clock_estimate *b_to_a, const clock_estimate *c_to_b, clock_estimate *c_to_a);

#endif
