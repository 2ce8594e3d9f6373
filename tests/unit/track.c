/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a conversation tells, from segments made by hand: lengths of TLS records are those of openssl 3 with
 * ECDHE-RSA-AES256-GCM-SHA384 and TLS_AES_256_GCM_SHA384.
 */
#include "track_support.h"

#include <string.h>

/* --- TCP --- */

static void
test_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    g_assert_true(one->place.is_new && one->place.from == FLOW_CLIENT);
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_cmpuint(conversation->client.port, ==, 50000);
    g_assert_cmpstr(conversation->server.address, ==, WAP);
    g_assert_cmpuint(conversation->server.port, ==, 443);
    g_assert_true(conversation->has_start);
    g_assert_cmpuint(conversation->established.frame, ==, 0);
    g_assert_true(send_flags(one, FLOW_SERVER, SYN_ACK) == conversation);
    g_assert_true(!one->place.is_new && one->place.from == FLOW_SERVER);
    g_assert_cmpuint(conversation->established.frame, ==, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_cmpuint(conversation->syn.frame, ==, 1);
    g_assert_cmpuint(conversation->syn_ack.frame, ==, 2);
    g_assert_cmpuint(conversation->established.frame, ==, 3);
    g_assert_cmpuint(conversation->syn_repeats, ==, 0);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_ESTABLISHED);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_NONE);
    assert_story(conversation, "TCP handshake in 2.0 ms; still open after 2.0 ms");
    end(one);
}

static void
test_refused(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    send_flags(one, FLOW_SERVER, RST);
    g_assert_cmpuint(conversation->reset.frame, ==, 2);
    g_assert_true(conversation->reset_by == FLOW_SERVER);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_REFUSED);
    assert_story(conversation, "the server refuses the connection");
    end(one);
}

static void
test_no_answer(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);

    for (int i = 0; i < 3; i++) {
        one->sequence[FLOW_CLIENT]--; /* the same SYN */
        one->time += 1000 << i;
        g_assert_true(send_flags(one, FLOW_CLIENT, SYN) == conversation);
    }
    g_assert_cmpuint(conversation->syn_repeats, ==, 3);
    g_assert_cmpuint(conversation->syn.frame, ==, 1);
    g_assert_cmpuint(conversation->last.frame, ==, 4);
    g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_NO_ANSWER);
    assert_story(conversation, "nobody answers the SYN, sent 4 times");
    end(one);
}

static void
test_reset(void)
{
    for (int by = FLOW_CLIENT; by <= FLOW_SERVER; by++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);

        send_flags(one, (flow_side)by, RST);
        g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_RESET);
        g_assert_true(conversation->reset_by == (flow_side)by);
        g_assert_cmpuint(conversation->reset.frame, ==, 4);
        assert_story(conversation, by == FLOW_CLIENT ? "TCP handshake in 2.0 ms; reset by the client after 3.0 ms"
                                                     : "TCP handshake in 2.0 ms; reset by the server after 3.0 ms");
        /* The first tells. */
        send_flags(one, (flow_side)(1 - by), RST);
        g_assert_true(conversation->reset_by == (flow_side)by);
        end(one);
    }
}

static void
test_fin(void)
{
    for (int first = FLOW_CLIENT; first <= FLOW_SERVER; first++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);

        send_flags(one, (flow_side)first, FIN);
        g_assert_cmpuint(conversation->fin[first].frame, ==, 4);
        g_assert_cmpuint(conversation->fin[1 - first].frame, ==, 0);
        send_flags(one, (flow_side)(1 - first), FIN);
        g_assert_cmpuint(conversation->fin[1 - first].frame, ==, 5);
        g_assert_true(flow_tcp_state_of(conversation) == FLOW_TCP_CLOSED);
        assert_story(conversation, first == FLOW_CLIENT ? "TCP handshake in 2.0 ms; closed by the client after 4.0 ms"
                                                        : "TCP handshake in 2.0 ms; closed by the server after 4.0 ms");
        end(one);
    }
}

