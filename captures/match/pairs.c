/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The same conversation at several sources. One source after the other joins the groups that those before it have
 * made: what identifies a conversation best is tried first, and each conversation goes to one group at most. What
 * pairs have in common is in pair_events.c.
 */
#include "pairs.h"

#include <string.h>

#define SECOND INT64_C(1000000000)

/* How far a pair may be from where the surer ones are in time: their clocks wander, and a begin may have been
 * missed. */
#define ASTRAY (60 * SECOND)

/* Of those that look like a conversation, so many are tried. */
#define TRIES 8

/* What a key is made of. */
enum {
    CLIENT_RANDOM = 1 << 0,
    SERVER_RANDOM = 1 << 1,
    CLIENT_ISN = 1 << 2,
    SERVER_ISN = 1 << 3,
    ADDRESSES = 1 << 4,
    PORTS = 1 << 5,
    CLIENT_PAYLOAD = 1 << 6,
    SERVER_PAYLOAD = 1 << 7,
    CLIENT_HEAD = 1 << 8,
    SERVER_HEAD = 1 << 9,
    LENGTHS = 1 << 10,

    RANDOMS = CLIENT_RANDOM | SERVER_RANDOM,
    ISNS = CLIENT_ISN | SERVER_ISN,
    ENDS = ADDRESSES | PORTS,
    PAYLOADS = CLIENT_PAYLOAD | SERVER_PAYLOAD,
    HEADS = CLIENT_HEAD | SERVER_HEAD
};

/* What is done when several have the same key. */
typedef enum {
    IN_ORDER, /* they are copies of one, or as good as: one after the other */
    AS_MANY,  /* in order when there are as many on both sides */
    ALONE     /* nothing */
} several;

/* What else must hold. */
enum {
    OVERLAP = 1 << 0,      /* some of their sequence numbers are the same */
    SAME_PAYLOAD = 1 << 1, /* as far as both have any */
    IN_TIME = 1 << 2,      /* not far from where the surer ones are */
    NOT_REWRITTEN = 1 << 3 /* initial sequence numbers may only differ where others do */
};

