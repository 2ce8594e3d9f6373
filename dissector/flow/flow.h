/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What an enrolment is. Evidence about conversations comes in (evidence.h), flow_evaluate() makes enrolments of it, views
 * read them. GLib only; nothing here knows Wireshark.
 *
 * Times are nanoseconds since 1970 (UTC), frames the numbers of frames (0: none). Strings and structures belong to the
 * model they come from: conversations and exchanges live as long as it does, everything below flow_result until the next
 * flow_evaluate().
 */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>

typedef struct flow_model        flow_model;
typedef struct flow_conversation flow_conversation;
typedef struct flow_exchange     flow_exchange;
typedef struct flow_enrolment    flow_enrolment;
typedef struct flow_log          flow_log;       /* a log file, see logs.h */
typedef struct flow_knowledge    flow_knowledge; /* expected flows and catalogue, see knowledge.h */

typedef struct {
    uint32_t frame;
    int64_t  time;
} flow_moment;

typedef enum { FLOW_CLIENT, FLOW_SERVER } flow_side;

typedef enum { FLOW_INFERRED, FLOW_DECRYPTED, FLOW_LOG } flow_basis;

typedef enum {
    FLOW_LEG_UNKNOWN,
    FLOW_DEVICE_WAP,
    FLOW_WAP_NDES,
    FLOW_DEVICE_NDES,
    FLOW_NDES_CRP,
    FLOW_NDES_CA,
    FLOW_NDES_INTUNE,
    FLOW_DEVICE_MDM,
} flow_leg;

/* What an enrolment consists of, the transport below it included. */
typedef enum {
    FLOW_STEP_NONE,
    FLOW_TCP_HANDSHAKE,
    FLOW_TLS_HANDSHAKE,
    FLOW_GET_CA_CAPS,
    FLOW_GET_CA_CERT,
    FLOW_GET_NEXT_CA_CERT,
    FLOW_PKI_OPERATION,
    FLOW_VERIFY_REQUEST,
    FLOW_CA_ISSUE,
    FLOW_NOTIFY,
    FLOW_CERT_REP,
    FLOW_SYNC,
    FLOW_OTHER_REQUEST, /* SCEP, or on a connection of SCEP, but none of the above */
    /* Parts of the registration point's calls, which only logs show. */
    FLOW_TEMPLATE_PERMISSION,
    FLOW_CRP_PHASE_1,   /* decodes request and challenge */
    FLOW_CRP_PHASE_2,   /* device and user */
    FLOW_CRP_PHASE_3,   /* compares the request with the challenge */
    FLOW_CHALLENGE_VERIFIED,
    FLOW_STATE_MESSAGE,
    FLOW_STEPS,
} flow_step;

typedef enum {
    FLOW_OK,
    FLOW_FAILED,
    FLOW_MISSING,
    FLOW_WAITING,      /* the capture ends before it is known */
    FLOW_UNEXPECTED,
    FLOW_OUT_OF_ORDER,
    FLOW_NOT_VISIBLE,  /* from this vantage point */
} flow_state;

typedef enum { FLOW_COMPLETE, FLOW_VERDICT_FAILED, FLOW_PENDING, FLOW_INCOMPLETE } flow_verdict;

typedef enum {
    FLOW_TCP_NO_ANSWER,   /* SYN without answer */
    FLOW_TCP_REFUSED,     /* SYN answered by RST (or ICMP) */
    FLOW_TCP_ESTABLISHED, /* and still open when the capture ends */
    FLOW_TCP_CLOSED,      /* by FIN of both sides, or of one with nothing left to say */
    FLOW_TCP_RESET,
} flow_tcp_state;

typedef enum { FLOW_TLS_NONE, FLOW_TLS_HANDSHAKING, FLOW_TLS_FAILED, FLOW_TLS_ESTABLISHED } flow_tls_state;

/* How far a TLS handshake came: the last flight that was seen. */
typedef enum {
    FLOW_FLIGHT_NONE,
    FLOW_FLIGHT_CLIENT_HELLO,
    FLOW_FLIGHT_SERVER_HELLO, /* begun: ServerHello, Certificate … */
    FLOW_FLIGHT_SERVER_DONE,  /* ServerHelloDone, or with TLS 1.3 or resumption the server's encrypted part */
    FLOW_FLIGHT_CLIENT_FINISHED,
    FLOW_FLIGHT_FINISHED,     /* of both */
} flow_flight;

/* A server's or client's certificate; one for all conversations that show it. */
typedef struct {
    const char        *subject, *issuer; /* RFC 4514 */
    const char *const *names;            /* DNS names and addresses of the SAN, or the CN; NULL-terminated */
    int64_t            not_before, not_after;
    bool               is_self_signed;
} flow_certificate;

