/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is known beforehand, as data: expected flows (flows/NAME.flow), what would show the steps that a capture cannot
 * (flows/looks.conf), how encrypted requests are recognised (flows/recognition.conf), what the messages of logs say
 * (flows/messages.conf) and what can go wrong (catalogue/NAME.conf). Compiled in; files of the same kinds in a folder of the user's add to it or replace what has
 * the same name.
 */
#ifndef FLOW_KNOWLEDGE_H
#define FLOW_KNOWLEDGE_H

#include "flow.h"

/* One conversation of an expected flow, a group [conversation ROLE] of its file. */
typedef struct {
    const char  *role;
    flow_step   *steps;       /* in the expected order, ended by FLOW_STEP_NONE */
    bool         any_order;   /* of these steps */
    bool         is_optional; /* its absence is no deviation */
    GPatternSpec **messages;  /* of the `message` parameter, NULL-terminated; empty: any. For flow_matches() */
} flow_stage;

/* One interval of a device's schedule of retries. */
typedef struct {
    int64_t every; /* ns */
    int64_t until; /* ns after the first try, intervals before it included; 0: for ever */
} flow_retry;

/* One file NAME.flow. */
typedef struct {
    const char    *name, *title;
    unsigned       priority;    /* the lower, the earlier it is considered */
    GPtrArray     *stages;      /* of flow_stage *, in order */
    GPatternSpec **user_agents; /* of any request of the enrolment, NULL-terminated; empty: not used to choose it */
    GPatternSpec **messages;    /* of any Get… request, likewise */
    bool           keeps_conversations; /* the device never groups its requests otherwise; proxies may */
    bool           is_fallback; /* chosen when no other fits */
    flow_step     *before;      /* steps before the first conversation, ended by FLOW_STEP_NONE */
    flow_step     *behind;      /* steps behind NDES, likewise */
    const char    *looks[FLOW_STEPS]; /* what would show a step that is not visible, or NULL */
    GArray        *retries;     /* of flow_retry; empty when not known */
    const char    *retry_words;
} flow_expected;

typedef struct {
    uint32_t low, high;
} flow_range;

/* How requests look when they are encrypted: octets on TCP, TLS records included. */
typedef struct {
    flow_range request[FLOW_STEPS], answer[FLOW_STEPS];
    GPatternSpec **names;          /* of servers that are probably SCEP's, NULL-terminated */
    GPatternSpec **internal_names; /* of servers that devices reach without a proxy, likewise */
    GPatternSpec **registration_names; /* of registration points, likewise */
    GPatternSpec **management_names;   /* of management services, likewise */
    int64_t     pause;             /* ns: a longer silence between two requests separates tries */
} flow_recognition;

/* Something that a log tells of by messages: a call, or a part of one. Patterns are NULL-terminated, or NULL. */
typedef struct {
    const char    *kind;       /* of the log: "ndes-plugin", "crp" */
    flow_step      step;
    GPatternSpec **components; /* who writes its messages */
    GPatternSpec **begin, **end;
    GPatternSpec **good, **bad, **failed;
} flow_activity;

/* A fact by its name: a string, NULL when it is absent. Valid until the next call. */
typedef const char *(*flow_fact)(void *user, const char *name);

/* What an entry of the catalogue is about, hence how often it is asked; the narrowest first. */
typedef enum { FLOW_ABOUT_EXCHANGE, FLOW_ABOUT_CONVERSATION, FLOW_ABOUT_ENROLMENT } flow_about;

/* Facts that conditions and texts may use, and what each is about: an entry about a conversation may also use facts
 * about its enrolment, one about an exchange all. Any other name is an error of the file. Ended by a NULL name. */
typedef struct flow_subject flow_subject;

typedef struct {
    const char *name;
    flow_about  about;
    const char *(*tell)(flow_subject *subject); /* NULL when it is absent */
} flow_known_fact;

extern const flow_known_fact flow_known_facts[]; /* facts.c */

/* One group of a file of the catalogue. */
typedef struct {
    const char   *id, *file;
    flow_about    about;
    flow_severity severity;
    const char   *what, *cause, *fix, *look; /* with variables: {fact} */
    const char  **hides;                     /* ids of what is not worth saying beside this one; NULL-terminated */
    const char  **hides_ids, **hidden_by;    /* as the file has them, which makes `hides`; NULL when it does not */
    GPtrArray    *given, *alternatives;      /* opaque; see flow_entry_holds() */
} flow_entry;

/* Reads what is compiled in, then the files below `folder` (NULL: none): flows/NAME.flow, flows/looks.conf,
 * flows/recognition.conf, flows/messages.conf, catalogue/NAME.conf, in the order of their names. Each mistake becomes a line "FILE: [GROUP]
 * KEY: what is wrong and what was expected" in `problems` (of char *, freed by its owner). What it stands in is left
 * out, and what was known by that name stays: a whole .flow file, else a group. */
flow_knowledge *flow_knowledge_new(const char *folder, GPtrArray *problems);

/* The same in two steps: flows and recognition are enough to see that a file has nothing to do with SCEP. The catalogue
 * is empty until flow_knowledge_complete(), which does its work once. */
flow_knowledge *flow_knowledge_begin(const char *folder, GPtrArray *problems);
void            flow_knowledge_complete(flow_knowledge *knowledge, GPtrArray *problems);

void            flow_knowledge_free(flow_knowledge *knowledge);

const GPtrArray        *flow_knowledge_flows(const flow_knowledge *knowledge);     /* of flow_expected *, best first */
const flow_expected    *flow_knowledge_flow(const flow_knowledge *knowledge, const char *name); /* or NULL */
const GPtrArray        *flow_knowledge_catalogue(const flow_knowledge *knowledge); /* of flow_entry *, in file order */
const GPtrArray        *flow_knowledge_activities(const flow_knowledge *knowledge); /* of flow_activity *, in file order */
const flow_recognition *flow_knowledge_recognition(const flow_knowledge *knowledge);

/* True when all conditions of one of the entry's alternatives (keys when, when-2 …) hold for these facts, and those of
 * the key `given`. */
bool flow_entry_holds(const flow_entry *entry, flow_fact fact, void *user);

/* `text` with each {fact}, or {fact|fact}, replaced by the first that is there, else by "?"; free with g_free(). */
char *flow_entry_fill(const char *text, flow_fact fact, void *user);

/* True when one of the patterns matches, upper and lower case being the same; not for NULL text or an empty list. */
bool flow_matches(GPatternSpec *const *patterns, const char *text);

/* The step with this name, or FLOW_STEP_NONE. */
flow_step flow_step_by_name(const char *name);

#endif