static const struct {
    unsigned   key;
    pair_basis basis;
    several    several;
    unsigned   also;
    bool       is_telling; /* who is left over is left over because of the others */
} passes[] = {
    { RANDOMS | ENDS, PAIR_TLS_RANDOM, IN_ORDER, 0, false },
    { RANDOMS, PAIR_TLS_RANDOM, IN_ORDER, 0, true },
    { CLIENT_RANDOM | ENDS, PAIR_TLS_RANDOM, IN_ORDER, 0, false },
    { CLIENT_RANDOM, PAIR_TLS_RANDOM, IN_ORDER, 0, false },
    { ISNS | ENDS, PAIR_SEQUENCE, IN_ORDER, 0, false },
    { ISNS, PAIR_SEQUENCE, IN_ORDER, 0, true },
    { CLIENT_ISN | ENDS, PAIR_SEQUENCE, IN_ORDER, SAME_PAYLOAD, false },
    { SERVER_ISN | ENDS, PAIR_SEQUENCE, IN_ORDER, SAME_PAYLOAD, false },
    { ENDS, PAIR_SEQUENCE, IN_ORDER, OVERLAP | SAME_PAYLOAD, false },
    { CLIENT_ISN, PAIR_SEQUENCE, ALONE, SAME_PAYLOAD | IN_TIME, false },
    { SERVER_ISN, PAIR_SEQUENCE, ALONE, SAME_PAYLOAD | IN_TIME, false },
    { PORTS, PAIR_SEQUENCE, IN_ORDER, OVERLAP | SAME_PAYLOAD | IN_TIME, false },
    { PAYLOADS | LENGTHS | ENDS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { PAYLOADS | LENGTHS | PORTS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { PAYLOADS | LENGTHS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { PAYLOADS | ENDS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { PAYLOADS | PORTS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { PAYLOADS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { CLIENT_PAYLOAD | ENDS, PAIR_PAYLOAD, AS_MANY, IN_TIME | NOT_REWRITTEN, false },
    { HEADS | PORTS, PAIR_PAYLOAD, ALONE, IN_TIME | NOT_REWRITTEN, false },
    { HEADS, PAIR_PAYLOAD, ALONE, IN_TIME | NOT_REWRITTEN, false },
};

static const char *const basis_names[] = { "tls-random", "sequence", "payload" };

static const char *const absence_texts[] = {
    [PAIR_SEEN] = NULL, /* there is no other source */
    [PAIR_NOT_SOUGHT] = "no other source has TCP conversations",
    [PAIR_UNLIKE] = "nothing there has its TLS randoms, its sequence numbers or its payload",
    [PAIR_OUTSIDE] = "nothing was captured there at that time",
    [PAIR_NAMELESS] = "neither its begin nor any payload was captured, so that nothing identifies it",
    [PAIR_ALIKE] = "several conversations there may be the same",
    [PAIR_TAKEN] = "the same conversation was captured twice here, and the other copy is paired",
};

/* What the pairs of two sources have shown so far. */
typedef struct {
    unsigned kept, rewritten; /* initial sequence numbers that are the same on both sides, and that are not */
    bool     is_timed;
    int64_t  least, most;     /* by which the first packets differ in time */
} relation;

/* One source joins. */
typedef struct {
    GPtrArray       *groups;
    unsigned         source, sources;
    const GPtrArray *all;           /* conversations of the source */
    GPtrArray       *conversations; /* likewise, those that are placed replaced by NULL */
    pair_absence    *absent;        /* why each is not placed */
    unsigned         left, alone;   /* conversations that are not placed; groups that the source has nothing of */
    relation        *relations;     /* of each source with this one */
    uint64_t         seed;
} joining;

/* A conversation, or a member of a group, under a key. */
typedef struct {
    uint64_t key;
    guint    index;
    bool     is_conversation;
} entry;

static void run_pass(joining *joining, size_t pass);
static void found_groups(joining *joining, const GPtrArray *tables);

const char *
pair_basis_name(pair_basis basis)
{
    return basis_names[basis];
}

static void
give_reasons(const GPtrArray *groups, unsigned sources)
{
    for (guint i = 0; i < groups->len; i++) {
        pair_group  *group = groups->pdata[i];
        pair_absence most = PAIR_SEEN;

        for (unsigned source = 0; source < sources; source++)
            most = MAX(most, group->absent[source]);
        group->reason = group->seen->len > 1 ? NULL : absence_texts[most];
    }
}

static void
group_free(gpointer data)
{
    pair_group *group = data;

    g_ptr_array_unref(group->seen);
    g_free(group->absent);
    g_free(group);
}

GPtrArray *
pairs_find(const GPtrArray *tables)
{
    joining joining = { .groups = g_ptr_array_new_with_free_func(group_free), .sources = tables->len };

    joining.seed = (uint64_t)g_random_int() << 32 | g_random_int();
    for (joining.source = 0; joining.source < tables->len; joining.source++) {
        const stream_table *table = tables->pdata[joining.source];

        if (!table)
            continue;
        joining.all = stream_table_conversations(table);
        joining.conversations = g_ptr_array_new(); /* not a copy, which would free them, too */
        g_ptr_array_extend(joining.conversations, (GPtrArray *)joining.all, NULL, NULL);
        joining.absent = g_new0(pair_absence, joining.all->len);
        joining.left = joining.all->len;
        joining.alone = joining.groups->len;
        joining.relations = g_new0(relation, tables->len);
        for (size_t pass = 0; pass < G_N_ELEMENTS(passes); pass++) {
            if (passes[pass].is_telling ? joining.left > 0 || joining.alone > 0 : joining.left > 0 && joining.alone > 0)
                run_pass(&joining, pass);
        }
        found_groups(&joining, tables);
        g_ptr_array_unref(joining.conversations);
        g_free(joining.absent);
        g_free(joining.relations);
    }
    give_reasons(joining.groups, tables->len);
    return joining.groups;
}

stream_conversation *
pairs_seen_by(const pair_group *group, unsigned source)
{
    for (guint i = 0; i < group->seen->len; i++) {
        stream_conversation *conversation = group->seen->pdata[i];

        if (conversation->source == source)
            return conversation;
    }
    return NULL;
}

unsigned
pairs_share(const GPtrArray *groups, unsigned one, unsigned other)
{
    unsigned count = 0;

    for (guint i = 0; i < groups->len; i++)
        count += pairs_seen_by(groups->pdata[i], one) && pairs_seen_by(groups->pdata[i], other);
    return count;
}

/* --- keys --- */

static bool
is_zero(const uint64_t random[4])
{
    return (random[0] | random[1] | random[2] | random[3]) == 0;
}

/* The parts of a key that a conversation has. */
static unsigned
parts_of(const stream_conversation *conversation)
{
    const stream_direction *client = &conversation->directions[STREAM_CLIENT];
    const stream_direction *server = &conversation->directions[STREAM_SERVER];
    bool                    is_whole = conversation->has_fin[0] || conversation->has_fin[1] || conversation->is_reset;

    return ENDS | (is_zero(conversation->client_random) ? 0 : CLIENT_RANDOM) |
           (is_zero(conversation->server_random) ? 0 : SERVER_RANDOM) | (client->has_isn ? CLIENT_ISN : 0) |
           (server->has_isn ? SERVER_ISN : 0) | (client->payload_hash ? CLIENT_PAYLOAD : 0) |
           (server->payload_hash ? SERVER_PAYLOAD : 0) | (client->head_hash ? CLIENT_HEAD : 0) |
           (server->head_hash ? SERVER_HEAD : 0) | (is_whole ? LENGTHS : 0);
}

static void
mix(uint64_t *key, uint64_t value)
{
    *key = (*key ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *key = (*key ^ *key >> 32) * UINT64_C(0xd6e8feb86659fd93);
    *key ^= *key >> 29;
}

static void
mix_octets(uint64_t *key, const void *octets, size_t length)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= length; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, (const uint8_t *)octets + i, sizeof word);
        mix(key, word);
    }
}

static void
mix_direction(uint64_t *key, unsigned parts, const stream_direction *direction, stream_side side)
{
    bool is_client = side == STREAM_CLIENT;

    if (parts & (is_client ? CLIENT_ISN : SERVER_ISN))
        mix(key, direction->isn);
    if (parts & (is_client ? CLIENT_PAYLOAD : SERVER_PAYLOAD))
        mix(key, (uint64_t)direction->hashed << 32 | direction->payload_hash);
    if (parts & (is_client ? CLIENT_HEAD : SERVER_HEAD))
        mix(key, direction->head_hash);
    if (parts & LENGTHS)
        mix(key, direction->length);
}

/* False when the conversation has not all parts. Of seeded 64 bits none come to the same by chance or by intent. */
static bool
key_of(const joining *joining, const stream_conversation *conversation, unsigned parts, uint64_t *key)
{
    if (parts & ~parts_of(conversation))
        return false;
    *key = joining->seed;
    if (parts & CLIENT_RANDOM)
        mix_octets(key, conversation->client_random, sizeof conversation->client_random);
    if (parts & SERVER_RANDOM)
        mix_octets(key, conversation->server_random, sizeof conversation->server_random);
    if (parts & ADDRESSES) {
        mix_octets(key, conversation->client, sizeof conversation->client);
        mix_octets(key, conversation->server, sizeof conversation->server);
    }
    if (parts & PORTS)
        mix(key, (uint64_t)conversation->client_port << 16 | conversation->server_port);
    for (int side = 0; side < 2; side++)
        mix_direction(key, parts, &conversation->directions[side], side);
    return true;
}

/* --- what speaks against a pair --- */

static bool
differ(const uint64_t one[4], const uint64_t other[4])
{
    return !is_zero(one) && !is_zero(other) && memcmp(one, other, 4 * sizeof *one) != 0;
}

static bool
is_known(const stream_direction *direction)
{
    return direction->has_isn || direction->first > 0;
}

/* True when some octets of a direction are the same, or may be: modulo 2^32, as nobody knows how often it went
 * round. */
static bool
overlap(const stream_direction *one, const stream_direction *other)
{
    uint32_t begin = one->isn + (uint32_t)one->first, other_begin = other->isn + (uint32_t)other->first;

    return other_begin - begin <= one->length || begin - other_begin <= other->length;
}

/* Likewise of both directions, as far as both sources know them. A lone RST tells nothing: such are alike. */
static bool
have_overlap(const stream_conversation *one, const stream_conversation *other)
{
    unsigned by_both = 0, by_any = 0;

    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];

        by_any += is_known(a) || is_known(b);
        if (!is_known(a) || !is_known(b))
            continue;
        if (!overlap(a, b))
            return false;
        by_both++;
    }
    return by_both > 0 || by_any == 0;
}

static bool
have_same_payload(const stream_conversation *one, const stream_conversation *other)
{
    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];

        if (a->hashed > 0 && a->hashed == b->hashed && a->has_isn && b->has_isn && a->payload_hash != b->payload_hash)
            return false;
    }
    return true;
}