typedef struct {
    const char *address; /* as text, NULL when not known */
    uint16_t    port;    /* 0 when not known */
} flow_endpoint;

/* A question and its answer as an encrypted conversation shows them: application data one way, then the other. */
typedef struct {
    flow_moment request, request_end;   /* first and last frame */
    flow_moment response, response_end; /* frame 0: none */
    uint32_t    octets[2];              /* on TCP, TLS records included, by the side that sent */
    uint16_t    records[2];
    uint16_t    first_records[2];       /* lengths of the answer's first two records */
} flow_turn;

/* One TCP conversation and what its transport tells, whoever reads it; or what a log tells of one. */
struct flow_conversation {
    flow_model   *model;
    flow_log     *log;            /* NULL, or all that is known of it is a line of this log, or a few that belong together */
    unsigned      tcp_stream;
    const char   *vantage;        /* name of the interface, or NULL */
    uint64_t      identity;       /* the same wherever the connection was captured; 0: not known */
    const flow_conversation *twin; /* after flow_evaluate(): the same connection, captured elsewhere, that counts; or NULL */
    flow_endpoint client, server;
    flow_moment   first, last;

    /* TCP. Arrays are indexed by the side that sent. */
    flow_moment   syn, syn_ack, established; /* frame 0 when not seen */
    flow_moment   fin[2], reset;
    flow_side     reset_by;
    uint64_t      octets[2];      /* of payload */
    uint32_t      segments[2];    /* with payload */
    uint32_t      retransmissions[2];
    uint32_t      syn_repeats;
    bool          has_start;      /* the SYN was captured */
    bool          has_losses;     /* the capture lacks segments */
    bool          has_hole;       /* it ended while something before what had come was still missing */

    /* TLS. */
    bool          is_tls;
    bool          is_foreign_protocol; /* the server (or client) answered with something that is not TLS */
    const char   *foreign_data;   /* its first octets, printable */
    flow_flight   flight;
    unsigned      offered_version, version; /* 0x0303 is TLS 1.2; 0 when not known */
    unsigned      cipher_suite;
    const char   *server_name;    /* SNI, NULL when none was sent */
    const char   *protocol;       /* ALPN that was chosen, NULL when none */
    bool          offers_h2;
    bool          is_resumed;
    bool          certificate_requested; /* of the client */
    bool          certificate_requested_late; /* by renegotiation, after the first handshake */
    bool          certificate_sent, certificate_empty; /* by the client */
    const flow_certificate *certificate; /* NULL when not visible */
    const flow_certificate *client_certificate; /* likewise */
    unsigned      records[2];     /* of application data */
    unsigned      renegotiations; /* handshake records after the handshake */
    flow_moment   client_hello, server_hello, tls_established;
    flow_moment   alert;
    flow_side     alert_by;
    int           alert_level, alert_description; /* -1 when encrypted */
    bool          alert_is_closing;               /* close_notify, or encrypted where one is due */

    /* DCE/RPC (C706, [MS-RPCE]). What it asks for is in `exchanges`. */
    bool          is_rpc;
    bool          is_rpc_encrypted; /* a call of packet privacy was seen */
    bool          is_rpc_refused;   /* the server wanted none of the interfaces, or not the client */
    const char   *rpc_interface;    /* "ICertRequestD" …, "endpoint mapper"; NULL: none that is known, or not captured */

    bool          is_readable;    /* HTTP or RPC was read: nothing is inferred */
    bool          is_busy;        /* far more than SCEP ever does: turns are kept no more */
    GArray       *turns;          /* of flow_turn; NULL when there are none. Owned */
    GPtrArray    *exchanges;      /* of flow_exchange *, what was read, in order; NULL when nothing was. Owned */
};

/* A message of a log. */
typedef struct {
    flow_moment where;
    uint32_t    line;
    int         level;  /* 1 information, 2 warning, 3 error; 0 not known */
    const char *text;
} flow_message;

/* What a log tells of a request or call that packets do not. Lives as long as the model. */
typedef struct {
    flow_log   *log;
    uint32_t    line;         /* the first one's number in the file, 0 when not known */
    unsigned    lines;        /* how many there are */
    int64_t     slack;        /* it may all have been later by so much: whole seconds */
    int64_t     win32_status; /* -1: none */
    const char *reason;       /* HTTPERR's s-reason */
    bool        is_cut;       /* the query was too long for the log */
    GArray     *messages;     /* of flow_message; NULL for a line of a web server */
    GPtrArray  *phases;       /* of flow_exchange *: parts of the call; or NULL */
    const char *device_id, *user_id;

    /* What flow_evaluate() says. */
    flow_exchange *of;         /* the exchange that this one is a witness of, or NULL */
    const flow_conversation *failed_in; /* the connection of packets in which nothing was asked because it failed; or NULL */
    unsigned       confidence; /* percent */
    const char    *how;        /* in words */
    int64_t        moved;      /* by what its times differ from those of the file */
} flow_testimony;

