/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Evidence made by hand.
 */
#include "flow_support.h"

#include <string.h>

#include "flow/knowledge.h"

enum { HTTP_OK = 200, HTTP_CREATED = 201, HTTP_NO_CONTENT = 204, FIRST_PORT = 50000, DYNAMIC_PORT = 49700 };

/* [MS-WCCE] 3.2.1.4.2.1.1: CR_DISP_ISSUED */
enum { ISSUED = 3 };

flow_moment
at(int64_t time)
{
    return (flow_moment){ (uint32_t)time + 1, BEGIN + time * MILLISECOND };
}

const flow_knowledge *
built_in(void)
{
    static flow_knowledge *knowledge;

    if (!knowledge) {
        GPtrArray *problems = g_ptr_array_new_with_free_func(g_free);

        knowledge = flow_knowledge_new(NULL, problems);
        g_assert_cmpuint(problems->len, ==, 0);
        g_ptr_array_unref(problems);
    }
    return knowledge;
}

flow_model *
new_model(const char *servers)
{
    flow_settings settings = { .servers = servers, .expected_flow = "auto", .vantage = "auto" };

    return flow_model_new(built_in(), &settings);
}

const flow_result *
evaluate(flow_model *model, int64_t time)
{
    flow_model_saw_frame(model, at(time).frame, at(time).time);
    return flow_evaluate(model);
}

const flow_enrolment *
enrolment_of(const flow_result *result, unsigned number)
{
    const flow_enrolment *enrolment;

    g_assert_cmpuint(result->enrolments->len, >=, number);
    enrolment = result->enrolments->pdata[number - 1];
    g_assert_cmpuint(enrolment->number, ==, number);
    return enrolment;
}

const flow_part *
part_of(const flow_conversation *conversation)
{
    const GPtrArray *parts = flow_parts_of(conversation);

    g_assert_nonnull(parts);
    g_assert_cmpuint(parts->len, ==, 1);
    return parts->pdata[0];
}

/* Each has a stream number and a port of the client of its own. */
static flow_conversation *
add(flow_model *model, const char *client, const char *server, int64_t time)
{
    static unsigned count;

    count++;
    return flow_add_conversation(model, count, client, (uint16_t)(FIRST_PORT + count), server, 443, NULL, at(time));
}

static void
reach(flow_conversation *conversation, int64_t time)
{
    if (at(time).frame > conversation->last.frame)
        conversation->last = at(time);
    flow_model_saw_frame(conversation->model, at(time).frame, at(time).time);
    flow_changed(conversation);
}

flow_conversation *
begin_with_syn(flow_model *model, const char *client, const char *server, int64_t time)
{
    flow_conversation *conversation = add(model, client, server, time);

    conversation->syn = at(time);
    conversation->has_start = true;
    reach(conversation, time);
    return conversation;
}

flow_conversation *
begin(flow_model *model, const char *client, const char *server, const char *name, int64_t time)
{
    flow_conversation *conversation = begin_with_syn(model, client, server, time);

    conversation->syn_ack = at(time + 1);
    conversation->established = at(time + 2);
    conversation->is_tls = true;
    conversation->flight = FLOW_FLIGHT_FINISHED;
    conversation->offered_version = conversation->version = 0x0303;
    conversation->server_name = flow_intern(model, name);
    conversation->client_hello = at(time + 3);
    conversation->server_hello = at(time + 4);
    conversation->tls_established = at(time + 10);
    conversation->octets[FLOW_CLIENT] = 500;
    conversation->octets[FLOW_SERVER] = 3000;
    reach(conversation, time + 10);
    return conversation;
}

void
finish(flow_conversation *conversation, int64_t time)
{
    conversation->fin[FLOW_CLIENT] = at(time);
    conversation->fin[FLOW_SERVER] = at(time + 1);
    reach(conversation, time + 1);
}

void
refuse(flow_conversation *conversation, int64_t time)
{
    conversation->reset = at(time);
    conversation->reset_by = FLOW_SERVER;
    reach(conversation, time);
}

void
turn(flow_conversation *conversation, int64_t time, uint32_t request, uint32_t octets, int64_t wait)
{
    flow_turn one = {
        .request = at(time), .request_end = at(time), .octets = { request, octets }, .records = { 1, 0 }
    };

    if (octets > 0) {
        one.response = one.response_end = at(time + wait);
        one.records[FLOW_SERVER] = 1;
        one.first_records[0] = (uint16_t)(octets - 5);
    }
    if (!conversation->turns)
        conversation->turns = g_array_new(FALSE, FALSE, sizeof(flow_turn));
    g_array_append_val(conversation->turns, one);
    for (int side = 0; side < 2; side++) {
        conversation->octets[side] += one.octets[side];
        conversation->records[side] += one.records[side];
    }
    reach(conversation, octets > 0 ? time + wait : time);
}