static bool
may_be_rewritten(const relation *relation, const stream_conversation *one, const stream_conversation *other)
{
    if (relation->kept == 0 || relation->rewritten > 0)
        return true;
    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];

        if (a->has_isn && b->has_isn && a->isn != b->isn)
            return false;
    }
    return true;
}

static bool
is_in_time(const relation *relation, const stream_conversation *one, const stream_conversation *other)
{
    int64_t difference = other->first_time - one->first_time;

    return !relation->is_timed || one->first_time == 0 || other->first_time == 0 ||
           (difference >= relation->least - ASTRAY && difference <= relation->most + ASTRAY);
}

/* `one` is a member of a group, `other` the source's own. */
static bool
may_be_same(const joining *joining, const stream_conversation *one, const stream_conversation *other, unsigned also)
{
    const relation *relation = &joining->relations[one->source];

    return !differ(one->client_random, other->client_random) && !differ(one->server_random, other->server_random) &&
           (!(also & OVERLAP) || have_overlap(one, other)) &&
           (!(also & SAME_PAYLOAD) || have_same_payload(one, other)) &&
           (!(also & IN_TIME) || is_in_time(relation, one, other)) &&
           (!(also & NOT_REWRITTEN) || may_be_rewritten(relation, one, other));
}

static bool
may_join(const joining *joining, const pair_group *group, const stream_conversation *conversation, unsigned also)
{
    for (guint i = 0; i < group->seen->len; i++) {
        if (!may_be_same(joining, group->seen->pdata[i], conversation, also))
            return false;
    }
    return true;
}