/* A request and its answer. What was not captured or is not known is 0, NULL or -1. Those that were read live as long as
 * the model, those that are inferred until the next flow_evaluate(). */
struct flow_exchange {
    flow_conversation *conversation;
    flow_testimony    *testimony;  /* of what a log tells; NULL for packets */
    GPtrArray         *witnesses;  /* of flow_exchange *: the same in logs and in captures made elsewhere, after
                                    * flow_evaluate(); or NULL */
    flow_basis         basis;
    flow_moment        request, request_end;   /* first frame, and the last, in which it is whole */
    flow_moment        response, response_end; /* likewise */
    uint32_t           request_octets, response_octets; /* on TCP, TLS records included */
    uint32_t           request_records, response_records;

    /* What was read (basis decrypted or log). */
    flow_step   step;             /* also what was inferred, after flow_evaluate() */
    const char *operation;        /* as sent */
    const char *product;          /* of a registration point: "ConfigMgr", "Intune connector", "Intune"; or NULL */
    const char *message;          /* the parameter of a Get… */
    bool        is_post;
    uint32_t    target_length;    /* octets of the request target */
    const char *user_agent, *host;
    const char *transaction_id;
    int         message_type, pki_status, fail_info; /* RFC 8894 3.2.1 */
    uint32_t    hresult;
    bool        has_hresult;
    const char *subject;          /* of the opened PKCS #10 */
    int         http_status;
    const char *http_server, *location; /* headers of the answer */
    const char *content_type;
    bool        is_answer_readable; /* the answer is what SCEP expects here */
    const char *problem;          /* what the dissector found wrong with the answer, or NULL */
    const char *request_key;      /* the same for requests for the same public key, wherever it was read; or NULL */
    int         verified;         /* what the registration point said: 1 true, 0 false, -1 nothing */
    const char *code, *code_meaning; /* a result code by its name, or NULL */
    unsigned    http_substatus;   /* IIS's, from its error page; 0 when not known */
    bool        tells_failure;    /* of a Notify: no certificate was issued */
    int         disposition;      /* the CA's, [MS-WCCE] 3.2.1.4.2.1; -1 when not known */

    /* What flow_evaluate() says. */
    flow_enrolment *enrolment;    /* NULL: none */
    flow_state      state;
    unsigned        confidence;   /* percent */
    const char     *reason;       /* of what was inferred, in words; NULL when it was read */
    flow_exchange  *onward;       /* the same request on the next leg, or NULL */
    flow_exchange  *inward;       /* the same request on the leg before, or NULL */
    unsigned        onward_confidence;
    const char     *onward_reason;
    const flow_exchange *operation_of; /* of a request behind NDES: the PKIOperation that it serves, or NULL */
};

/* One step of one conversation, as reports list them. */
typedef struct {
    flow_step            step;
    flow_state           state;
    flow_moment          begin, end;   /* request_end and response_end; end.frame 0 when there was none */
    const flow_exchange *exchange;     /* NULL for handshakes */
    bool                 is_expected;
} flow_part_step;

/* A conversation's part in an enrolment. What a log tells of one role stands in one part, though it may have been in
 * several conversations: then `conversation` is the first of them. */
typedef struct {
    const flow_conversation *conversation;
    flow_enrolment          *enrolment;
    unsigned                 number;     /* within the enrolment, from 1 */
    flow_leg                 leg;
    const char             **roles;      /* names as in the .flow file, NULL-terminated; "unknown" alone when none fits */
    flow_basis               basis;
    unsigned                 confidence; /* percent */
    const char              *reason;     /* one sentence: how the role is known */
    GArray                  *steps;      /* of flow_part_step, in order of time */
    const char              *expected_next; /* step's name after the last one, or NULL */
    unsigned                 continues;  /* number of the conversation of the leg before that it continues, or 0 */
} flow_part;