/* A new connection between the same ends: a SYN with another number, whether the one before was closed or not. */
static void
test_port_reuse(void)
{
    for (int is_closed = 0; is_closed < 2; is_closed++) {
        connection        *one = new_connection();
        flow_conversation *first = handshake_tcp(one), *second;
        track_place        place = one->place;
        wire_segment       segment = { .ip_version = 4,
                                       .source = one->addresses[FLOW_CLIENT],
                                       .destination = one->addresses[FLOW_SERVER],
                                       .source_port = one->ports[FLOW_CLIENT],
                                       .destination_port = one->ports[FLOW_SERVER] };

        if (is_closed) {
            send_flags(one, FLOW_CLIENT, FIN);
            send_flags(one, FLOW_SERVER, FIN);
        }
        one->sequence[FLOW_CLIENT] += 100000;
        second = send_flags(one, FLOW_CLIENT, SYN);
        g_assert_true(second != first && one->place.is_new);
        g_assert_true(send_flags(one, FLOW_SERVER, SYN_ACK) == second);
        g_assert_cmpuint(first->syn_repeats, ==, 0);
        g_assert_cmpuint(first->last.frame, ==, is_closed ? 5 : 3);
        /* Frames of the first are found in the first. */
        g_assert_true(tracker_find(one->all, &segment, 3).track == place.track);
        g_assert_true(tracker_find(one->all, &segment, one->frame).track == one->place.track);
        segment.source_port++;
        g_assert_null(tracker_find(one->all, &segment, 3).track);
        end(one);
    }
}

static void
test_retransmissions(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    uint64_t           octets = conversation->octets[FLOW_SERVER];
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 1000);
    static const uint8_t zero;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, answer->len, answer->len, 0);
    for (int i = 0; i < 2; i++)
        send_part(one, FLOW_SERVER, ACK, answer->data, answer->len, answer->len, -(int32_t)answer->len);
    g_assert_cmpuint(conversation->retransmissions[FLOW_SERVER], ==, 2);
    g_assert_cmpuint(conversation->retransmissions[FLOW_CLIENT], ==, 0);
    g_assert_cmpuint(conversation->octets[FLOW_SERVER], ==, octets + answer->len);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 1005);
    /* A keep-alive is none. */
    octets = conversation->octets[FLOW_CLIENT];
    send_part(one, FLOW_CLIENT, ACK, &zero, 1, 1, -1);
    g_assert_cmpuint(conversation->retransmissions[FLOW_CLIENT], ==, 0);
    g_assert_cmpuint(conversation->octets[FLOW_CLIENT], ==, octets);
    g_assert_false(conversation->has_losses);
    g_byte_array_unref(answer);
    end(one);
}

/* Segments that change places are no loss. */
static void
test_early(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 2000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data + 1000, 1005, 1005, 1000);
    g_assert_cmpuint(turn_at(conversation, 0)->response.frame, ==, 0);
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1005;
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_false(conversation->has_losses);
    g_assert_cmpuint(conversation->retransmissions[FLOW_SERVER], ==, 0);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2005);
    g_byte_array_unref(answer);
    end(one);
}

/* A segment that was acknowledged and is not in the capture: the answer has its octets all the same. */
static void
test_lost(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 3000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1000; /* lost */
    send_part(one, FLOW_SERVER, ACK, answer->data + 2000, 1005, 1005, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_true(conversation->has_losses);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 195));
    g_assert_cmpuint(conversation->turns->len, ==, 2);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], >=, 3005);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], <=, 4005);
    g_assert_cmpuint(turn_at(conversation, 1)->octets[FLOW_SERVER], ==, 200);
    g_byte_array_unref(answer);
    end(one);
}

/* The octets of the segment that is missing belong to the record whose header came: they count once. */
static void
test_lost_counts_once(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 3000);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_part(one, FLOW_SERVER, ACK, answer->data, 1000, 1000, 0);
    one->sequence[FLOW_SERVER] += 1000;
    send_part(one, FLOW_SERVER, ACK, answer->data + 2000, 1005, 1005, 0);
    send_flags(one, FLOW_CLIENT, ACK);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 3005);
    g_byte_array_unref(answer);
    end(one);
}

/* Frames that were cut when they were captured. */
static void
test_cut(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    GByteArray        *answer = opaque(WIRE_TLS_APPLICATION_DATA, 1395);

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    for (int i = 0; i < 2; i++)
        send_part(one, FLOW_SERVER, ACK, answer->data, 20, answer->len, 0);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2800);
    g_assert_cmpuint(turn_at(conversation, 0)->records[FLOW_SERVER], ==, 2);
    g_byte_array_unref(answer);
    end(one);
}

static void
test_ipv6(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation;

    set_ends(one, "2001:db8:0:1::10", 50000, "2001:db8:0:1::20", 443);
    conversation = handshake_tls12(one, NAME);
    g_assert_cmpstr(conversation->client.address, ==, "2001:db8:0:1::10");
    g_assert_cmpstr(conversation->server.address, ==, "2001:db8:0:1::20");
    g_assert_cmpuint(conversation->tls_established.frame, ==, 7);
    end(one);
}

