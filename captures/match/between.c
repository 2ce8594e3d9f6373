/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All sources side by side, the record first that is first on the reference clock. Records stay in a list, in that order,
 * until it is known where else they were seen (ways.c), and leave it at its front.
 */
#include "between.h"

#include <string.h>

#include "ways.h"

#define MILLISECOND INT64_C(1000000)

/* Times of one source that are out of order by so much are put in order. */
#define DISORDER (100 * MILLISECOND)

/* A record is put before so many others at most. */
#define MOST_PASSED 1024

/* So many records wait at most, or so many octets of them. */
#define MOST_WAITING        (1 << 19)
#define MOST_OCTETS_WAITING (UINT64_C(1) << 28)

#define MOST_HOLES 32

/* The last time that is believed. */
#define LAST_TIME (INT64_C(1) << 62)

typedef struct hole {
    uint64_t begin, end;
} hole;

/* What a source has seen of a direction so far. */
typedef struct {
    bool     is_begun;
    uint64_t next;
    uint64_t retransmitted;
    GArray  *holes; /* of hole; NULL when there is none */
} seen;

/* A conversation that others have seen too, at one of its sources. */
typedef struct member {
    const stream_conversation *conversation;
    way                      *ways[2];      /* to the one next to it on the client's side, and on the server's; or NULL */
    int64_t                    shifts[2];     /* from its offsets to those of the whole group */
    bool                       has_shifts[2];
    seen                       directions[2];
    uint32_t                   duplicates;    /* that have come so far */
} member;

typedef struct record {
    struct record *next, *previous;
    int64_t        time;
    void          *kept;
    uint32_t       number, octets;
    uint16_t       source;
    uint8_t        count;
    passage        passages[]; /* onwards first */
} record;

typedef struct {
    match_source  *source;
    stream_table  *table;
    member       **members;   /* by index of the conversation; NULL for those that nobody else has seen */
    guint          conversations;
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
    way_set              set;
    GPtrArray            *ways, *members, *pairs;
    uint8_t              *nearer;  /* for each two sources: 0 not asked yet, 1 the first is nearer to clients, 2 the second */
    record               *first, *last;
    int64_t               now;
    unsigned              waiting;
    uint64_t              octets;
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
    if (!start(&all, sources, groups, problem) || !run(&all, problem)) {
        g_ptr_array_unref(all.pairs);
        all.pairs = NULL;
    }
    finish(&all);
    return all.pairs;
}

/* --- readers --- */