/* One step of the enrolment against the expected flow, in the order of that flow. */
typedef struct {
    flow_step        step;
    const char      *role;          /* of the conversation it is expected in */
    flow_state       state;
    const flow_part *part;          /* where it happened, or NULL */
    const flow_exchange *exchange;  /* or NULL */
    const char      *seen_by;       /* "capture", or the vantage points' names joined by ", "; NULL when nobody */
    const char      *look;          /* what would show it, when it is not visible; or NULL */
} flow_expectation;

typedef enum { FLOW_NOTE, FLOW_WARNING, FLOW_ERROR } flow_severity;

/* What the time of a PKIOperation was spent on. */
typedef enum {
    FLOW_TIME_NETWORK,       /* of a leg: octets on their way, connections being made */
    FLOW_TIME_WAP,
    FLOW_TIME_BEHIND,        /* whatever is behind a server whose other side was not captured */
    FLOW_TIME_NDES_BEFORE,   /* before VerifyRequest */
    FLOW_TIME_VERIFY,
    FLOW_TIME_NDES_BETWEEN,  /* between the calls that were captured */
    FLOW_TIME_CA,
    FLOW_TIME_NOTIFY,
    FLOW_TIME_NDES_AFTER,    /* after Notify */
    FLOW_TIME_PARTS,
} flow_time_part;

/* How often one part can come up: the network of a leg on the way there and back, connecting and in between. */
#define FLOW_STRETCHES 4

typedef struct {
    flow_time_part part;
    flow_leg       leg;          /* of FLOW_TIME_NETWORK, else FLOW_LEG_UNKNOWN */
    bool           is_estimated; /* not by packets at its begin and end */
    int64_t        time;         /* sum of its stretches, ns */
    unsigned       count;
    struct {
        int64_t begin, time;     /* since the first packet of the PKIOperation, ns */
    } stretches[FLOW_STRETCHES];
} flow_span;

/* The time from a PKIOperation's first packet to the last of its answer, on the outermost leg that was captured. */
typedef struct {
    const flow_exchange *operation;
    int64_t              total;  /* ns; the spans' times add up to it */
    GArray              *spans;  /* of flow_span, by their first stretch */
    const flow_span     *slowest;
} flow_timing;

/* What went wrong, from the catalogue; text with its variables filled in. */
typedef struct {
    const char      *id;
    flow_severity    severity;
    flow_moment      where;
    const flow_part *part;          /* or NULL */
    const flow_exchange *exchange;  /* or NULL */
    flow_leg         leg;
    const char      *what, *cause, *fix, *look;
} flow_finding;

struct flow_enrolment {
    unsigned     number;            /* in the file, from 1 */
    flow_verdict verdict;
    const char  *flow;              /* name of the expected flow */
    const char  *flow_title;
    const char  *device;            /* address, NULL when no leg of the device was captured */
    const char  *server;            /* name: SNI, Host or certificate; NULL when not known */
    flow_endpoint server_endpoint;
    const char  *transaction_id, *subject;
    const char  *device_id, *user_id; /* GUIDs, as the registration point's log has them */
    flow_moment  begin, end;
    GPtrArray   *parts;             /* of flow_part * */
    GPtrArray   *steps;             /* of flow_expectation * */
    GPtrArray   *findings;          /* of flow_finding *, worst first */
    GPtrArray   *timings;           /* of flow_timing *, one for each PKIOperation that was answered */
    unsigned     attempt;           /* 1 for the device's first try in this file, 2 … */
    int64_t      first_try;         /* when that one began */
    int64_t      retry_due;         /* when the device tries again, 0 when it has no reason to or it is not known */
    const char  *retry_basis;       /* the schedule in words, or NULL */
    const char  *confidence_reason;
    unsigned     confidence;        /* percent; 100 when anything was read */
};

/* How the time zone of a log is known. */
typedef enum {
    FLOW_ZONE_UTC,      /* the format's */
    FLOW_ZONE_BIAS,     /* its records say it */
    FLOW_ZONE_TOLD,     /* by the user */
    FLOW_ZONE_INFERRED, /* the only one that fits the other evidence */
    FLOW_ZONE_ASSUMED,  /* nothing to compare with: taken for UTC */
} flow_zone_basis;

/* A log file; lives as long as the model. Its times are compared, and shown, with `zone` added and `skew` taken off. */
struct flow_log {
    flow_model     *model;
    unsigned        number;
    const char     *format;            /* "iis", "httperr", "cmtrace", "svclog" */
    const char     *name;              /* of the file, with its folder where another has the same */
    const char     *path;              /* as it was opened, or NULL */
    const char     *kind;              /* whose: "ndes", "ndes-plugin", "crp"; NULL while nothing tells */
    flow_moment     first, last;       /* of its lines, as the file has them */
    unsigned        lines, malformed;
    unsigned        told;              /* lines about requests or calls */
    unsigned        joined;            /* such of requests or calls that somebody else has seen as well */
    unsigned        with_zone;         /* lines that have a time zone of their own */
    GPtrArray      *exchanges;         /* of flow_exchange *, in the order of the file */
    GHashTable     *open;              /* thread (interned) -> the call that it is at */

