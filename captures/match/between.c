/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All sources side by side, the record first that is first on the reference clock. Records stay in a list, in that
 * order, until it is known where else they were seen (ways.c), and leave it at its front.
 */
#include "between.h"

#include <string.h>

#include "course.h"

#define MILLISECOND INT64_C(1000000)

/* Times of one source that are out of order by so much are put in order. */
#define DISORDER (100 * MILLISECOND)

/* A record is put before so many others at most. */
#define MOST_PASSED 1024

/* So many records wait at most, or so many octets of them. */
#define MOST_WAITING        (1 << 19)
#define MOST_OCTETS_WAITING (UINT64_C(1) << 28)

/* The last time that is believed. */
#define LAST_TIME (INT64_C(1) << 62)

/* What will be of a group that several have seen. */
typedef struct {
    guint   first_pair; /* of its pairs, which follow each other */
    course *course;     /* NULL before and after it */
} group_plan;

/* A conversation of a source, as it was found when the source was read before. */
typedef struct {
    const stream_conversation *conversation;
    group_plan                *plan;       /* NULL when nobody else has seen it */
    uint32_t                   duplicates; /* that have come this time */
} known;

typedef struct record {
    GList       waiting, open; /* its places in the queues of the same names; `data` is NULL while it is in none */
    int64_t     time;
    void       *kept;
    group_plan *plan;       /* of its passages; NULL when there are none */
    uint32_t    number, octets;
    uint16_t    source;
    uint8_t     count;
    passage     passages[]; /* onwards first */
} record;

typedef struct {
    match_source  *source;
    stream_table  *table;
    known         *known;     /* by index of the conversation */
    guint          count;     /* of those */
    match_record   record;    /* the next one */
    int64_t        time;      /* of that */
    bool           is_over;
    bool           has_time;  /* of any record */
    int64_t        first, last; /* times of those that were taken */
    uint32_t       number;    /* of the last that was taken */
} reader;

typedef struct {
    const clock_estimate *clocks;
    const between_sink   *sink;
    reader               *readers;
    unsigned              sources;
    way_set               set;
    group_plan           *plans;   /* of each group */
    GHashTable           *courses; /* that are not over */
    GPtrArray            *pairs;
    uint8_t              *nearer;  /* for each two sources: 0 not asked yet, 1 the one is nearer to clients, 2 the other */
    GQueue                waiting; /* records for the sink, in order */
    GQueue                open;    /* of these, or all, those that have passages */
    uint64_t              octets;  /* of those that wait */
    int64_t               now;
} between;

static bool start(between *all, GPtrArray *sources, const GPtrArray *groups, char **problem);
static bool run(between *all, char **problem);
static void finish(between *all);

GPtrArray *
between_find(GPtrArray *sources, const GPtrArray *groups, const clock_estimate *clocks, const between_sink *sink,
             char **problem)
{
    between all = { .clocks = clocks, .sink = sink, .sources = sources->len };

    *problem = NULL;
    if (start(&all, sources, groups, problem) && run(&all, problem)) {
        finish(&all);
        return all.pairs;
    }
    finish(&all);
    g_ptr_array_unref(all.pairs);
    return NULL;
}

/* --- readers --- */

static int64_t
time_of(const between *all, const reader *reader)
{
    const match_record   *record = &reader->record;
    const clock_estimate *clock = &all->clocks[reader - all->readers];
    int64_t               time;

    if (!stream_has_time(record))
        return reader->has_time ? reader->last : 0;
    time = clock_to_reference_after(clock, record->time, reader->has_time ? reader->last : INT64_MIN);
    return CLAMP(time, 0, LAST_TIME);
}

/* Goes on to the next record. */
static void
advance(between *all, reader *reader)
{
    char *ending = NULL;

    if (source_next(reader->source, &reader->record, &ending)) {
        reader->time = time_of(all, reader);
    } else {
        reader->is_over = true;
        g_free(ending); /* who read the source before has told of it */
    }
}

/* --- what is planned --- */

/* By what most of their conversations say. */
static bool
is_nearer(const between *all, const GPtrArray *groups, unsigned one, unsigned other)
{
    uint8_t *known = &all->nearer[(size_t)one * all->sources + other];

    if (*known == 0)
        *known = pairs_nearer(groups, one, other) == one ? 1 : 2;
    return *known == 1;
}