/* --- joining --- */

static bool
is_joined(const joining *joining, const pair_group *group)
{
    const stream_conversation *last = group->seen->pdata[group->seen->len - 1];

    return last->source == joining->source;
}

static void
learn(relation *relation, const stream_conversation *one, const stream_conversation *other)
{
    int64_t difference = other->first_time - one->first_time;

    for (int side = 0; side < 2; side++) {
        const stream_direction *a = &one->directions[side], *b = &other->directions[side];

        if (a->has_isn && b->has_isn)
            (*(a->isn == b->isn ? &relation->kept : &relation->rewritten))++;
    }
    if (one->first_time == 0 || other->first_time == 0)
        return;
    relation->least = relation->is_timed ? MIN(relation->least, difference) : difference;
    relation->most = relation->is_timed ? MAX(relation->most, difference) : difference;
    relation->is_timed = true;
}

static void
join(joining *joining, pair_group *group, guint index, pair_basis basis)
{
    stream_conversation *conversation = joining->conversations->pdata[index];

    if (basis != PAIR_PAYLOAD) {
        for (guint i = 0; i < group->seen->len; i++) {
            const stream_conversation *member = group->seen->pdata[i];

            learn(&joining->relations[member->source], member, conversation);
        }
    }
    g_ptr_array_add(group->seen, conversation);
    group->basis = MAX(group->basis, basis);
    group->absent[joining->source] = PAIR_SEEN;
    joining->conversations->pdata[index] = NULL;
    joining->left--;
    joining->alone--;
}