    /* What flow_evaluate() says. */
    flow_zone_basis zone_basis;
    int64_t         zone;              /* ns to be added to the times of the file */
    unsigned        zone_confidence;   /* percent */
    unsigned        fits;              /* events by which zone and clock were compared with others */
    int64_t         skew;              /* ns: its clock less that of the other evidence, beyond the zone; taken off its times */
    bool            is_reference;      /* nothing else to compare its clock with */
};

typedef struct {
    GPtrArray *logs;                /* of flow_log *, in the order of their first lines */
    GPtrArray *enrolments;          /* of flow_enrolment *, in the order of their begin */
    const char *hint;               /* without enrolments: one line about what there was instead */
} flow_result;

/* Makes enrolments of the evidence there is; cheap when nothing was added since the last call. */
const flow_result *flow_evaluate(flow_model *model);

/* The parts of a conversation after the last flow_evaluate(): an array of flow_part *, NULL when it has none. */
const GPtrArray *flow_parts_of(const flow_conversation *conversation);

/* Where frame `frame` of a conversation stands. */
typedef struct {
    const flow_part *part;
    flow_step        step;
    flow_state       state;    /* of that step as far as this frame knows */
    const char      *next;     /* name of the step expected after this frame, or NULL */
    char            *sentence; /* free with g_free() */
    uint32_t         previous_frame, next_frame; /* of the neighbouring steps, 0 when there are none */
    const flow_exchange *told; /* what a line of a log in this frame tells of; NULL for packets */
} flow_position;

/* `from` tells who sent the frame. */
void flow_position_of(const flow_part *part, uint32_t frame, flow_side from, flow_position *position);

/* A display filter that selects the frames of the enrolment; free with g_free(). */
char *flow_filter_of(const flow_enrolment *enrolment);

/* An exchange (index 0) and what logs tell of it (from 1); NULL beyond the last. */
const flow_exchange *flow_witness(const flow_exchange *exchange, guint index);

/* True when a log tells of an exchange. */
bool flow_is_logged(const flow_exchange *exchange);

/* What an exchange or one of its witnesses tells; 0 or NULL when none does. */
int         flow_http_status(const flow_exchange *exchange);
unsigned    flow_http_substatus(const flow_exchange *exchange);
const char *flow_problem(const flow_exchange *exchange);

/* True when the conversation of an exchange or of one of its witnesses is in a set. */
bool flow_is_seen_by(const flow_exchange *exchange, GHashTable *conversations);

/* Names as fields and JSON have them. */
const char *flow_leg_name(flow_leg leg);
const char *flow_step_name(flow_step step);
const char *flow_state_name(flow_state state);
const char *flow_basis_name(flow_basis basis);
const char *flow_verdict_name(flow_verdict verdict);
const char *flow_severity_name(flow_severity severity);
const char *flow_zone_basis_name(flow_zone_basis basis);  /* "utc", "bias", "told", "inferred", "assumed" */
const char *flow_time_part_name(flow_time_part part);     /* "network", "ndes-before", "verify-request" … */
const char *flow_time_part_title(flow_time_part part);    /* "NDES before VerifyRequest" … */
const char *flow_tcp_state_name(flow_tcp_state state);
const char *flow_tls_state_name(flow_tls_state state);   /* "none", "handshaking", "failed", "established" */
const char *flow_tls_version_name(unsigned version);      /* "TLS 1.2"; NULL for 0 */
const char *flow_alert_name(int description);             /* "unknown_ca"; RFC 8446 6 and RFC 5246 7.2 */
const char *flow_alert_meaning(int description);          /* what it says about the sender's reason */
const char *flow_client_certificate_name(const flow_conversation *conversation); /* "sent", "empty", "requested"; or NULL */
const char *flow_operation_name(flow_step step);          /* "GetCACaps" … for people; flow_step_name() otherwise */

flow_tcp_state flow_tcp_state_of(const flow_conversation *conversation);
flow_tls_state flow_tls_state_of(const flow_conversation *conversation);

/* The transport's story in one or two sentences ("TCP handshake in 0.3 ms; TLS 1.2 to scep.contoso.com, resumed; closed by
 * the client after 1.2 s"); free with g_free(). */
char *flow_story(const flow_conversation *conversation);

#endif
