/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Conditions on facts, and texts with facts in them: the language of the catalogue.
 *
 *   FACT                 it is there
 *   FACT = GLOB|GLOB     it is there, and one of the patterns matches, upper and lower case being the same
 *   FACT != GLOB|GLOB    it is there, and none matches
 *   FACT < N             it is a number, and less; also <=, > and >=
 *   !CONDITION           the contrary: !FACT = GLOB also holds when the fact is not there
 */
#ifndef FLOW_CONDITIONS_H
#define FLOW_CONDITIONS_H

#include "knowledge.h"

typedef struct flow_condition flow_condition;

/* For an entry about `about`. NULL with `problem` (free with g_free()) when this is no condition. */
flow_condition *flow_condition_parse(const char *text, flow_about about, char **problem);
void            flow_condition_free(flow_condition *condition);
bool            flow_condition_holds(const flow_condition *condition, flow_fact fact, void *user);

/* What is wrong with the variables of a text, free with g_free(); NULL when nothing is. */
char *flow_text_problem(const char *text, flow_about about);

/* The name of what entries are about, NULL beyond the last. */
const char *flow_about_name(flow_about about);

#endif