/* Puts what the sources have of a group in the order from the client to the server. */
static void
put_in_order(const between *all, const GPtrArray *groups, const pair_group *group, stream_conversation **conversations)
{
    for (guint i = 0; i < group->seen->len; i++) {
        stream_conversation *conversation = group->seen->pdata[i];
        guint                place = i;

        for (; place > 0; place--) {
            const stream_conversation *before = conversations[place - 1];
            int                        order = pairs_order(group, before, conversation);

            if (order > 0 || (order == 0 && is_nearer(all, groups, before->source, conversation->source)))
                break;
            conversations[place] = conversations[place - 1];
        }
        conversations[place] = conversation;
    }
}

static void
add_pairs(between *all, const GPtrArray *groups, pair_group *group)
{
    stream_conversation **conversations = g_new(stream_conversation *, group->seen->len);

    put_in_order(all, groups, group, conversations);
    for (guint i = 1; i < group->seen->len; i++) {
        between_pair *pair = g_new0(between_pair, 1);

        pair->group = group;
        pair->sources[0] = conversations[i - 1]->source;
        pair->sources[1] = conversations[i]->source;
        g_ptr_array_add(all->pairs, pair);
    }
    g_free(conversations);
}

/* Room for what is known of each source's conversations. */
static void
make_room(between *all, const GPtrArray *groups)
{
    for (guint i = 0; i < groups->len; i++) {
        const pair_group *group = groups->pdata[i];

        for (guint k = 0; k < group->seen->len; k++) {
            const stream_conversation *conversation = group->seen->pdata[k];
            reader                    *reader = &all->readers[conversation->source];

            reader->count = MAX(reader->count, conversation->index + 1);
        }
    }
    for (unsigned i = 0; i < all->sources; i++)
        all->readers[i].known = g_new0(known, all->readers[i].count);
}

static void
plan(between *all, const GPtrArray *groups)
{
    all->plans = g_new0(group_plan, groups->len);
    make_room(all, groups);
    for (guint i = 0; i < groups->len; i++) {
        pair_group *group = groups->pdata[i];

        all->plans[i].first_pair = all->pairs->len;
        for (guint k = 0; k < group->seen->len; k++) {
            const stream_conversation *conversation = group->seen->pdata[k];
            known                     *known = &all->readers[conversation->source].known[conversation->index];

            known->conversation = conversation;
            known->plan = group->seen->len > 1 ? &all->plans[i] : NULL;
        }
        if (group->seen->len > 1)
            add_pairs(all, groups, group);
    }
}

static bool
start(between *all, GPtrArray *sources, const GPtrArray *groups, char **problem)
{
    all->readers = g_new0(reader, sources->len);
    all->nearer = g_new0(uint8_t, (size_t)sources->len * sources->len);
    all->pairs = g_ptr_array_new_with_free_func(g_free);
    all->courses = g_hash_table_new(NULL, NULL);
    way_set_init(&all->set);
    plan(all, groups);
    for (unsigned i = 0; i < sources->len; i++) {
        all->readers[i].source = sources->pdata[i];
        all->readers[i].table = stream_table_new(i);
    }
    for (unsigned i = 0; i < sources->len; i++) {
        if (!source_rewind(sources->pdata[i], problem))
            return false;
        advance(all, &all->readers[i]);
    }
    return true;
}

/* What is left when something went wrong. */
static void
drop_records(between *all)
{
    for (GList *item; (item = g_queue_pop_head_link(&all->waiting)) != NULL;) {
        record *record = item->data;

        if (all->sink->drop && record->kept)
            all->sink->drop(all->sink->user, record->kept);
        g_free(record);
    }
}

static void
finish(between *all)
{
    GHashTableIter iter;
    gpointer       course;

    drop_records(all);
    g_hash_table_iter_init(&iter, all->courses);
    while (g_hash_table_iter_next(&iter, &course, NULL))
        course_free(course);
    g_hash_table_unref(all->courses);
    for (unsigned i = 0; i < all->sources; i++) {
        stream_table_free(all->readers[i].table);
        g_free(all->readers[i].known);
    }
    way_set_clear(&all->set);
    g_free(all->plans);
    g_free(all->nearer);
    g_free(all->readers);
}

/* --- courses --- */

/* The course of a group, which begins with its first packet. */
static course *
course_of(between *all, group_plan *plan)
{
    if (!plan->course) {
        plan->course = course_new(&all->set, (between_pair *const *)&all->pairs->pdata[plan->first_pair], all->clocks);
        g_hash_table_add(all->courses, plan->course);
    }
    return plan->course;
}

