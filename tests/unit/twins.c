/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One connection captured at several points: counted once, seen by all, and each frame has its place.
 */
#include <string.h>

#include "flow/internal.h"
#include "track_support.h"

/* Captured at a point by this name, with this identity. */
static void
place(flow_conversation *conversation, const char *vantage, uint64_t identity)
{
    conversation->vantage = flow_intern(conversation->model, vantage);
    conversation->identity = identity;
}

/* The same enrolment, encrypted, at the device and, a millisecond later and with translated addresses, at the proxy. */
static void
add_twice(flow_model *model, bool is_read)
{
    static const char *const names[] = { "device", "wap" };

    for (unsigned i = 0; i < 2; i++) {
        flow_conversation *conversations[3];

        if (is_read)
            windows_read(model, i ? "203.0.113.1" : DEVICE, i ? "203.0.113.20" : WAP, i, "A1", SUCCESS, conversations);
        else
            windows_encrypted(model, i ? "203.0.113.1" : DEVICE, i ? "203.0.113.20" : WAP, NAME, i, conversations);
        for (unsigned j = 0; j < 3; j++)
            place(conversations[j], names[i], 100 + j);
    }
}

static void
test_once(void)
{
    for (unsigned is_read = 0; is_read < 2; is_read++) {
        flow_model           *model = new_model(NULL);
        const flow_result    *result;
        const flow_enrolment *enrolment;

        add_twice(model, is_read);
        result = evaluate(model, 60000);
        g_assert_cmpuint(result->enrolments->len, ==, 1);
        enrolment = enrolment_of(result, 1);
        g_assert_cmpint(enrolment->verdict, ==, FLOW_COMPLETE);
        g_assert_cmpstr(enrolment->device, ==, DEVICE);
        g_assert_cmpuint(enrolment->parts->len, ==, 3);
        for (guint i = 0; i < enrolment->steps->len; i++) {
            const flow_expectation *expected = enrolment->steps->pdata[i];

            if (expected->state == FLOW_OK)
                g_assert_cmpstr(expected->seen_by, ==, "device, wap");
        }
        flow_model_free(model);
    }
}

/* Twins have parts of their own, with their own frames. */
static void
test_places(void)
{
    flow_model          *model = new_model(NULL);
    flow_conversation   *twin;
    const flow_part     *part;
    const flow_part_step *step;
    flow_position        position;

    add_twice(model, true);
    evaluate(model, 60000);
    twin = model->conversations->pdata[4]; /* the second conversation at the proxy */
    g_assert_true(twin->twin == model->conversations->pdata[1]);
    part = part_of(twin);
    g_assert_true(part->conversation == twin);
    g_assert_cmpuint(part->number, ==, 2);
    assert_roles(part, "discovery");
    step = &g_array_index(part->steps, flow_part_step, part->steps->len - 1);
    g_assert_true(step->exchange->conversation == twin);
    flow_position_of(part, step->begin.frame, FLOW_CLIENT, &position);
    g_assert_cmpint(position.step, ==, step->step);
    assert_contains(position.sentence, "Conversation 2 of 3 on device-wap");
    g_free(position.sentence);
    flow_model_free(model);
}

/* The one that could be read counts, wherever it was captured. */
static void
test_read_counts(void)
{
    flow_model        *model = new_model(NULL);
    flow_conversation *encrypted[3], *read[3];

    windows_encrypted(model, DEVICE, WAP, NAME, 0, encrypted);
    windows_read(model, DEVICE, WAP, 1, "A1", SUCCESS, read);
    for (unsigned i = 0; i < 3; i++) {
        place(encrypted[i], "device", 7 + i);
        place(read[i], "wap", 7 + i);
    }
    g_assert_cmpuint(evaluate(model, 60000)->enrolments->len, ==, 1);
    g_assert_true(encrypted[0]->twin == read[0]);
    g_assert_null(read[0]->twin);
    g_assert_cmpint(part_of(read[0])->basis, ==, FLOW_DECRYPTED);
    flow_model_free(model);
}