static gint
by_key(gconstpointer a, gconstpointer b)
{
    const entry *one = a, *other = b;

    if (one->key != other->key)
        return one->key < other->key ? -1 : 1;
    if (one->is_conversation != other->is_conversation)
        return one->is_conversation ? 1 : -1;
    return one->index < other->index ? -1 : one->index > other->index;
}

/* All that have the key, or those of them that are free, those of each key together: first the groups, each once, then
 * the conversations, in order. */
static GArray *
entries_of(const joining *joining, unsigned parts, bool all)
{
    GArray *entries = g_array_new(FALSE, TRUE, sizeof(entry));
    guint   kept = 0;

    for (guint i = 0; i < joining->groups->len; i++) {
        const pair_group *group = joining->groups->pdata[i];
        entry             entry = { .index = i };

        for (guint k = 0; k < group->seen->len && (all || !is_joined(joining, group)); k++) {
            const stream_conversation *member = group->seen->pdata[k];

            if (member->source != joining->source && key_of(joining, member, parts, &entry.key))
                g_array_append_val(entries, entry);
        }
    }
    for (guint i = 0; i < joining->all->len; i++) {
        entry entry = { .index = i, .is_conversation = true };

        if ((all || joining->conversations->pdata[i]) && key_of(joining, joining->all->pdata[i], parts, &entry.key))
            g_array_append_val(entries, entry);
    }
    g_array_sort(entries, by_key);
    for (guint i = 0; i < entries->len; i++) {
        if (i == 0 || by_key(&g_array_index(entries, entry, i), &g_array_index(entries, entry, i - 1)) != 0)
            g_array_index(entries, entry, kept++) = g_array_index(entries, entry, i);
    }
    return g_array_set_size(entries, kept);
}

static void
tell_group(joining *joining, guint index, pair_absence absence)
{
    pair_group *group = joining->groups->pdata[index];

    if (!is_joined(joining, group))
        group->absent[joining->source] = MAX(group->absent[joining->source], absence);
}

static void
tell(joining *joining, const entry *entries, guint count, pair_absence absence)
{
    for (guint i = 0; i < count; i++) {
        if (!entries[i].is_conversation)
            tell_group(joining, entries[i].index, absence);
        else if (joining->conversations->pdata[entries[i].index])
            joining->absent[entries[i].index] = MAX(joining->absent[entries[i].index], absence);
    }
}

/* True when one side has nothing left for the other. */
static bool
are_used_up(const joining *joining, const entry *entries, guint groups, guint conversations)
{
    guint free_groups = 0, free_conversations = 0;

    for (guint i = 0; i < groups; i++)
        free_groups += !is_joined(joining, joining->groups->pdata[entries[i].index]);
    for (guint i = groups; i < groups + conversations; i++)
        free_conversations += joining->conversations->pdata[entries[i].index] != NULL;
    return free_groups == 0 || free_conversations == 0;
}

/* Those that have one key: `groups` groups, then `conversations` conversations. */
static void
pair_alike(joining *joining, size_t pass, const entry *entries, guint groups, guint conversations)
{
    guint next = 0;

    for (guint i = groups; i < groups + conversations; i++) {
        const stream_conversation *conversation = joining->conversations->pdata[entries[i].index];

        if (!conversation)
            continue;
        while (next < groups && is_joined(joining, joining->groups->pdata[entries[next].index]))
            next++;
        for (guint k = next; k < groups && k < next + TRIES; k++) {
            pair_group *group = joining->groups->pdata[entries[k].index];

            if (!is_joined(joining, group) && may_join(joining, group, conversation, passes[pass].also)) {
                join(joining, group, entries[i].index, passes[pass].basis);
                break;
            }
        }
    }
}