/* The capture begins in the middle: the server is the one with the port of a service, or that answered a SYN. */
static void
test_middle(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation;

    conversation = send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 500));
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_true(one->place.from == FLOW_SERVER);
    g_assert_false(conversation->has_start);
    g_assert_null(conversation->turns); /* an answer whose request is not there */
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 195));
    g_assert_true(conversation->is_tls);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_ESTABLISHED);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 200);
    assert_story(conversation, "begun before the capture; TLS; still open after 2.0 ms");
    end(one);

    one = new_connection();
    set_ends(one, DEVICE, 443, WAP, 50000); /* whatever the ports */
    conversation = send_flags(one, FLOW_SERVER, SYN_ACK);
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_true(one->place.from == FLOW_SERVER);
    end(one);

    one = new_connection();
    set_ends(one, DEVICE, 443, WAP, 50000);
    conversation = send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    g_assert_cmpstr(conversation->client.address, ==, DEVICE);
    g_assert_cmpstr(conversation->server_name, ==, NAME);
    end(one);
}

/* --- TLS --- */

static void
test_tls12(void)
{
    static const char *const offered[] = { "h2", "http/1.1", NULL };
    connection              *one = new_connection();
    flow_conversation       *conversation = handshake_tcp(one);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, offered));
    g_assert_true(conversation->is_tls);
    g_assert_true(conversation->flight == FLOW_FLIGHT_CLIENT_HELLO);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_HANDSHAKING);
    g_assert_cmpstr(conversation->server_name, ==, NAME);
    g_assert_true(conversation->offers_h2);
    g_assert_cmphex(conversation->offered_version, ==, 0x0303);
    send_data(one, FLOW_SERVER, server_flight(false));
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    g_assert_cmphex(conversation->version, ==, 0x0303);
    g_assert_cmphex(conversation->cipher_suite, ==, 0xc030);
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_assert_false(conversation->certificate_requested);
    send_data(one, FLOW_CLIENT, client_flight());
    g_assert_true(conversation->flight == FLOW_FLIGHT_CLIENT_FINISHED);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    send_data(one, FLOW_SERVER, finished());
    g_assert_true(conversation->flight == FLOW_FLIGHT_FINISHED);
    g_assert_cmpuint(conversation->client_hello.frame, ==, 4);
    g_assert_cmpuint(conversation->server_hello.frame, ==, 5);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 7);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_ESTABLISHED);
    g_assert_false(conversation->is_resumed);
    g_assert_cmpuint(conversation->renegotiations, ==, 0);
    g_assert_null(conversation->turns);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_ALERT, ENCRYPTED_ALERT));
    g_assert_true(conversation->alert_is_closing);
    g_assert_cmpuint(conversation->turns->len, ==, 1);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
    g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 240);
    g_assert_cmpuint(turn_at(conversation, 0)->request.frame, ==, 8);
    g_assert_cmpuint(turn_at(conversation, 0)->response_end.frame, ==, 9);
    assert_story(conversation, "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, handshake in 3.0 ms; "
                               "still open after 9.0 ms");
    end(one);
}

/* The server's first flight in single octets comes to the same. */
static void
test_single_octets(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *flight = server_flight(false);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    for (guint i = 0; i < flight->len; i++)
        send_part(one, FLOW_SERVER, ACK, flight->data + i, 1, 1, 0);
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_byte_array_unref(flight);
    end(one);
}

static void
test_resumed(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *flight = g_byte_array_new();

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    add_server_hello(flight, 0x0303, "http/1.1");
    add_finished(flight);
    send_data(one, FLOW_SERVER, flight);
    g_assert_true(conversation->is_resumed);
    g_assert_cmpstr(conversation->protocol, ==, "http/1.1");
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    send_data(one, FLOW_CLIENT, finished());
    g_assert_cmpuint(conversation->tls_established.frame, ==, 6);
    g_assert_true(conversation->is_resumed);
    g_assert_null(conversation->certificate);
    assert_story(conversation, "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, resumed, handshake in 2.0 ms; "
                               "still open after 5.0 ms");
    end(one);
}

