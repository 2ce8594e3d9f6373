/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the modules of dissector/flow share, and nobody else: the model, and the stages of its evaluation in their order.
 */
#ifndef FLOW_INTERNAL_H
#define FLOW_INTERNAL_H

#include "evidence.h"
#include "flow.h"
#include "knowledge.h"

#define FLOW_SECOND G_GINT64_CONSTANT(1000000000)

/* The device waits for its answer at least so long before it gives up. */
#define FLOW_GIVEN_UP (3 * FLOW_SECOND)

/* What is only kept during an evaluation about an exchange, in the order of requests. */
typedef struct {
    GPtrArray *exchanges; /* of flow_exchange *, all that count as SCEP, by time of request */
    GPtrArray *behind;    /* of flow_exchange *, likewise, what NDES asks of others */
    GPtrArray *bare;      /* of flow_conversation *: on SCEP's servers, but nothing was asked in them */
} flow_candidates;

/* What the user said an address or a name is. */
typedef struct {
    char       *pattern; /* lower case */
    const char *role;    /* "server", "wap", "ndes", "device", "crp", "ca", "mdm" */
} flow_told;

struct flow_model {
    const flow_knowledge *known; /* NULL until it is needed; see flow_known() */
    const flow_knowledge *(*learn)(bool with_catalogue);
    GPtrArray            *conversations; /* of flow_conversation *, by first frame; owned */
    GPtrArray            *distinct;      /* those of them that are not a twin of another; in this evaluation */
    GHashTable           *twins;         /* flow_conversation -> GPtrArray of its twins, likewise */
    GPtrArray            *told_conversations; /* of flow_conversation *, of logs, by first frame; owned */
    GPtrArray            *logs;          /* of flow_log *, owned */
    GHashTable           *logged;        /* addresses (interned) of servers that answer SCEP by their own logs */
    GTimeZone            *log_zone;      /* what the user says of logs that have none, or NULL */
    GPtrArray            *witnessed;     /* of flow_exchange *: those with witnesses, in this evaluation */
    GPtrArray            *shadows;       /* of flow_part *: of twins, likewise; owned */
    GHashTable           *certificates;  /* GBytes of the DER -> flow_certificate */
    GHashTable           *names;         /* a server's name (interned) -> what behind.c takes it for */
    GStringChunk         *strings;       /* live as long as the model */
    GArray               *told;          /* of flow_told */
    char                 *expected_flow, *vantage; /* NULL for auto */
    flow_moment           last;
    unsigned              changes, evaluated; /* evaluated when equal */
    uint32_t              evaluated_frame;    /* with this last frame: silence too tells something */

    /* The last evaluation. */
    flow_result   result;
    GStringChunk *result_strings;
    GPtrArray    *inferred; /* of flow_exchange *; owned */
    GHashTable   *parts;    /* flow_conversation -> GPtrArray of flow_part * */
    GHashTable   *servers;  /* "address port name": endpoints that are known to answer SCEP */
    GHashTable   *outside, *inside, *ndes; /* addresses (interned) of the WAP's two sides and of NDES, from pairs */
    GHashTable   *calls_crp, *calls_ca;    /* addresses (interned) of NDES whose calls were captured */
    GHashTable   *speaks_rpc;              /* addresses (interned) of servers */
};

/* What is known beforehand. */
const flow_knowledge *flow_known(flow_model *model);

/* An exchange that nobody owns yet. */
flow_exchange *flow_exchange_new(flow_conversation *conversation, flow_basis basis);
void           flow_exchange_free(gpointer exchange);

/* logs.c: what the owners of a log and of a testimony free. */
void flow_log_free(gpointer log);
void flow_testimony_free(flow_testimony *testimony);

/* An enrolment at the end of the result. */
flow_enrolment *flow_enrolment_new(flow_model *model);