/* Ends it behind its last packet, and when nothing of it waits any more. */
static void
end_course(between *all, group_plan *plan)
{
    if (plan->course->left > 0 || plan->course->records > 0)
        return;
    g_hash_table_remove(all->courses, plan->course);
    course_free(plan->course);
    plan->course = NULL;
}

/* --- records --- */

/* What is known of the conversation that the next record belongs to, or NULL; `segment` is its segment. `is_again`
 * tells whether it is the second capture of a packet: the first stands for it. */
static known *
known_of(reader *reader, wire_segment *segment, bool *is_again)
{
    const match_record  *record = &reader->record;
    stream_conversation *conversation;
    known               *known;
    stream_side          from;

    if (record->is_log || !wire_segment_read(record->link, record->octets, record->captured, record->length, segment))
        return NULL;
    conversation = stream_table_add(reader->table, record, segment, &from);
    known = conversation->index < reader->count ? &reader->known[conversation->index] : NULL;
    if (!known || !known->conversation)
        return NULL;
    *is_again = conversation->duplicates != known->duplicates;
    known->duplicates = conversation->duplicates;
    if (record->number == known->conversation->last_number)
        stream_table_drop(reader->table, conversation);
    return known;
}

/* Where a record belongs in a queue: before the item that is returned, or at the end. */
static GList *
place_of(const GQueue *queue, const record *record)
{
    GList *after = NULL;

    for (unsigned passed = 0; passed < MOST_PASSED; passed++) {
        GList              *before = after ? after->prev : queue->tail;
        const struct record *other = before ? before->data : NULL;

        if (!other || other->time < record->time || (other->time == record->time && other->source <= record->source))
            break;
        after = before;
    }
    return after;
}

static void
enqueue(GQueue *queue, record *record, GList *item)
{
    GList *after = place_of(queue, record);

    item->data = record;
    g_queue_insert_before_link(queue, after, item);
}

static void
dequeue(GQueue *queue, GList *item)
{
    if (!item->data)
        return;
    g_queue_unlink(queue, item);
    item->data = NULL;
}

/* The passages of the record that a reader has, and whose they are; how many there are. */
static unsigned
passages_of(between *all, reader *reader, passage passages[2], group_plan **plan)
{
    wire_segment  segment;
    bool          is_again;
    const known  *known = known_of(reader, &segment, &is_again);
    course       *course;
    unsigned      source = (unsigned)(reader - all->readers), count = 0;

    *plan = known ? known->plan : NULL;
    if (!*plan)
        return 0;
    course = course_of(all, *plan);
    if (!is_again && stream_has_time(&reader->record))
        count = course_take(course_member_of(course, source), &reader->record, reader->time, &segment, passages);
    course->left -= reader->record.number == known->conversation->last_number;
    return count;
}

static record *
new_record(const between *all, const reader *reader, group_plan *plan, const passage *passages, unsigned count)
{
    record  *record = g_malloc0(sizeof *record + count * sizeof *passages);
    unsigned source = (unsigned)(reader - all->readers);

    record->time = reader->time;
    record->number = reader->record.number;
    record->source = (uint16_t)source;
    record->plan = count > 0 ? plan : NULL;
    record->count = (uint8_t)count;
    for (unsigned i = 0; i < count; i++)
        record->passages[i] = passages[i];
    if (all->sink) {
        record->octets = (uint32_t)MIN(reader->record.captured, UINT32_MAX);
        record->kept = all->sink->keep(all->sink->user, source, &reader->record);
    }
    return record;
}

/* Takes the record that a reader has. */
static void
take(between *all, reader *reader)
{
    passage     passages[2];
    group_plan *plan;
    unsigned    count = passages_of(all, reader, passages, &plan);
    record     *record = NULL;

    if (stream_has_time(&reader->record)) {
        reader->first = reader->has_time ? MIN(reader->first, reader->time) : reader->time;
        reader->last = reader->time;
        reader->has_time = true;
    }
    reader->number = reader->record.number;
    if (count > 0 || all->sink)
        record = new_record(all, reader, plan, passages, count);
    if (all->sink) {
        enqueue(&all->waiting, record, &record->waiting);
        all->octets += record->octets;
    }
    if (count > 0) {
        enqueue(&all->open, record, &record->open);
        plan->course->records++;
    } else if (plan) {
        end_course(all, plan);
    }
    for (unsigned i = 0; i < count; i++)
        way_see(&record->passages[i]);
}

/* The reader of a passage's other end. */
static const reader *
other_reader(const between *all, const passage *passage)
{
    return &all->readers[way_pair(passage->way)->sources[!passage->end]];
}