static void
test_tls13(void)
{
    static const unsigned lengths[] = { FINISHED_13, FINISHED_13_SHA256 };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls13(one, lengths[i]);
        GByteArray        *octets = g_byte_array_new();

        g_assert_cmphex(conversation->offered_version, ==, 0x0304);
        g_assert_cmphex(conversation->version, ==, 0x0304);
        g_assert_cmphex(conversation->cipher_suite, ==, 0x1302);
        g_assert_cmpuint(conversation->server_hello.frame, ==, 5);
        g_assert_cmpuint(conversation->tls_established.frame, ==, 6);
        g_assert_true(conversation->flight == FLOW_FLIGHT_FINISHED);
        g_assert_null(conversation->turns); /* nothing was asked yet */
        g_assert_false(conversation->is_resumed);
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        add_opaque(octets, WIRE_TLS_APPLICATION_DATA, TICKET_13);
        add_opaque(octets, WIRE_TLS_APPLICATION_DATA, TICKET_13);
        send_data(one, FLOW_SERVER, octets);
        send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
        g_assert_cmpuint(conversation->turns->len, ==, 1);
        g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_CLIENT], ==, 300);
        g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, 2 * (TICKET_13 + 5) + 240);
        g_assert_cmpuint(turn_at(conversation, 0)->records[FLOW_SERVER], ==, 3);
        g_assert_cmpuint(turn_at(conversation, 0)->first_records[0], ==, TICKET_13);
        g_assert_cmpuint(turn_at(conversation, 0)->first_records[1], ==, TICKET_13);
        /* Goodbye. */
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, ALERT_13));
        g_assert_true(conversation->alert_is_closing);
        g_assert_cmpint(conversation->alert_description, ==, -1);
        g_assert_cmpuint(conversation->turns->len, ==, 1);
        end(one);
    }
}

/* Instead of its Finished the client sends an alert, which with TLS 1.3 nobody can read. */
static void
test_tls13_rejected(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *octets = opaque(WIRE_TLS_CHANGE_CIPHER_SPEC, 1);

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0304, NULL));
    send_data(one, FLOW_SERVER, server_flight13(FINISHED_13));
    g_assert_true(conversation->flight == FLOW_FLIGHT_SERVER_DONE);
    add_opaque(octets, WIRE_TLS_APPLICATION_DATA, ALERT_13);
    send_data(one, FLOW_CLIENT, octets);
    g_assert_cmpuint(conversation->alert.frame, ==, 6);
    g_assert_true(conversation->alert_by == FLOW_CLIENT);
    g_assert_false(conversation->alert_is_closing);
    g_assert_cmpint(conversation->alert_description, ==, -1);
    g_assert_cmpuint(conversation->tls_established.frame, ==, 0);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS 1.3 with scep.contoso.com, handshake failed; the client sent "
                 "an encrypted alert; still open after 5.0 ms");
    /* Unless someone else could read it. */
    track_decrypted_alert(one->place, 2, 48, (flow_moment){ 6, BEGIN });
    g_assert_cmpint(conversation->alert_description, ==, 48);
    g_assert_false(conversation->alert_is_closing);
    end(one);
}

static void
test_alert(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);
    GByteArray        *fragment = g_byte_array_new(), *octets = g_byte_array_new();

    send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
    send_data(one, FLOW_SERVER, server_flight(false));
    add_number(fragment, 2, 1);
    add_number(fragment, 48, 1);
    add_record(octets, WIRE_TLS_ALERT, fragment);
    send_data(one, FLOW_CLIENT, octets);
    send_flags(one, FLOW_CLIENT, FIN);
    g_assert_cmpuint(conversation->alert.frame, ==, 6);
    g_assert_true(conversation->alert_by == FLOW_CLIENT);
    g_assert_cmpint(conversation->alert_level, ==, 2);
    g_assert_cmpint(conversation->alert_description, ==, 48);
    g_assert_false(conversation->alert_is_closing);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS 1.2 with scep.contoso.com, handshake failed; certificate "
                 "CN=scep.contoso.com of CN=Contoso CA; the client sent alert unknown_ca (48): it does not trust the "
                 "certificate's issuer; closed by the client after 6.0 ms");
    end(one);
}

static void
test_client_certificate(void)
{
    for (int is_empty = 0; is_empty < 2; is_empty++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tcp(one);
        GByteArray        *octets = g_byte_array_new();

        send_data(one, FLOW_CLIENT, client_hello(NAME, 0x0303, NULL));
        send_data(one, FLOW_SERVER, server_flight(true));
        g_assert_true(conversation->certificate_requested);
        g_assert_false(conversation->certificate_sent || conversation->certificate_empty);
        add_certificate(octets, is_empty);
        send_data(one, FLOW_CLIENT, octets);
        g_assert_true(conversation->certificate_empty == is_empty);
        g_assert_true(conversation->certificate_sent == !is_empty);
        g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com"); /* the server's */
        end(one);
    }
}