flow_exchange *
ask(flow_conversation *conversation, int64_t time, flow_step step, const char *message, const char *user_agent)
{
    flow_exchange *exchange = flow_add_exchange(conversation, FLOW_DECRYPTED, at(time));

    conversation->is_readable = true;
    exchange->step = step;
    exchange->operation = flow_operation_name(step);
    exchange->message = message;
    exchange->user_agent = user_agent;
    exchange->request_octets = step == FLOW_PKI_OPERATION ? OPERATION : SMALL_REQUEST;
    reach(conversation, time);
    return exchange;
}

flow_exchange *
ask_operation(flow_conversation *conversation, int64_t time, const char *transaction, int message_type,
              const char *user_agent)
{
    flow_exchange *exchange = ask(conversation, time, FLOW_PKI_OPERATION, NULL, user_agent);

    exchange->is_post = true;
    exchange->transaction_id = flow_intern(conversation->model, transaction);
    exchange->message_type = message_type;
    return exchange;
}

void
answer(flow_exchange *exchange, int64_t time, int http_status)
{
    exchange->response = exchange->response_end = at(time);
    exchange->http_status = http_status;
    exchange->is_answer_readable = http_status == HTTP_OK;
    exchange->response_octets = exchange->step == FLOW_PKI_OPERATION  ? OPERATION_ANSWER
                                : exchange->step == FLOW_GET_CA_CERT ? CERT_ANSWER
                                                                     : CAPS_ANSWER;
    reach(exchange->conversation, time);
}

void
answer_operation(flow_exchange *exchange, int64_t time, int pki_status)
{
    answer(exchange, time, HTTP_OK);
    exchange->pki_status = pki_status;
}

void
windows_encrypted(flow_model *model, const char *client, const char *server, const char *name, int64_t time,
                  flow_conversation *conversations[3])
{
    flow_conversation *own[3];

    for (int i = 0; i < 3; i++)
        own[i] = begin(model, client, server, name, time + (const int[]){ 0, 2000, 6000 }[i]);
    turn(own[0], time + 20, SMALL_REQUEST, CERT_ANSWER, 10);
    turn(own[0], time + 40, SMALL_REQUEST, CAPS_ANSWER, 10);
    finish(own[0], time + 60);
    turn(own[1], time + 2020, SMALL_REQUEST, CAPS_ANSWER, 10);
    turn(own[1], time + 2040, SMALL_REQUEST, CERT_ANSWER, 10);
    finish(own[1], time + 2060);
    turn(own[2], time + 6020, OPERATION, OPERATION_ANSWER, 500);
    finish(own[2], time + 6540);
    if (conversations)
        memcpy(conversations, own, sizeof own);
}

void
windows_read(flow_model *model, const char *client, const char *server, int64_t time, const char *transaction,
             int pki_status, flow_conversation *conversations[3])
{
    flow_conversation *own[3];

    for (int i = 0; i < 3; i++)
        own[i] = begin(model, client, server, NAME, time + (const int[]){ 0, 2000, 6000 }[i]);
    answer(ask(own[0], time + 20, FLOW_GET_CA_CERT, "MDM", NULL), time + 30, HTTP_OK);
    answer(ask(own[0], time + 40, FLOW_GET_CA_CAPS, "MDM", NULL), time + 50, HTTP_OK);
    finish(own[0], time + 60);
    answer(ask(own[1], time + 2020, FLOW_GET_CA_CAPS, "default", WINDOWS_AGENT), time + 2030, HTTP_OK);
    answer(ask(own[1], time + 2040, FLOW_GET_CA_CERT, "default", WINDOWS_AGENT), time + 2050, HTTP_OK);
    finish(own[1], time + 2060);
    answer_operation(ask_operation(own[2], time + 6020, transaction, PKCS_REQ, WINDOWS_AGENT), time + 6520, pki_status);
    finish(own[2], time + 6540);
    if (conversations)
        memcpy(conversations, own, sizeof own);
}

flow_conversation *
device_read(flow_model *model, const char *client, int64_t time, flow_step first, flow_step second, const char *message,
            const char *user_agent, int pki_status)
{
    flow_conversation *conversation = begin(model, client, WAP, NAME, time);
    char              *transaction = g_strdup_printf("%s at %" G_GINT64_FORMAT, client, time);

    answer(ask(conversation, time + 20, first, message, user_agent), time + 30, HTTP_OK);
    answer(ask(conversation, time + 120, second, message, user_agent), time + 130, HTTP_OK);
    answer_operation(ask_operation(conversation, time + 220, transaction, PKCS_REQ, user_agent), time + 320,
                     pki_status);
    finish(conversation, time + 330);
    g_free(transaction);
    return conversation;
}

flow_exchange *
operation_at_ndes(flow_model *model, int64_t time, const char *transaction, int64_t wait)
{
    flow_conversation *conversation = begin(model, WAP_INSIDE, NDES, INNER_NAME, time - 20);
    flow_exchange     *exchange = ask_operation(conversation, time, transaction, PKCS_REQ, NULL);

    if (wait > 0)
        answer_operation(exchange, time + wait, SUCCESS);
    return exchange;
}