/* Whether a packet can still be seen at the other end: not behind its last packet of the conversation, as soon as it is
 * known that the capture went on. */
static bool
can_be_met(const between *all, const passage *passage)
{
    const reader              *other = other_reader(all, passage);
    const stream_conversation *conversation = way_conversation(passage->way, !passage->end);
    int64_t                    uncertainty, time = way_time_there(passage->way, passage, &uncertainty);

    return !other->is_over && (other->number < conversation->last_number || other->time < time + uncertainty) &&
           all->now <= passage->time + way_horizon(passage->way);
}

/* Whether the other end was capturing when the packet was there. */
static bool
is_expected(const between *all, const passage *passage)
{
    const reader *other = other_reader(all, passage);
    int64_t       uncertainty, time = way_time_there(passage->way, passage, &uncertainty);
    int64_t       last = other->is_over ? other->last : MAX(other->last, other->time);

    return other->has_time && time - uncertainty >= other->first && time + uncertainty <= last;
}

static bool
is_open(const record *record)
{
    for (unsigned i = 0; i < record->count; i++) {
        if (record->passages[i].state == PASSAGE_OPEN)
            return true;
    }
    return false;
}

/* Gives up what cannot be met any more, or all of it. */
static void
give_up(between *all, record *record, bool is_early)
{
    for (unsigned i = 0; i < record->count; i++) {
        passage *passage = &record->passages[i];

        if (passage->state != PASSAGE_OPEN)
            continue;
        if (!can_be_met(all, passage))
            way_give_up(passage, is_expected(all, passage), false);
        else if (is_early)
            way_give_up(passage, false, true);
    }
}

static bool
hand_on(const between *all, record *record, char **problem)
{
    between_fate fate = { .source = record->source, .number = record->number, .time = record->time };
    void        *kept = record->kept;

    for (unsigned i = 0; i < record->count; i++) {
        const passage *passage = &record->passages[i];
        unsigned       other = way_pair(passage->way)->sources[!passage->end];

        if (passage->state == PASSAGE_SEEN && fate.twin_number == 0) {
            fate.twin_source = other;
            fate.twin_number = passage->twin_number;
            fate.twin_delay = passage->twin_time - passage->time;
        } else if (passage->state == PASSAGE_ABSENT && !fate.is_absent) {
            fate.absent_source = other;
            fate.is_absent = true;
        }
    }
    fate.is_expected = fate.twin_number != 0 || fate.is_absent;
    record->kept = NULL;
    return all->sink->decided(all->sink->user, kept, &fate, problem);
}

static void
remove_record(between *all, record *record)
{
    dequeue(&all->waiting, &record->waiting);
    dequeue(&all->open, &record->open);
    all->octets -= record->octets;
    if (record->plan) {
        record->plan->course->records--;
        end_course(all, record->plan);
    }
    g_free(record);
}

/* Decides what has waited long enough. */
static void
decide_open(between *all)
{
    for (GList *item; (item = all->open.head) != NULL;) {
        record *record = item->data;

        give_up(all, record, all->open.length > MOST_WAITING);
        if (is_open(record))
            return;
        dequeue(&all->open, item);
        if (!all->sink)
            remove_record(all, record);
    }
}

/* Hands on the records at the front that are decided and that nothing can come before any more. */
static bool
hand_on_decided(between *all, bool is_over, char **problem)
{
    for (GList *item; (item = all->waiting.head) != NULL;) {
        record *record = item->data;
        bool    is_full = all->waiting.length > MOST_WAITING || all->octets > MOST_OCTETS_WAITING;

        if (is_full)
            give_up(all, record, true);
        if (is_open(record) || (!is_over && !is_full && record->time > all->now - DISORDER))
            return true;
        if (!hand_on(all, record, problem))
            return false;
        remove_record(all, record);
    }
    return true;
}

static reader *
next_reader(const between *all)
{
    reader *next = NULL;

    for (unsigned i = 0; i < all->sources; i++) {
        reader *reader = &all->readers[i];

        if (!reader->is_over && (!next || reader->time < next->time))
            next = reader;
    }
    return next;
}

static bool
run(between *all, char **problem)
{
    reader *reader;

    while ((reader = next_reader(all)) != NULL) {
        all->now = MAX(all->now, reader->time);
        decide_open(all);
        if (!hand_on_decided(all, false, problem))
            return false;
        take(all, reader);
        advance(all, reader);
    }
    decide_open(all);
    return hand_on_decided(all, true, problem);
}