static void
test_foreign(void)
{
    static const char  page[] = "HTTP/1.1 400 Bad\r\n\r\n";
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);

    send_data(one, FLOW_CLIENT, client_hello(NULL, 0x0303, NULL));
    send_part(one, FLOW_SERVER, ACK, (const uint8_t *)page, strlen(page), strlen(page), 0);
    g_assert_true(conversation->is_foreign_protocol);
    g_assert_cmpstr(conversation->foreign_data, ==, "HTTP/1.1 400 Bad");
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_FAILED);
    assert_story(conversation,
                 "TCP handshake in 2.0 ms; TLS without a server name, handshake failed: the answer is no TLS "
                 "but “HTTP/1.1 400 Bad”; still open after 4.0 ms");
    end(one);
}

/* Plain HTTP is nothing of TLS. */
static void
test_plain_http(void)
{
    static const char  request[] = "GET / HTTP/1.1\r\n\r\n", page[] = "HTTP/1.1 200 OK\r\n\r\n";
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tcp(one);

    send_part(one, FLOW_CLIENT, ACK, (const uint8_t *)request, strlen(request), strlen(request), 0);
    send_part(one, FLOW_SERVER, ACK, (const uint8_t *)page, strlen(page), strlen(page), 0);
    g_assert_false(conversation->is_tls);
    g_assert_false(conversation->is_foreign_protocol);
    g_assert_null(conversation->turns);
    g_assert_true(flow_tls_state_of(conversation) == FLOW_TLS_NONE);
    end(one);
}

/* Five megabytes are no SCEP: nothing is kept of them, unless the server is one by its name. */
static void
test_busy(void)
{
    enum { RECORD = 16000, RECORDS = 5 * 1024 * 1024 / RECORD };

    static const char *const server_names[] = { PLAIN_NAME, NAME };

    for (size_t i = 0; i < G_N_ELEMENTS(server_names); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls12(one, server_names[i]);
        GByteArray        *record = opaque(WIRE_TLS_APPLICATION_DATA, RECORD);
        uint64_t           before = conversation->octets[FLOW_SERVER];

        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        for (int j = 0; j < RECORDS; j++)
            send_part(one, FLOW_SERVER, ACK, record->data, record->len, record->len, 0);
        g_assert_true(conversation->is_busy == (i == 0));
        g_assert_true((conversation->turns == NULL) == (i == 0));
        g_assert_cmpuint(conversation->octets[FLOW_SERVER], ==, before + (uint64_t)RECORDS * record->len);
        if (i == 1)
            g_assert_cmpuint(turn_at(conversation, 0)->octets[FLOW_SERVER], ==, RECORDS * record->len);
        /* It goes on, and nothing comes back. */
        send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
        send_flags(one, FLOW_CLIENT, FIN);
        g_assert_true((conversation->turns == NULL) == (i == 0));
        g_assert_cmpuint(conversation->fin[FLOW_CLIENT].frame, ==, one->frame);
        g_byte_array_unref(record);
        end(one);
    }
}

/* Likewise a great many requests. */
static void
test_many_turns(void)
{
    static const char *const server_names[] = { PLAIN_NAME, NAME };

    for (size_t i = 0; i < G_N_ELEMENTS(server_names); i++) {
        connection        *one = new_connection();
        flow_conversation *conversation = handshake_tls12(one, server_names[i]);

        for (int j = 0; j < 200; j++) {
            send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
            send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
        }
        g_assert_true(conversation->is_busy == (i == 0));
        if (i == 1)
            g_assert_cmpuint(conversation->turns->len, ==, 200);
        end(one);
    }
}

/* --- what others read --- */

static void
test_counts(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    flow_exchange     *first, *second;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    track_is_read(one->place.track);
    g_assert_true(conversation->is_readable);
    first = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, first);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 235));
    track_count_answer(one->place.track, first);
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 1000));
    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 2000));
    second = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, second);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 3495));
    track_count_answer(one->place.track, second);
    g_assert_cmpuint(first->response_octets, ==, 240);
    g_assert_cmpuint(second->request_octets, ==, 3010);
    g_assert_cmpuint(second->response_octets, ==, 3500);
    end(one);
}

