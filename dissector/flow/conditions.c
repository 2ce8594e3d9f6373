/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Conditions on facts, and texts with facts in them.
 */
#include "conditions.h"

#include <math.h>
#include <string.h>

#define FACT_CHARACTERS G_CSET_a_2_z G_CSET_DIGITS "._"

/* No fact has more to say, and patterns take their time on long text. */
#define MAX_MATCHED 2000

typedef enum { IS_PRESENT, EQUALS, DIFFERS, LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL } operator;

struct flow_condition {
    const char    *fact; /* of flow_known_facts */
    bool           is_negated;
    operator       op;
    GPatternSpec **patterns; /* EQUALS and DIFFERS; NULL-terminated */
    double         number;   /* the comparisons */
};

const char *
flow_about_name(flow_about about)
{
    static const char *const names[] = { "exchange", "conversation", "enrolment" };

    return about < G_N_ELEMENTS(names) ? names[about] : NULL;
}

/* The fact with this name if an entry about `about` may use it; NULL with a problem else. */
static const char *
known_fact(const char *name, flow_about about, char **problem)
{
    for (const flow_known_fact *fact = flow_known_facts; fact->name; fact++) {
        if (strcmp(fact->name, name) != 0)
            continue;
        if (fact->about >= about)
            return fact->name;
        *problem = g_strdup_printf("\"%s\" is a fact about one %s; expected facts about the %s", name,
                                   flow_about_name(fact->about), flow_about_name(about));
        return NULL;
    }
    *problem = g_strdup_printf("unknown fact \"%s\"", name);
    return NULL;
}

static char *
lower(const char *text)
{
    char *valid = g_utf8_make_valid(text, (gssize)MIN(strlen(text), MAX_MATCHED));
    char *result = g_utf8_strdown(valid, -1);

    g_free(valid);
    return result;
}

static GPatternSpec **
parse_patterns(const char *text, char **problem)
{
    char         **globs = g_strsplit(text, "|", -1);
    GPatternSpec **patterns = g_new0(GPatternSpec *, g_strv_length(globs) + 1);

    if (!*globs || *text == '=' || *text == '>') /* "=>" is no operator */
        *problem = g_strdup_printf("\"%s\" is nothing to compare with; expected GLOB|GLOB", text);
    for (size_t i = 0; globs[i]; i++) {
        char *glob = lower(g_strstrip(globs[i]));

        if (!*glob && !*problem)
            *problem = g_strdup_printf("\"%s\" has an empty pattern; expected GLOB|GLOB", text);
        patterns[i] = g_pattern_spec_new(glob);
        g_free(glob);
    }
    g_strfreev(globs);
    return patterns;
}

/* A whole finite number; `text` may have blanks around it. */
static bool
parse_number(const char *text, double *number)
{
    char *end;

    *number = g_ascii_strtod(text, &end);
    return end != text && !end[strspn(end, " \t")] && isfinite(*number);
}

flow_condition *
flow_condition_parse(const char *text, flow_about about, char **problem)
{
    /* A longer operator before the one that it begins with. */
    static const struct {
        const char *sign;
        operator    op;
    } operators[] = {
        { "<=", LESS_OR_EQUAL }, { ">=", GREATER_OR_EQUAL }, { "!=", DIFFERS },
        { "=", EQUALS },         { "<", LESS },              { ">", GREATER },
    };
    static const char blanks[] = " \t";
    flow_condition   *condition = g_new0(flow_condition, 1);
    const char       *at = text + strspn(text, blanks);
    char             *name;
    size_t            length;

    *problem = NULL;
    condition->is_negated = *at == '!';
    if (condition->is_negated)
        at += 1 + strspn(at + 1, blanks);
    length = strspn(at, FACT_CHARACTERS);
    name = g_strndup(at, length);
    at += length;
    at += strspn(at, blanks);
    for (size_t i = 0; i < G_N_ELEMENTS(operators); i++) {
        if (g_str_has_prefix(at, operators[i].sign)) {
            condition->op = operators[i].op;
            at += strlen(operators[i].sign);
            at += strspn(at, blanks);
            break;
        }
    }
    if (length == 0 || (condition->op == IS_PRESENT && *at))
        *problem = g_strdup_printf("\"%s\" is no condition; expected FACT, FACT = GLOB|GLOB, FACT != GLOB|GLOB or "
                                   "FACT < NUMBER (also <=, >, >=), with or without ! before it",
                                   text);
    else
        condition->fact = known_fact(name, about, problem);
    if (condition->fact && condition->op >= LESS && !parse_number(at, &condition->number))
        *problem = g_strdup_printf("\"%s\" is no number; expected one to compare \"%s\" with", at, name);
    else if (condition->fact && (condition->op == EQUALS || condition->op == DIFFERS))
        condition->patterns = parse_patterns(at, problem);
    g_free(name);
    if (*problem)
        g_clear_pointer(&condition, flow_condition_free);
    return condition;
}