/* Text that lives until the next evaluation. */
const char *flow_result_string(flow_model *model, const char *text);
const char *flow_result_printf(flow_model *model, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* infer.c: which conversations are SCEP's, and what was asked in those that cannot be read. */
void flow_find_candidates(flow_model *model, flow_candidates *candidates);

/* infer.c: what was asked in a conversation that cannot be read: an array of flow_turn, interim answers undone; owned by
 * the caller. */
GArray *flow_turns_of(const flow_conversation *conversation);

/* infer.c: true when the user said that this is a `role`. */
bool flow_server_is_told(flow_model *model, const flow_conversation *conversation, const char *role);
bool flow_address_is_told(flow_model *model, const char *role, const char *address);

/* twins.c: finds connections that were captured at several points: one of each counts. */
void flow_find_twins(flow_model *model);

/* twins.c: what is known of the requests of twins: each is a witness of the same request of the one that counts. */
void flow_hear_twins(flow_model *model, const GPtrArray *exchanges);

/* twins.c: parts for the twins, so that their frames have a place. They are not in the enrolment's list. */
void flow_add_shadows(flow_model *model, const flow_enrolment *enrolment);

/* model.c: makes flow_parts_of() find a part. */
void flow_index_part(flow_model *model, flow_part *part);

/* parts.c: another part like `of` for a twin of its conversation, with that one's handshakes. */
flow_part *flow_shadow_part(const flow_part *of, const flow_conversation *twin);
void       flow_part_free(gpointer part);

/* witnesses.c: makes `witness` one of `seen`. */
void flow_add_witness(flow_model *model, flow_exchange *seen, flow_exchange *witness);

/* clocks.c: finds out how the clock of a log stands, by those of its exchanges that others have as well, and sets the
 * times of `own`. */
void flow_set_clock(flow_log *log, const GPtrArray *own, const GPtrArray *others);

/* clocks.c: sets the zone of a log, if the log itself or the user tells it; false when nobody does. */
bool flow_has_zone(flow_log *log);

/* clocks.c: the same for a log that lacks a zone and has only calls, by the PKIOperations that they were made for. */
void flow_set_zone_by(flow_log *log, const GPtrArray *own, const GPtrArray *operations);

/* clocks.c: sets what the times of a log's exchange differ from those of the file, its parts' too. */
void flow_move(flow_exchange *exchange, int64_t moved);

/* clocks.c: the middle of the time that a request took. */
int64_t flow_middle_of(const flow_exchange *exchange);

/* witnesses.c: undoes what the evaluation before made of the logs. */
void flow_forget_witnesses(flow_model *model);

/* witnesses.c: which of the requests in logs are requests of packets; the others become candidates of their own. */
void flow_hear_requests(flow_model *model, flow_candidates *candidates);

/* witnesses.c: the same for calls; `seen` are those of packets. Returns the others (of flow_exchange *, owned by the
 * caller), each once, however many logs tell of it. */
GPtrArray *flow_hear_calls(flow_model *model, const flow_candidates *candidates, GPtrArray *seen);

/* legs.c: pairs the requests of two legs; sets onward and inward. */
void flow_pair_legs(flow_model *model, flow_candidates *candidates);

/* group.c: who belongs to which enrolment; fills result.enrolments with begin, device, server and the exchanges'
 * enrolment. `members` receives for each enrolment (in the same order) a GPtrArray of its exchanges and one of its bare
 * conversations. */
typedef struct {
    flow_enrolment *enrolment;
    GPtrArray      *exchanges; /* of flow_exchange *, of the device's leg (or the only one), by time */
    GPtrArray      *onward;    /* of flow_exchange *, the same requests further on */
    GPtrArray      *bare;      /* of flow_conversation * */
    GPtrArray      *behind;    /* of flow_exchange *, what NDES asked for it, by time */
    GPtrArray      *behind_bare; /* of flow_conversation *, in which NDES did not get as far as asking */
    GPtrArray      *syncs;     /* of flow_conversation *, of the device with its management service */
} flow_group;
GPtrArray *flow_group_exchanges(flow_model *model, flow_candidates *candidates); /* of flow_group *, owned by caller */

/* group.c: another group, at the end; its enrolment is that of the conversation's only. */
flow_group *flow_group_new(flow_model *model, GPtrArray *groups);

/* group.c: makes the enrolment's time contain this. */
void flow_extend(flow_enrolment *enrolment, flow_moment begin, flow_moment end);

/* behind.c: gives what NDES asked of registration point and CA to the groups whose PKIOperation it served, makes groups
 * of what is left. */
void flow_join_behind(flow_model *model, flow_candidates *candidates, GPtrArray *groups);

/* sync.c: adds the devices' synchronisations to their groups. */
void flow_add_syncs(flow_model *model, const GPtrArray *groups);

/* behind.c: true when a server is a management service's. */
bool flow_is_management(flow_model *model, const flow_conversation *conversation);

/* behind.c: true for what NDES asks of others. */
bool flow_is_behind(flow_step step);

/* behind.c: the leg of a conversation of NDES with others. */
flow_leg flow_leg_behind(flow_model *model, const flow_conversation *conversation);

/* timing.c: where the time of the group's PKIOperations went. */
void flow_time(flow_model *model, const flow_group *group);

/* legs.c: the leg of one of the group's conversations. */
flow_leg flow_leg_of(flow_model *model, const flow_conversation *conversation, const flow_group *group,
                     const flow_expected *expected);

/* legs.c: true when the conversation was captured at "client", "wap", "ndes" or "crp", as far as one knows. */
bool flow_is_seen_at(flow_model *model, const flow_conversation *conversation, const char *vantage);

/* compare.c: chooses the expected flow of a group, makes parts and steps, and the verdict. */
void flow_compare(flow_model *model, flow_group *group);

/* findings.c: what the catalogue says about an enrolment. */
void flow_find_findings(flow_model *model, flow_enrolment *enrolment);

/* True when a conversation ended, or nothing of it came for long before the capture ended. */
bool flow_is_over(const flow_conversation *conversation);

/* True when a request got an answer that is what SCEP expects. */
bool flow_is_answered_well(const flow_exchange *exchange);

/* When a request began: the first of a conversation brings its handshakes along. */
flow_moment flow_begin_of(const flow_exchange *exchange);

/* The conversation's number in a part list of the enrolment, or NULL. */
flow_part *flow_part_in(const flow_enrolment *enrolment, const flow_conversation *conversation);

#endif