/* "Those that its side sent since the last": the handshake belongs to no request. */
static void
test_count_without_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls12(one, NAME);
    flow_exchange     *first;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    first = flow_add_exchange(conversation, FLOW_DECRYPTED, (flow_moment){ one->frame, BEGIN });
    track_count_request(one->place.track, first);
    g_assert_cmpuint(first->request_octets, ==, 300);
    end(one);
}

/* The certificate of TLS 1.3, once someone has decrypted it: in pieces, and with another message before it. */
static void
test_decrypted_handshake(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = handshake_tls13(one, FINISHED_13);
    GByteArray *list = g_byte_array_new(), *body = g_byte_array_new(), *certificate = g_byte_array_new(), *octets;
    track_place        server;

    g_byte_array_append(certificate, (const uint8_t *)"certificate", 11);
    add_with_length(list, certificate, 3);
    add_number(list, 0, 2); /* no extensions */
    add_number(body, 0, 1); /* no context */
    add_with_length(body, list, 3);
    octets = message(WIRE_TLS_CERTIFICATE, body);
    send_flags(one, FLOW_SERVER, ACK);
    server = one->place;
    for (guint i = 0; i < octets->len; i++)
        track_decrypted_handshake(server, octets->data + i, 1, (flow_moment){ 5, BEGIN });
    g_assert_cmpstr(conversation->certificate->subject, ==, "CN=scep.contoso.com");
    g_byte_array_unref(octets);
    end(one);
}

static void
test_name(void)
{
    connection        *one = new_connection();
    flow_conversation *conversation = send_flags(one, FLOW_CLIENT, SYN);
    char               interface[] = "wap-outside";

    track_name(one->place.track, 7, interface);
    interface[0] = 'x';
    g_assert_cmpuint(conversation->tcp_stream, ==, 7);
    g_assert_cmpstr(conversation->vantage, ==, "wap-outside");
    end(one);
}

/* An answer that goes on after it was asked for: what is said of it is what there is at the end. */
static void
test_growing_answer(void)
{
    connection           *one = new_connection();
    flow_conversation    *conversation = handshake_tls12(one, NAME);
    const flow_enrolment *enrolment;

    send_data(one, FLOW_CLIENT, opaque(WIRE_TLS_APPLICATION_DATA, 295));
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 495));
    g_assert_cmpuint(flow_evaluate(one->model)->enrolments->len, ==, 1);
    send_data(one, FLOW_SERVER, opaque(WIRE_TLS_APPLICATION_DATA, 2995));
    enrolment = enrolment_of(flow_evaluate(one->model), 1);
    g_assert_cmpuint(enrolment->end.frame, ==, one->frame);
    assert_part_steps(part_of(conversation), "tcp-handshake ok, tls-handshake ok, get-ca-cert ok");
    end(one);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/track/handshake", test_handshake);
    g_test_add_func("/track/refused", test_refused);
    g_test_add_func("/track/no-answer", test_no_answer);
    g_test_add_func("/track/reset", test_reset);
    g_test_add_func("/track/fin", test_fin);
    g_test_add_func("/track/port-reuse", test_port_reuse);
    g_test_add_func("/track/retransmissions", test_retransmissions);
    g_test_add_func("/track/early", test_early);
    g_test_add_func("/track/lost", test_lost);
    g_test_add_func("/track/cut", test_cut);
    g_test_add_func("/track/ipv6", test_ipv6);
    g_test_add_func("/track/middle", test_middle);
    g_test_add_func("/track/tls12", test_tls12);
    g_test_add_func("/track/single-octets", test_single_octets);
    g_test_add_func("/track/tls13", test_tls13);
    g_test_add_func("/track/tls13-rejected", test_tls13_rejected);
    g_test_add_func("/track/alert", test_alert);
    g_test_add_func("/track/client-certificate", test_client_certificate);
    g_test_add_func("/track/foreign", test_foreign);
    g_test_add_func("/track/plain-http", test_plain_http);
    g_test_add_func("/track/busy", test_busy);
    g_test_add_func("/track/many-turns", test_many_turns);
    g_test_add_func("/track/counts", test_counts);
    g_test_add_func("/track/decrypted-handshake", test_decrypted_handshake);
    g_test_add_func("/track/name", test_name);
    g_test_add_func("/track/lost-counts-once", test_lost_counts_once);
    g_test_add_func("/track/resumed", test_resumed);
    g_test_add_func("/track/count-without-handshake", test_count_without_handshake);
    g_test_add_func("/track/growing-answer", test_growing_answer);
    return g_test_run();
}