void
flow_condition_free(flow_condition *condition)
{
    for (GPatternSpec **pattern = condition->patterns; pattern && *pattern; pattern++)
        g_pattern_spec_free(*pattern);
    g_free(condition->patterns);
    g_free(condition);
}

bool
flow_matches(GPatternSpec *const *patterns, const char *text)
{
    char *value;
    bool  matches = false;

    if (!text)
        return false;
    value = lower(text);
    for (; *patterns && !matches; patterns++)
        matches = g_pattern_spec_match_string(*patterns, value);
    g_free(value);
    return matches;
}

static bool
compares(const flow_condition *condition, const char *value)
{
    double number;

    if (!parse_number(value, &number))
        return false;
    switch (condition->op) {
    case LESS: return number < condition->number;
    case LESS_OR_EQUAL: return number <= condition->number;
    case GREATER: return number > condition->number;
    default: return number >= condition->number;
    }
}

bool
flow_condition_holds(const flow_condition *condition, flow_fact fact, void *user)
{
    const char *value = fact(user, condition->fact);
    bool        holds = value != NULL;

    if (holds && condition->op == EQUALS)
        holds = flow_matches(condition->patterns, value);
    else if (holds && condition->op == DIFFERS)
        holds = !flow_matches(condition->patterns, value);
    else if (holds && condition->op >= LESS)
        holds = compares(condition, value);
    return holds != condition->is_negated;
}

/* The names in the next {…} of a text, free with g_strfreev(), what is before them and what after; NULL without. */
static char **
next_variable(const char *text, size_t *before, const char **after)
{
    const char *open = strchr(text, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    char       *inside, **names;

    if (!close)
        return NULL;
    *before = (size_t)(open - text);
    *after = close + 1;
    inside = g_strndup(open + 1, (gsize)(close - open - 1));
    names = g_strsplit(inside, "|", -1);
    g_free(inside);
    return names;
}

char *
flow_text_problem(const char *text, flow_about about)
{
    char  *problem = NULL, **names;
    size_t before;

    while (!problem && (names = next_variable(text, &before, &text)) != NULL) {
        if (!*names)
            problem = g_strdup("nothing between braces; expected {FACT}");
        for (char **name = names; *name && !problem; name++)
            known_fact(*name, about, &problem);
        g_strfreev(names);
    }
    if (!problem && strpbrk(text, "{}"))
        problem = g_strdup("a brace without its other half; expected {FACT}");
    return problem;
}

char *
flow_entry_fill(const char *text, flow_fact fact, void *user)
{
    GString *filled = g_string_new(NULL);
    char   **names;
    size_t   before;

    for (const char *after; (names = next_variable(text, &before, &after)) != NULL; text = after) {
        const char *value = NULL;

        for (char **name = names; *name && !value; name++)
            value = fact(user, *name);
        g_string_append_len(filled, text, (gssize)before);
        g_string_append(filled, value ? value : "?");
        g_strfreev(names);
    }
    g_string_append(filled, text);
    return g_string_free(filled, FALSE);
}