flow_exchange *
call(flow_conversation *conversation, int64_t time, flow_step step, const char *transaction, int64_t wait)
{
    flow_exchange *exchange = ask(conversation, time, step, NULL, "NDES_Plugin");

    exchange->is_post = true;
    exchange->product = "ConfigMgr";
    exchange->transaction_id = flow_intern(conversation->model, transaction);
    exchange->request_octets = step == FLOW_NOTIFY ? NOTIFY : VERIFY;
    if (wait > 0) {
        answer(exchange, time + wait, step == FLOW_NOTIFY ? HTTP_NO_CONTENT : HTTP_CREATED);
        exchange->response_octets = step == FLOW_NOTIFY ? NOTIFY_ANSWER : VERIFY_ANSWER;
        exchange->is_answer_readable = true;
        exchange->verified = step == FLOW_NOTIFY ? -1 : 1;
    }
    return exchange;
}

flow_conversation *
begin_rpc(flow_model *model, const char *client, int64_t time)
{
    flow_conversation *conversation = begin_with_syn(model, client, CA, time);

    conversation->server.port = DYNAMIC_PORT;
    conversation->syn_ack = at(time + 1);
    conversation->established = at(time + 2);
    conversation->is_rpc = conversation->is_readable = true;
    conversation->rpc_interface = "ICertRequestD";
    reach(conversation, time + 2);
    return conversation;
}

flow_exchange *
rpc_call(flow_conversation *conversation, int64_t time, int64_t wait)
{
    flow_exchange *exchange = ask(conversation, time, FLOW_CA_ISSUE, NULL, NULL);

    if (wait > 0) {
        answer(exchange, time + wait, 0);
        exchange->is_answer_readable = true;
        exchange->disposition = ISSUED;
    }
    return exchange;
}

void
verify_turn(flow_conversation *conversation, int64_t time, int64_t wait)
{
    turn(conversation, time, VERIFY, VERIFY_ANSWER, wait);
}

void
notify_turn(flow_conversation *conversation, int64_t time, int64_t wait)
{
    turn(conversation, time, NOTIFY, NOTIFY_ANSWER, wait);
}

void
break_off(flow_conversation *conversation, int64_t time, flow_side by, int alert)
{
    conversation->tls_established = (flow_moment){ 0, 0 };
    conversation->flight = FLOW_FLIGHT_SERVER_DONE;
    conversation->alert = at(time);
    conversation->alert_by = by;
    conversation->alert_level = 2;
    conversation->alert_description = alert;
    finish(conversation, time + 1);
}

static void
append_step(GString *text, flow_step step, flow_state state)
{
    g_string_append_printf(text, "%s%s %s", text->len ? ", " : "", flow_step_name(step), flow_state_name(state));
}

static void
assert_text(GString *text, const char *expected)
{
    g_assert_cmpstr(text->str, ==, expected);
    g_string_free(text, TRUE);
}

void
assert_steps(const flow_enrolment *enrolment, const char *expected)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *one = enrolment->steps->pdata[i];

        append_step(text, one->step, one->state);
    }
    assert_text(text, expected);
}

void
assert_part_steps(const flow_part *part, const char *expected)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < part->steps->len; i++) {
        const flow_part_step *one = &g_array_index(part->steps, flow_part_step, i);

        append_step(text, one->step, one->state);
    }
    assert_text(text, expected);
}

void
assert_roles(const flow_part *part, const char *expected)
{
    char *roles = g_strjoinv(",", (char **)part->roles);

    g_assert_cmpstr(roles, ==, expected);
    g_free(roles);
}

flow_state
state_of_step(const flow_enrolment *enrolment, flow_step step)
{
    for (guint i = 0; i < enrolment->steps->len; i++) {
        const flow_expectation *one = enrolment->steps->pdata[i];

        if (one->step == step)
            return one->state;
    }
    g_assert_not_reached();
}

void
assert_contains(const char *text, const char *part)
{
    g_assert_nonnull(text);
    if (!strstr(text, part))
        g_error("\"%s\" is not in \"%s\"", part, text);
}

unsigned
count_findings(const flow_enrolment *enrolment, const char *id)
{
    unsigned count = 0;

    for (guint i = 0; i < enrolment->findings->len; i++)
        count += strcmp(((const flow_finding *)enrolment->findings->pdata[i])->id, id) == 0;
    return count;
}

const flow_finding *
finding_of(const flow_enrolment *enrolment, const char *id)
{
    for (guint i = 0; i < enrolment->findings->len; i++) {
        const flow_finding *finding = enrolment->findings->pdata[i];

        if (strcmp(finding->id, id) == 0)
            return finding;
    }
    return NULL;
}