static int64_t
time_of(const between *all, const reader *reader)
{
    const match_record   *record = &reader->record;
    const clock_estimate *clock = &all->clocks[reader - all->readers];
    int64_t               time;

    if (!record->has_time || record->time < 0 || record->time > LAST_TIME)
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

/* --- ways --- */

static bool
is_clock_known(const between *all, unsigned source)
{
    const clock_estimate *clock = &all->clocks[source];

    return source == 0 || clock->quality != CLOCK_NONE || clock->events[0] + clock->events[1] > 0;
}

static bool
has_clock(const between *all, unsigned source)
{
    return source == 0 || all->clocks[source].quality != CLOCK_NONE;
}

static int64_t
uncertainty_of(const between *all, const unsigned sources[2])
{
    int64_t sum = 0;

    for (int end = 0; end < 2; end++) {
        if (sources[end] != 0 && has_clock(all, sources[end]))
            sum += CLAMP(all->clocks[sources[end]].uncertainty, 0, LAST_TIME / 4);
    }
    return sum;
}

static between_pair *
add_pair(between *all, pair_group *group, member *near, member *far)
{
    between_pair              *pair = g_new0(between_pair, 1);
    const stream_conversation *ends[2] = { near->conversation, far->conversation };
    way                      *way;

    pair->group = group;
    pair->sources[0] = ends[0]->source;
    pair->sources[1] = ends[1]->source;
    g_ptr_array_add(all->pairs, pair);
    if (!is_clock_known(all, pair->sources[0]) || !is_clock_known(all, pair->sources[1]))
        return pair;
    way = way_new(&all->set, pair, ends, uncertainty_of(all, pair->sources),
                    has_clock(all, pair->sources[0]) && has_clock(all, pair->sources[1]));
    g_ptr_array_add(all->ways, way);
    near->ways[STREAM_SERVER] = way;
    far->ways[STREAM_CLIENT] = way;
    return pair;
}

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

static member *
add_member(between *all, const pair_group *group, const stream_conversation *conversation, const member *before)
{
    member *member = g_new0(struct member, 1);

    member->conversation = conversation;
    for (int side = 0; side < 2; side++) {
        int64_t shift = 0;

        member->has_shifts[side] = !before || (before->has_shifts[side] &&
                                               pairs_shift(group, before->conversation, conversation, side, &shift));
        member->shifts[side] = before ? before->shifts[side] + shift : 0;
    }
    all->readers[conversation->source].members[conversation->index] = member;
    g_ptr_array_add(all->members, member);
    return member;
}

static void
add_group(between *all, const GPtrArray *groups, pair_group *group)
{
    stream_conversation **conversations = g_new(stream_conversation *, group->seen->len);
    member               *before = NULL;

    put_in_order(all, groups, group, conversations);
    for (guint i = 0; i < group->seen->len; i++) {
        member *member = add_member(all, group, conversations[i], before);

        if (before)
            add_pair(all, group, before, member);
        before = member;
    }
    g_free(conversations);
}

static void
member_free(gpointer data)
{
    member *member = data;

    for (int side = 0; side < 2; side++) {
        if (member->directions[side].holes)
            g_array_unref(member->directions[side].holes);
    }
    g_free(member);
}

static void
free_way(gpointer data)
{
    way_free(data);
}

/* Room for the members of each source. */
static void
count_conversations(between *all, const GPtrArray *groups)
{
    for (guint i = 0; i < groups->len; i++) {
        const pair_group *group = groups->pdata[i];

        for (guint k = 0; k < group->seen->len; k++) {
            const stream_conversation *conversation = group->seen->pdata[k];
            reader                    *reader = &all->readers[conversation->source];

            reader->conversations = MAX(reader->conversations, conversation->index + 1);
        }
    }
    for (unsigned i = 0; i < all->sources; i++)
        all->readers[i].members = g_new0(member *, all->readers[i].conversations);
}

static bool
start(between *all, GPtrArray *sources, const GPtrArray *groups, char **problem)
{
    all->readers = g_new0(reader, sources->len);
    all->nearer = g_new0(uint8_t, (size_t)sources->len * sources->len);
    all->ways = g_ptr_array_new_with_free_func(free_way);
    all->members = g_ptr_array_new_with_free_func(member_free);
    all->pairs = g_ptr_array_new_with_free_func(g_free);
    way_set_init(&all->set);
    count_conversations(all, groups);
    for (unsigned i = 0; i < sources->len; i++) {
        all->readers[i].source = sources->pdata[i];
        all->readers[i].table = stream_table_new(i);
    }
    for (guint i = 0; i < groups->len; i++) {
        pair_group *group = groups->pdata[i];

        if (group->seen->len > 1)
            add_group(all, groups, group);
    }
    for (unsigned i = 0; i < sources->len; i++) {
        if (!source_rewind(sources->pdata[i], problem))
            return false;
        advance(all, &all->readers[i]);
    }
    return true;
}

static void
finish(between *all)
{
    for (guint i = 0; i < all->members->len && all->pairs; i++) {
        const member *member = all->members->pdata[i];

        /* What the client sent again, the way to the server's side tells, and the other way round. */
        for (int side = 0; side < 2; side++) {
            if (member->ways[!side])
                way_count_retransmitted(member->ways[!side], side, member->directions[side].retransmitted);
        }
    }
    for (guint i = 0; i < all->ways->len && all->pairs; i++)
        way_finish(all->ways->pdata[i]);
    for (record *record = all->first, *next; record; record = next) {
        next = record->next;
        if (all->sink && all->sink->drop && record->kept)
            all->sink->drop(all->sink->user, record->kept);
        g_free(record);
    }
    for (unsigned i = 0; i < all->sources; i++) {
        stream_table_free(all->readers[i].table);
        g_free(all->readers[i].members);
    }
    g_ptr_array_unref(all->members);
    g_ptr_array_unref(all->ways);
    way_set_clear(&all->set);
    g_free(all->nearer);
    g_free(all->readers);
}

/* --- what a source has seen so far --- */

static void
add_hole(seen *seen, uint64_t begin, uint64_t end)
{
    hole hole = { begin, end };

    if (!seen->holes)
        seen->holes = g_array_new(FALSE, FALSE, sizeof hole);
    if (seen->holes->len == MOST_HOLES)
        g_array_remove_index(seen->holes, 0);
    g_array_append_val(seen->holes, hole);
}

/* Octets that fill a hole, or a part of one, come late but for the first time. */
static bool
fill_hole(seen *seen, uint64_t *begin, uint64_t *end)
{
    for (guint i = 0; seen->holes && i < seen->holes->len; i++) {
        hole hole = g_array_index(seen->holes, struct hole, i);

        if (*end <= hole.begin || *begin >= hole.end)
            continue;
        *begin = MAX(*begin, hole.begin);
        *end = MIN(*end, hole.end);
        g_array_remove_index(seen->holes, i);
        if (hole.begin < *begin)
            add_hole(seen, hole.begin, *begin);
        if (*end < hole.end)
            add_hole(seen, *end, hole.end);
        return true;
    }
    return false;
}

/* Takes octets, and leaves of them those that the source had not seen before; false when there are none: then it is a copy,
 * and they stay as they are. */
static bool
take_octets(seen *seen, uint64_t *begin, uint64_t *end)
{
    if (*end <= seen->next)
        return fill_hole(seen, begin, end);
    if (*begin > seen->next)
        add_hole(seen, seen->next, *begin);
    *begin = MAX(*begin, seen->next);
    seen->next = *end;
    return true;
}

/* --- packets --- */

/* True for the octet before the next one, RFC 9293 3.8.4. */
static bool
is_keep_alive(const seen *seen, const wire_segment *segment, uint64_t begin)
{
    return segment->length <= 1 && !(segment->flags & (WIRE_SYN | WIRE_FIN)) && begin + 1 == seen->next;
}

static bool
shifted(const member *member, stream_side side, uint64_t offset, uint64_t *common)
{
    *common = offset + (uint64_t)member->shifts[side];
    return (int64_t)*common >= 0;
}

/* The octets of a segment that takes some, in the group's offsets. False when they cannot be compared. */
static bool
octets_of(member *member, stream_side from, const wire_segment *segment, uint32_t span, passage *passage)
{
    const stream_direction *direction = &member->conversation->directions[from];
    seen                   *seen = &member->directions[from];
    uint64_t                begin, end, whole_begin;
    bool                    is_new;

    if (!seen->is_begun)
        seen->next = direction->first;
    seen->is_begun = true;
    if (!stream_offset(direction, segment->sequence, seen->next, &begin))
        return false;
    whole_begin = begin;
    end = begin + span;
    if (is_keep_alive(seen, segment, begin)) {
        is_new = false;
    } else {
        is_new = take_octets(seen, &begin, &end);
        seen->retransmitted += !is_new;
    }
    passage->is_copy = !is_new;
    passage->length = (uint32_t)(end - begin);
    passage->whole_length = span;
    return member->has_shifts[from] && shifted(member, from, begin, &passage->begin) &&
           shifted(member, from, whole_begin, &passage->whole_begin);
}

/* The numbers of a segment that takes no octets, in the group's offsets. Those of a RST may be anything. */
static bool
numbers_of(const member *member, stream_side from, const wire_segment *segment, passage *passage)
{
    const stream_direction *own = &member->conversation->directions[from], *other = &member->conversation->directions[!from];
    uint64_t                acknowledged;

    if (!member->has_shifts[from])
        return false;
    passage->sequence = segment->sequence - own->isn + (uint32_t)member->shifts[from];
    passage->begin = 0;
    if (segment->flags & WIRE_RST)
        return true;
    return (segment->flags & WIRE_ACK) && member->has_shifts[!from] &&
           stream_offset(other, segment->acknowledgement, MAX(member->directions[!from].next, other->first), &acknowledged) &&
           shifted(member, !from, acknowledged, &passage->begin);
}

/* The passages of a packet: `count` of them, onwards first. */
static unsigned
passages_of(member *member, const reader *reader, const wire_segment *segment, passage passages[2])
{
    stream_side from = stream_side_of(member->conversation, segment);
    passage     passage = { .time = reader->time, .number = reader->record.number, .from = from };
    unsigned    count = 0;
    uint32_t    span = (uint32_t)segment->length + !!(segment->flags & WIRE_SYN) + !!(segment->flags & WIRE_FIN);

    if (segment->flags & WIRE_RST)
        span = 0;
    if (!(span > 0 ? octets_of(member, from, segment, span, &passage) : numbers_of(member, from, segment, &passage)))
        return 0;
    passage.identification = stream_identification(&reader->record, segment);
    passage.window = segment->window;
    passage.flags = segment->flags;
    passage.hops = segment->hops;
    for (int i = 0; i < 2; i++) {
        stream_side towards = i == 0 ? !from : from;

        if (!member->ways[towards])
            continue;
        passages[count] = passage;
        passages[count].way = member->ways[towards];
        passages[count++].end = towards == STREAM_CLIENT; /* the way's other end is nearer to the client */
    }
    return count;
}

/* The member that the next record belongs to, or NULL; `segment` is its segment. The second capture of a packet is nobody's:
 * the first stands for it. */
static member *
member_of(const reader *reader, wire_segment *segment)
{
    const match_record        *record = &reader->record;
    const stream_conversation *conversation;
    stream_side                from;
    member                    *member;

    if (record->is_log || !wire_segment_read(record->link, record->octets, record->captured, record->length, segment))
        return NULL;
    conversation = stream_table_add(reader->table, record, segment, &from);
    member = conversation && conversation->index < reader->conversations ? reader->members[conversation->index] : NULL;
    if (!member || conversation->duplicates != member->duplicates) {
        if (member)
            member->duplicates = conversation->duplicates;
        return NULL;
    }
    return member;
}

/* --- records --- */

static void
append(between *all, record *record)
{
    struct record *before = all->last;

    for (unsigned passed = 0; before && passed < MOST_PASSED; passed++) {
        if (before->time < record->time || (before->time == record->time && before->source <= record->source))
            break;
        before = before->previous;
    }
    record->previous = before;
    record->next = before ? before->next : all->first;
    *(record->next ? &record->next->previous : &all->last) = record;
    *(before ? &before->next : &all->first) = record;
    all->waiting++;
    all->octets += record->octets;
}

/* Takes the record that a reader has. */
static void
take(between *all, reader *reader)
{
    passage      passages[2];
    wire_segment segment;
    unsigned     source = (unsigned)(reader - all->readers), count = 0;
    member      *member = member_of(reader, &segment);
    record      *record;

    if (member && reader->record.has_time)
        count = passages_of(member, reader, &segment, passages);
    if (reader->record.has_time) {
        reader->first = reader->has_time ? MIN(reader->first, reader->time) : reader->time;
        reader->last = reader->time;
        reader->has_time = true;
    }
    reader->number = reader->record.number;
    if (count == 0 && !all->sink)
        return;
    record = g_malloc(sizeof *record + count * sizeof *passages);
    record->time = reader->time;
    record->number = reader->record.number;
    record->source = (uint16_t)source;
    record->octets = all->sink ? (uint32_t)MIN(reader->record.captured, UINT32_MAX) : 0;
    record->kept = all->sink ? all->sink->keep(all->sink->user, source, &reader->record) : NULL;
    record->count = (uint8_t)count;
    append(all, record);
    for (unsigned i = 0; i < count; i++) {
        record->passages[i] = passages[i];
        way_see(&record->passages[i]);
    }
}

/* The reader of a passage's other end. */
static const reader *
other_reader(const between *all, const passage *passage)
{
    return &all->readers[way_pair(passage->way)->sources[!passage->end]];
}

/* Whether a packet can still be seen at the other end. */
static bool
can_be_met(const between *all, const passage *passage)
{
    const reader              *other = other_reader(all, passage);
    const stream_conversation *conversation = way_conversation(passage->way, !passage->end);

    return !other->is_over && other->number < conversation->last_number &&
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
remove_first(between *all)
{
    record *record = all->first;

    all->first = record->next;
    *(record->next ? &record->next->previous : &all->last) = NULL;
    all->waiting--;
    all->octets -= record->octets;
    g_free(record);
}

/* Hands on the records at the front that are decided and that nothing can come before any more. */
static bool
settle(between *all, bool is_over, char **problem)
{
    while (all->first) {
        record *record = all->first;
        bool    is_full = all->waiting > MOST_WAITING || all->octets > MOST_OCTETS_WAITING;

        if (is_open(record))
            give_up(all, record, is_full);
        if (is_open(record) || (all->sink && !is_over && !is_full && record->time > all->now - DISORDER))
            return true;
        if (all->sink && !hand_on(all, record, problem))
            return false;
        remove_first(all);
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
        if (!settle(all, false, problem))
            return false;
        take(all, reader);
        advance(all, reader);
    }
    return settle(all, true, problem);
}