/* What may be by chance or is one point's own stays apart: no identity, the same point, no points. */
static void
test_apart(void)
{
    static const struct {
        const char *first, *second;
        uint64_t    identities[2];
    } cases[] = { { "a", "b", { 0, 0 } }, { "a", "b", { 1, 2 } }, { "a", "a", { 1, 1 } }, { NULL, NULL, { 1, 1 } } };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        flow_model        *model = new_model(NULL);
        flow_conversation *one = device_read(model, DEVICE, 0, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT,
                                             SUCCESS);
        flow_conversation *other = device_read(model, OTHER_DEVICE, 5, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca",
                                               ANDROID_AGENT, SUCCESS);

        place(one, cases[i].first, cases[i].identities[0]);
        place(other, cases[i].second, cases[i].identities[1]);
        g_assert_cmpuint(evaluate(model, 60000)->enrolments->len, ==, 2);
        flow_model_free(model);
    }
}

/* Three points: one counts, two are its twins. */
static void
test_three(void)
{
    static const char *const names[] = { "device", "router", "wap" };
    flow_model              *model = new_model(NULL);
    flow_conversation       *all[3];

    for (unsigned i = 0; i < 3; i++) {
        all[i] = device_read(model, DEVICE, i, FLOW_GET_CA_CERT, FLOW_GET_CA_CAPS, "ca", ANDROID_AGENT, SUCCESS);
        place(all[i], names[i], 5);
    }
    g_assert_cmpuint(evaluate(model, 60000)->enrolments->len, ==, 1);
    g_assert_true(all[1]->twin == all[0] && all[2]->twin == all[0]);
    g_assert_cmpstr(((flow_expectation *)enrolment_of(flow_evaluate(model), 1)->steps->pdata[1])->seen_by, ==,
                    "device, router, wap");
    flow_model_free(model);
}

/* A connection whose SYN is captured at two points has a track at each: nothing of it counts as sent again. */
static void
test_tracks(void)
{
    connection        *here = new_connection(), there;
    flow_conversation *one, *other;

    there = *here;
    there.point = 3;
    one = send_flags(here, FLOW_CLIENT, SYN);
    there.frame = here->frame;
    other = send_flags(&there, FLOW_CLIENT, SYN);
    g_assert_true(one != other);
    here->frame = there.frame;
    send_flags(here, FLOW_SERVER, SYN_ACK);
    there.frame = here->frame;
    send_flags(&there, FLOW_SERVER, SYN_ACK);
    here->frame = there.frame;
    g_assert_true(send_flags(here, FLOW_CLIENT, ACK) == one);
    there.frame = here->frame;
    g_assert_true(send_flags(&there, FLOW_CLIENT, ACK) == other);
    g_assert_cmpuint(one->syn_repeats, ==, 0);
    g_assert_cmpuint(other->syn_repeats, ==, 0);
    g_assert_cmpuint(one->identity, !=, 0);
    g_assert_cmpuint(one->identity, ==, other->identity);
    end(here);
}

/* The two directions of one connection on two interfaces of one machine are one connection. */
static void
test_interfaces(void)
{
    connection        *here = new_connection();
    flow_conversation *one = send_flags(here, FLOW_CLIENT, SYN);

    here->point = 1;
    g_assert_true(send_flags(here, FLOW_SERVER, SYN_ACK) == one);
    here->point = 0;
    g_assert_true(send_flags(here, FLOW_CLIENT, ACK) == one);
    end(here);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/twins/once", test_once);
    g_test_add_func("/twins/places", test_places);
    g_test_add_func("/twins/read-counts", test_read_counts);
    g_test_add_func("/twins/apart", test_apart);
    g_test_add_func("/twins/three", test_three);
    g_test_add_func("/twins/tracks", test_tracks);
    g_test_add_func("/twins/interfaces", test_interfaces);
    return g_test_run();
}