static void
run_pass(joining *joining, size_t pass)
{
    GArray *entries = entries_of(joining, passes[pass].key, passes[pass].is_telling);

    for (guint begin = 0, end; begin < entries->len; begin = end) {
        const entry *first = &g_array_index(entries, entry, begin);
        guint        groups = 0, conversations;

        for (end = begin; end < entries->len && g_array_index(entries, entry, end).key == first->key; end++)
            groups += !g_array_index(entries, entry, end).is_conversation;
        conversations = end - begin - groups;
        if (groups == 0 || conversations == 0)
            continue;
        if (passes[pass].several == IN_ORDER || (groups == 1 && conversations == 1) ||
            (passes[pass].several == AS_MANY && groups == conversations))
            pair_alike(joining, pass, first, groups, conversations);
        else
            tell(joining, first, end - begin, PAIR_ALIKE);
        if (passes[pass].is_telling && are_used_up(joining, first, groups, conversations))
            tell(joining, first, end - begin, PAIR_TAKEN);
    }
    g_array_unref(entries);
}

static bool
is_nameless(const stream_conversation *conversation)
{
    return (parts_of(conversation) & ~(ENDS | LENGTHS)) == 0;
}

static bool
is_sought(const GPtrArray *tables, unsigned source)
{
    return tables->pdata[source] && stream_table_conversations(tables->pdata[source])->len > 0;
}

/* What is left makes groups of its own. */
static void
found_groups(joining *joining, const GPtrArray *tables)
{
    for (guint i = 0; i < joining->conversations->len; i++) {
        stream_conversation *conversation = joining->conversations->pdata[i];
        pair_group          *group;

        if (!conversation)
            continue;
        group = g_new0(pair_group, 1);
        group->seen = g_ptr_array_new();
        g_ptr_array_add(group->seen, conversation);
        group->absent = g_new0(pair_absence, joining->sources);
        for (unsigned source = 0; source < joining->sources; source++) {
            pair_absence known = source < joining->source ? joining->absent[i] : PAIR_UNLIKE;

            if (source == joining->source)
                continue;
            if (!is_sought(tables, source))
                group->absent[source] = PAIR_NOT_SOUGHT;
            else
                group->absent[source] = MAX(known, is_nameless(conversation) ? PAIR_NAMELESS : PAIR_UNLIKE);
        }
        g_ptr_array_add(joining->groups, group);
    }
}

/* --- why they are alone --- */

static bool
extent_of(const stream_table *table, const clock_estimate *clock, int64_t *begin, int64_t *end)
{
    const GPtrArray *conversations = table ? stream_table_conversations(table) : NULL;

    *begin = INT64_MAX;
    *end = INT64_MIN;
    for (guint i = 0; conversations && i < conversations->len; i++) {
        const stream_conversation *conversation = conversations->pdata[i];

        if (conversation->first_time == 0)
            continue;
        *begin = MIN(*begin, clock_to_reference(clock, conversation->first_time));
        *end = MAX(*end, clock_to_reference(clock, conversation->last_time));
    }
    return *begin <= *end;
}

void
pairs_explain(const GPtrArray *groups, const GPtrArray *tables, const clock_estimate *clocks)
{
    for (unsigned source = 0; source < tables->len; source++) {
        int64_t begin, end;

        if (!extent_of(tables->pdata[source], &clocks[source], &begin, &end))
            continue;
        for (guint i = 0; i < groups->len; i++) {
            pair_group                *group = groups->pdata[i];
            const stream_conversation *first = group->seen->pdata[0];
            const clock_estimate      *clock = &clocks[first->source];

            if (group->absent[source] != PAIR_UNLIKE || first->first_time == 0)
                continue;
            if (clock_to_reference(clock, first->last_time) < begin ||
                clock_to_reference(clock, first->first_time) > end)
                group->absent[source] = PAIR_OUTSIDE;
        }
    }
    give_reasons(groups, tables->len);
}
